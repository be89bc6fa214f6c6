# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to a model file."""
from __future__ import annotations

import ctypes
import json
import os
import tempfile
import time
import weakref
from ctypes import byref, c_float, c_size_t, c_void_p
from typing import Any, Optional, Sequence

from ._library import (CALIBRATION_ROWS, INPUTS, KV_CACHES, ROTATIONS, bnc_array, bnc_calibration_prompts, bnc_compile_options, bnc_exchange, file_name, library,
                       unsigned, utf8)
from .models import Context, Model
from .results import CompileReport
from .sessions import Progress

WEIGHTS = ("f32", "int8", "int4", "bf16")
# What the program's flags are called here where not as there, and which have no argument, and why. tests/python/test_models.py compares.
FLAGS = {"o": "output", "kv": "kv_cache", "disable-pass": "without_passes", "quiet": "progress"}
OTHER_FLAGS = {"report": "CompileReport.report is always there", "evaluate": "the program: binocle compile --evaluate", "json": "--evaluate's"}
# Arguments that are one of some words: a member of bnc_compile_options each, and its values in their order, those that are not allowed as None.
CHOICES = {
    "vision_weights": ("f32", "int8", None, "bf16"), "text_weights": WEIGHTS, "head_weights": (None, "int8", "int4"), "embedding_weights": (None, "int8", "int4"),
    "kv_cache": KV_CACHES, "rotation": ROTATIONS,
}


def pass_names() -> "list[str]":
    """The passes that a compile runs, in their order."""
    names: "list[str]" = []
    while True:
        name = library.bnc_compile_pass_name(len(names))
        if name is None:
            return names
        names.append(name.decode())


def _choose(options: bnc_compile_options, chosen: "dict[str, str]") -> None:
    for name, value in chosen.items():
        if value is None or value not in CHOICES[name]:
            raise ValueError(f"{name} is {value!r}, expected one of {', '.join(word for word in CHOICES[name] if word)}")
        setattr(options, name, CHOICES[name].index(value))


def _questions(path: str) -> "list[tuple[list[str], str, Optional[str]]]":
    """Pictures, question and first answer of each line, as `binocle eval` reads them."""
    found = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                asked = json.loads(line)
                images, answers = asked.get("image", asked.get("images", [])), asked.get("answers", asked.get("answer", []))
                question = asked["question"]
            except (ValueError, KeyError, AttributeError) as error:
                raise ValueError(f"{path}: line {number}: {error!r}") from None
            images, answers = ([item] if isinstance(item, str) else item for item in (images, answers))
            found.append(([os.path.join(os.path.dirname(path), image) for image in images], question, answers[0] if answers else None))
    if not found:
        raise ValueError(f"{path}: has no questions")
    return found


