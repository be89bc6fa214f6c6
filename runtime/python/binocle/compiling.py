# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to a model file."""
from __future__ import annotations

import ctypes
import json
import os
import tempfile
import time
from ctypes import byref
from typing import Any, Optional, Sequence

from ._library import KV_CACHES, bnc_compile_options, file_name, library, unsigned, utf8
from .models import Context
from .results import CompileReport
from .sessions import Progress

WEIGHTS = ("f32", "int8", "int4", "bf16")
VISION_WEIGHTS = ("f32", "int8", "bf16")


def pass_names() -> "list[str]":
    """The passes that a compile runs, in their order."""
    names: "list[str]" = []
    while True:
        name = library.bnc_compile_pass_name(len(names))
        if name is None:
            return names
        names.append(name.decode())


def compile(checkpoint: "str | os.PathLike[str]", output: "str | os.PathLike[str]", *,  # noqa: A001: the command's name
            vision_tower: "Optional[str | os.PathLike[str]]" = None, vision_weights: str = "int8", text_weights: str = "int8", group: int = 32,
            context: int = 0, input_size: int = 0, kv_cache: str = "default", calibration: "Optional[str | os.PathLike[str]]" = None,
            mmproj: "Optional[str | os.PathLike[str]]" = None, target: Optional[str] = None, packed: bool = False, without_passes: Sequence[str] = (), threads: int = 0,
            progress: Optional[Progress] = None) -> CompileReport:
    """Compiles a checkpoint, a folder (config.json, safetensors, tokenizer.json) or a GGUF file, with mmproj that of its vision side, into a .bnc file, which appears complete or not at all.

    vision_weights  "f32", "bf16" or "int8"     text_weights  "f32", "bf16", "int8" or "int4", in groups of `group` (16, 32, 64, 128) weights per scale
    context         rows to which prompts are cut; 0: as the config says       input_size  side of the resized picture; 0: as the config says
    kv_cache        "f32", "f16" or "int8"   calibration  a text for which text weights are balanced, int4 rounded   target  a machine's name, as "pi5"
    packed          the file also holds the weights packed for this machine

    Raises FileError, FormatError (damaged, contradictory), Unsupported (a model that Binocle does not know), Cancelled, or what progress raised.
    """
    for what, value, allowed in (("vision_weights", vision_weights, VISION_WEIGHTS), ("text_weights", text_weights, WEIGHTS), ("kv_cache", kv_cache, KV_CACHES)):
        if value not in allowed:
            raise ValueError(f"{what} is {value!r}, expected one of {', '.join(allowed)}")
    options = bnc_compile_options(size=ctypes.sizeof(bnc_compile_options))
    library.bnc_compile_options_init(byref(options))
    options.checkpoint, options.output = file_name(checkpoint), file_name(output)
    options.vision_weights, options.text_weights, options.kv_cache = WEIGHTS.index(vision_weights), WEIGHTS.index(text_weights), KV_CACHES.index(kv_cache)
    options.group, options.context = unsigned(group, "group"), unsigned(context, "context")
    options.input_size, options.packed = unsigned(input_size, "input_size"), int(packed)
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
        machine, start = Context(threads, progress=progress), time.monotonic()
        machine.call(library.bnc_compile, machine.handle, byref(options))
        seconds = time.monotonic() - start
        with open(report, encoding="utf-8") as file:
            said: "dict[str, Any]" = json.load(file)
    return CompileReport(os.fspath(output), os.path.getsize(output), seconds, said)