class _Prompts:
    """bnc_calibration_prompts of a file of questions: a model of one text layer, compiled with the same options and gone afterwards, makes their rows.
    moments: of what its vision's matrices read, for as long as this lives."""

    def __init__(self, path: str, options: bnc_compile_options, machine: Context, folder: str, threads: int) -> None:
        eyes = bnc_compile_options.from_buffer_copy(options)
        output = os.path.join(folder, "eyes.bnc")
        eyes.output, eyes.calibration, eyes.report, eyes.packed, eyes.text_layers = file_name(output), None, None, 0, 1
        eyes.rotation = ROTATIONS.index("off")  # calibration turns the rows itself
        questions = _questions(path)
        machine.call(library.bnc_compile, machine.handle, byref(eyes))
        self.rows, lengths, self.moments, self._status = bytearray(), [], c_void_p(), 0
        machine.call(library.bnc_moments_create, machine.handle, byref(self.moments))
        weakref.finalize(self, library.bnc_moments_free, self.moments)
        self._watch = INPUTS(self._take)
        with Model(output, threads=threads, keep_pictures=1) as model:
            self.hidden = model.info.hidden
            lengths.append(self._add(model, questions[0]))
            taken = min(CALIBRATION_ROWS // lengths[0] + 1, len(questions))
            lengths += [self._add(model, questions[i * len(questions) // taken]) for i in range(1, taken)]
        self.values = (c_float * (len(self.rows) // 4)).from_buffer(self.rows)
        self.lengths = (c_size_t * len(lengths))(*lengths)
        self.raw = bnc_calibration_prompts(self.values, self.lengths, len(lengths), self.hidden)

    def _take(self, _: Any, inputs: Any) -> None:
        """As runtime/program/input_watch.c: some 64 rows at even distances."""
        told = inputs.contents
        taken = range(0, told.rows, max(told.rows // 64, 1))
        values = (c_float * (len(taken) * told.cols))()
        for i, row in enumerate(taken):
            library.bnc_matrix_inputs_row(inputs, row, ctypes.cast(byref(values, 4 * i * told.cols), ctypes.POINTER(c_float)))
        self._status = self._status or library.bnc_moments_add(self.moments, told.matrix, values, len(taken), told.cols)

    def _add(self, model: Model, asked: "tuple[list[str], str, Optional[str]]") -> int:
        images, question, answer = asked
        exchange, rows = bnc_exchange(utf8(question, "a question"), None if answer is None else utf8(answer, "an answer")), bnc_array()
        with model.session() as session:
            library.bnc_session_observe_inputs(session._handle, self._watch, None)
            for image in images:
                session.add_image(image)
            session._call(library.bnc_session_prompt_rows, byref(exchange), 1, byref(rows))
        count = int(rows.shape[0])
        self.rows += ctypes.string_at(rows.values, 4 * count * self.hidden)
        library.bnc_array_free(byref(rows))
        if self._status:
            raise MemoryError("for what vision's matrices read")
        return count


def compile(checkpoint: "str | os.PathLike[str]", output: "str | os.PathLike[str]", *,  # noqa: A001: the command's name
            vision_tower: "Optional[str | os.PathLike[str]]" = None, vision_weights: str = "int8", text_weights: str = "int8", head_weights: str = "int8",
            embedding_weights: str = "int8", group: int = 0, bits_per_weight: float = 0, rotate: str = "auto", context: int = 0, input_size: int = 0,
            kv_cache: str = "default", calibration: "Optional[str | os.PathLike[str]]" = None, mmproj: "Optional[str | os.PathLike[str]]" = None,
            target: Optional[str] = None, packed: bool = False, without_passes: Sequence[str] = (), threads: int = 0, linear: Optional[str] = None,
            progress: Optional[Progress] = None) -> CompileReport:
    """Compiles a checkpoint, a folder (config.json, safetensors, tokenizer.json) or a GGUF file, with mmproj that of its vision side, into a .bnc file, which appears complete or not at all.

    vision_weights  "f32", "bf16" or "int8"     text_weights  "f32", "bf16", "int8" or "int4", in groups of `group` (16, 32, 64, 128) weights per scale; 0: 16 with a calibration, else 32
    head_weights, embedding_weights  under int4: "int8" or "int4"; embeddings that are tied to the head are what the head is
    bits_per_weight  under int4: so many at most in the text layers, with types and groups chosen by matrix; 0: all alike
    rotate          "auto", "on" or "off": text weights turned so that they lose less
    context         rows to which prompts are cut; 0: as the config says       input_size  side of the resized picture; 0: as the config says
    kv_cache        "f32", "f16" or "int8"   target  a machine's name, as "pi5"
    calibration     a text for which text weights are balanced, int4 rounded; questions with pictures, as for `binocle eval`, in a file whose name ends in
                    .jsonl; or "default"
    packed          the file also holds the weights packed for this machine    linear  as of Model, for calibration's pictures

    Raises FileError, FormatError (damaged, contradictory), Unsupported (a model that Binocle does not know), Cancelled, ValueError, or what progress raised.
    """
    options = bnc_compile_options(size=ctypes.sizeof(bnc_compile_options))
    library.bnc_compile_options_init(byref(options))
    _choose(options, {"vision_weights": vision_weights, "text_weights": text_weights, "head_weights": head_weights, "embedding_weights": embedding_weights,
                      "kv_cache": kv_cache, "rotation": rotate})
    options.checkpoint, options.output = file_name(checkpoint), file_name(output)
    options.group, options.context = unsigned(group, "group"), unsigned(context, "context")
    options.input_size, options.packed, options.bits_per_weight = unsigned(input_size, "input_size"), int(packed), float(bits_per_weight)
    for name, path in (("vision_tower", vision_tower), ("calibration", calibration), ("mmproj", mmproj)):
        if path is not None:
            setattr(options, name, file_name(path))
    if target is not None:
        options.target = utf8(target, "the target")
    passes = pass_names()
    for unwanted in without_passes:
        if unwanted not in passes:
            raise ValueError(f"there is no pass {unwanted!r}, expected one of {', '.join(passes)}")
        options.disabled_passes |= 1 << passes.index(unwanted)
    with tempfile.TemporaryDirectory(prefix="binocle-") as folder:
        report = os.path.join(folder, "report.json")
        options.report = file_name(report)
        machine, start = Context(threads, progress=progress, linear=linear), time.monotonic()
        if calibration is not None and os.fspath(calibration).endswith(".jsonl") and text_weights in ("int8", "int4"):
            prompts = _Prompts(os.fspath(calibration), options, machine, folder, threads)
            options.calibration, options.prompts, options.moments = None, ctypes.addressof(prompts.raw), prompts.moments
        machine.call(library.bnc_compile, machine.handle, byref(options))
        seconds = time.monotonic() - start
        with open(report, encoding="utf-8") as file:
            said: "dict[str, Any]" = json.load(file)
    return CompileReport(os.fspath(output), os.path.getsize(output), seconds, said)
