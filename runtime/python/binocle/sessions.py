# SPDX-License-Identifier: Apache-2.0
"""Conversations: pictures and questions in, answers out."""
from __future__ import annotations

import ctypes
import json
import os
import threading
import weakref
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Optional, Sequence, Tuple

from . import errors
from ._library import (LOGITS, TEXT, bnc_array, bnc_exchange, bnc_sampling, bnc_statistics, bnc_token, call, file_name, guarded, library, reporter,
                       take_text, token_ids, unsigned, utf8)
from .answers import FINISHES, Answer, Run
from .pictures import Image, Picture, pictures_of
from .results import Floats, Statistics, Token, Usage, floats, from_struct

if TYPE_CHECKING:
    from .models import Model

Progress = Callable[[str, float], Any]
STAGES = ("pixels", "tiles", "dem", "projector")
DRAFTS = ("none", "lookup")


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn and where it ends.

    temperature  0: greedy           top_p  in (0, 1], 1: off           top_k  0: off           seed  equal seeds draw equal answers
    max_tokens   None: until the model stops or the context is full     stop   texts, in front of the first of which the answer ends
    ignore_stop  True: the model's own stop tokens do not end the answer
    logprobs     True: Answer.tokens has each token's log-probabilities
    draft        "lookup" guesses ahead: the same answer, sooner where it repeats
    At most one of: choice, texts of which the answer is one; regex, an expression that it matches; json_schema, a schema (a dict, or its JSON) of
    which it is JSON. <binocle/constrain.h> says which expressions and schemas there are.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    max_tokens: Optional[int] = 256
    stop: "str | Sequence[str]" = ()
    ignore_stop: bool = False
    logprobs: bool = False
    draft: str = "none"
    choice: "Sequence[str]" = ()
    regex: Optional[str] = None
    json_schema: "str | Mapping[str, Any] | None" = None

    def form(self) -> "tuple[int, tuple[bytes, ...]]":
        """The number and the texts of a bnc_constraint_kind."""
        if isinstance(self.choice, str):
            raise TypeError("choice is a str, expected several texts")
        given: "list[tuple[int, tuple[bytes, ...]]]" = []
        if self.choice:
            given.append((1, tuple(utf8(text, "a choice") for text in self.choice)))
        if self.regex is not None:
            given.append((2, (utf8(self.regex, "regex"),)))
        if self.json_schema is not None:
            schema = self.json_schema if isinstance(self.json_schema, str) else json.dumps(self.json_schema)
            given.append((3, (utf8(schema, "json_schema"),)))
        if len(given) > 1:
            raise ValueError("more than one of choice, regex and json_schema is given")
        return given[0] if given else (0, ())

    def struct(self) -> bnc_sampling:
        if self.draft not in DRAFTS:
            raise ValueError(f"draft is {self.draft!r}, expected one of {', '.join(DRAFTS)}")
        raw = bnc_sampling(size=ctypes.sizeof(bnc_sampling))
        library.bnc_sampling_init(byref(raw))
        raw.temperature, raw.top_p = self.temperature, self.top_p
        raw.top_k, raw.seed = unsigned(self.top_k, "top_k"), unsigned(self.seed, "seed", bits=64)
        raw.max_tokens = 0 if self.max_tokens is None else unsigned(self.max_tokens, "max_tokens", low=1)
        raw.ignore_stop, raw.logprobs, raw.draft = int(self.ignore_stop), int(self.logprobs), DRAFTS.index(self.draft)
        stops = [utf8(text, "a stop text") for text in ([self.stop] if isinstance(self.stop, str) else self.stop)]
        if stops:
            raw.stop, raw.stop_count = (c_char_p * len(stops))(*stops), len(stops)
        return raw


@dataclass(frozen=True)
class Question:
    """What is asked in one go: pictures, then one of a prompt or exchanges that came before with the prompt behind them."""

    pictures: "list[Picture]"
    prompt: str
    history: "Sequence[tuple[str, str]]"
    sampling: Sampling
    progress: Optional[Progress]


def prepare(image: Any, prompt: str, format: Optional[str], history: "Iterable[Tuple[str, str]]", sampling: Sampling,
            progress: Optional[Progress]) -> Question:
    """Checks everything that can be checked, and copies pixels: the caller's memory may change before the work begins."""
    utf8(prompt, "the prompt")
    exchanges = [(str(question), str(answer)) for question, answer in history]
    sampling.struct()
    sampling.form()
    return Question([picture.kept() for picture in pictures_of(image, format)], prompt, exchanges, sampling, progress)


class Session:
    """One conversation with a model: what was said stays in its KV cache, so that a further question costs its own tokens alone.

    One thread at a time may use a session (SessionBusy else); sessions of one model may work at the same time. Close it, use it in a `with`
    block, or drop it.
    """

    def __init__(self, model: "Model", *, system: Optional[str] = None, template: Optional[str] = None) -> None:
        self._core = model._core
        self._lock = threading.Lock()
        self._run: "Optional[weakref.ref[Run]]" = None
        self._working: "Optional[Run]" = None
        self._form: "tuple[int, tuple[bytes, ...]]" = (0, ())
        self._handle = self._core.create_session()
        self._destroy = weakref.finalize(self, self._core.destroy_session, self._handle)
        self._destroy.atexit = False
        self._core.sessions.add(self)
        self._begin(system, template)

    def _begin(self, system: Optional[str], template: Optional[str]) -> None:
        text = None if system is None else utf8(system, "the system text")
        self._call(library.bnc_session_set_system, text)
        self._call(library.bnc_session_set_template, None if template is None else utf8(template, "the template"))

    def _call(self, function: Any, *arguments: Any) -> None:
        try:
            call(function, self._handle, *arguments, why=self._why)
        except errors.Cancelled:
            if self._working is not None and self._working.cancelled:
                raise
            # Nobody asked for that: it was for the answer before, and came behind the library's last look at it.
            call(function, self._handle, *arguments, why=self._why)

    def _why(self) -> bytes:
        return bytes(library.bnc_session_error(self._handle))

    def _acquire(self) -> None:
        self._core.check()
        if not self._destroy.alive:
            raise errors.InvalidArgument("the session is closed")
        run = self._run() if self._run else None
        if run is not None and run.cancelled:
            run.join()
        if not self._lock.acquire(blocking=False):
            raise errors.SessionBusy("the session gives an answer: read that to its end, close it, or use another session")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what it does, and frees its memory. A closed session raises InvalidArgument where it is used."""
        run = self._run() if self._run else None
        if run is not None:
            run.cancel()
            if run.is_this_thread():
                raise errors.SessionBusy("a callback of an answer closes its own session: raise an exception instead")
            run.join()
        with self._lock:
            self._destroy()

    def cancel(self) -> None:
        """Asks, from any thread, the answer that is being given to stop; nothing where none is."""
        run = self._run() if self._run else None
        if run is not None:
            run.cancel()

    def _quick(self, function: Any, *arguments: Any) -> None:
        """A call that does not take long."""
        self._acquire()
        try:
            self._call(function, *arguments)
        finally:
            self._lock.release()

    def _long(self, job: "Callable[[], None]", progress: Optional[Progress] = None) -> None:
        """Work that Ctrl-C may end."""
        self._acquire()
        self._watch(Run(lambda run: self._hold(run, progress, job))).wait()

    def _watch(self, run: Run) -> Run:
        self._run = weakref.ref(run)
        return run

    def _hold(self, run: Run, progress: Optional[Progress], job: "Callable[[], None]") -> None:
        """Does a job on the run's thread; releases the lock."""
        report = reporter(progress)
        try:
            run.holds(self)
            self._working = run
            library.bnc_session_set_progress(self._handle, report, None)
            job()
        finally:
            library.bnc_session_set_progress(self._handle, reporter(None), None)
            run.holds(None)
            self._working = None
            self._lock.release()

    def add_image(self, image: Image, *, format: Optional[str] = None, progress: Optional[Progress] = None) -> None:
        """Runs vision on a picture and keeps the result for the prompt to come.

        image: path or bytes of a WebP, JPEG or PNG file, PIL image, array of uint8 ([height, width, 3] and others, see Pixels), picamera2 frame.
        Raises FileError, FormatError, LimitExceeded (too many pixels), Unsupported (a text-only model), TypeError or ValueError.
        """
        picture = Picture(image, format)
        self._long(lambda: self._add(picture), progress)

    def _add(self, picture: Picture) -> None:
        if picture.pixels is not None:
            self._call(library.bnc_session_add_pixels, byref(picture.pixels.raw))
        elif picture.file is not None:
            self._call(library.bnc_session_add_image, picture.file, len(picture.file))
        else:
            self._call(library.bnc_session_add_image_file, picture.path)

    def ask(self, prompt: str, image: "Optional[Image | Sequence[Image]]" = None, *, format: Optional[str] = None,
            history: "Iterable[Tuple[str, str]]" = (), temperature: float = 0.0, top_p: float = 1.0, top_k: int = 0, seed: int = 0,
            max_tokens: Optional[int] = 256, stop: "str | Sequence[str]" = (), ignore_stop: bool = False, logprobs: bool = False,
            draft: str = "none", choice: "Sequence[str]" = (), regex: Optional[str] = None, json_schema: "str | Mapping[str, Any] | None" = None,
            progress: Optional[Progress] = None) -> Answer:
        """Asks, about the pictures added since the last question and `image` (one, or a list). The first question begins the conversation, later
        ones continue it. history: (question, answer) pairs that came before, for a conversation that has not begun. The rest is Sampling's.
        progress(stage, fraction) is called on the answer's thread, once per op of vision; what it raises ends the work.
        """
        sampling = Sampling(temperature, top_p, top_k, seed, max_tokens, stop, ignore_stop, logprobs, draft, choice, regex, json_schema)
        question = prepare(image, prompt, format, history, sampling, progress)

        def begin(run: Run) -> None:
            self._acquire()
            self._watch(run)
        return Answer(Run(lambda run: self._answer(run, question)), begin)

    def _answer(self, run: Run, question: Question) -> None:
        self._hold(run, question.progress, lambda: self._say(run, question))

    def _say(self, run: Run, question: Question) -> None:
        before = self._statistics()
        self._constrain(question.sampling.form())
        for picture in question.pictures:
            self._add(picture)
        prompt = utf8(question.prompt, "the prompt")
        if question.history:
            exchanges = [bnc_exchange(utf8(q, "a question"), utf8(a, "an answer")) for q, a in question.history] + [bnc_exchange(prompt, None)]
            self._call(library.bnc_session_converse, (bnc_exchange * len(exchanges))(*exchanges), len(exchanges))
        else:
            self._call(library.bnc_session_ask, prompt)
        run.cut = bool(library.bnc_session_was_cut(self._handle))
        self._generate(run, question.sampling)
        after = self._statistics()
        run.usage = Usage(after.vision_seconds - before.vision_seconds, after.prefill_seconds - before.prefill_seconds,
                          after.decode_seconds - before.decode_seconds, after.prefill_rows - before.prefill_rows, self._told)

    def _constrain(self, form: "tuple[int, tuple[bytes, ...]]") -> None:
        """The session keeps its form from answer to answer: finding the tokens of a new one takes a while."""
        if form != self._form:
            kind, texts = form
            self._call(library.bnc_session_constrain, kind, (c_char_p * len(texts))(*texts), len(texts))
            self._form = form

    def _generate(self, run: Run, sampling: Sampling) -> None:
        token = bnc_token(size=ctypes.sizeof(bnc_token))
        self._told = 0

        def on_text(user: Any, id: int, text: Any, length: int) -> bool:
            piece = ctypes.string_at(text, length).decode("utf-8", "replace") if length else ""
            self._told += id >= 0
            if sampling.logprobs and id >= 0 and library.bnc_session_token(self._handle, byref(token)) == 0:
                top = tuple((token.top_id[i], token.top_logprob[i]) for i in range(token.top_count))
                run.tokens.append(Token(token.id, piece, token.logprob, top))
            if piece:
                run.tell(piece)
            return False
        finish, callback = c_int(0), TEXT(guarded(on_text))
        self._call(library.bnc_session_generate, byref(sampling.struct()), callback, None, byref(finish))
        run.finish = FINISHES[finish.value]

    def append(self, ids: Sequence[int]) -> None:
        """Appends token ids as they are; IMAGE_TOKEN (-200) takes the next picture. Raises InvalidArgument for an id beyond the vocabulary or a
        picture that was not added, LimitExceeded where the context is full."""
        array = token_ids(ids)
        self._long(lambda: self._call(library.bnc_session_append, array, len(array)))

    def append_each(self, ids: Sequence[int]) -> Floats:
        """Appends token ids, none of them a picture, at the speed of a prompt: float32 [ids, vocabulary], the logits behind each, bit for bit as if
        they were appended one by one. Errors as of append."""
        array, vocabulary = token_ids(ids), self._core.info().vocabulary
        rows = bytearray(4 * vocabulary * len(array))

        def take(user: Any, first: int, count: int, logits: Any, stride: int) -> None:
            for i in range(count):
                start = 4 * vocabulary * (first + i)
                rows[start : start + 4 * vocabulary] = ctypes.string_at(ctypes.addressof(logits.contents) + 4 * stride * i, 4 * vocabulary)
        callback = LOGITS(guarded(take))
        self._long(lambda: self._call(library.bnc_session_append_each, array, len(array), callback, None))
        return memoryview(rows).cast("f", (len(array), vocabulary))

    def logits(self) -> Floats:
        """float32 [vocabulary]: the logits behind the last row. numpy.asarray() takes it without a copy."""
        values, count = POINTER(c_float)(), c_size_t()
        self._quick(library.bnc_session_logits, byref(values), byref(count))
        return floats(ctypes.string_at(values, 4 * count.value), (count.value,))

    def encode(self, path: "str | os.PathLike[str]", stage: str = "projector") -> Floats:
        """What vision makes of a picture file, float32: "pixels" [3, S, S]; "tiles" [T, rows, C]; "dem" [rows, C]; "projector" [rows, hidden].
        Errors as of add_image; Unsupported also where the model's passes left no such stage."""
        if stage not in STAGES:
            raise ValueError(f"stage is {stage!r}, expected one of {', '.join(STAGES)}")
        array, name = bnc_array(), file_name(path)
        self._long(lambda: self._call(library.bnc_session_encode, name, STAGES.index(stage), byref(array)))
        try:
            shape = tuple(array.shape[: array.rank])
            size = 4
            for side in shape:
                size *= side
            return floats(ctypes.string_at(array.values, size), shape)
        finally:
            library.bnc_array_free(byref(array))

    def reset(self, *, system: Optional[str] = None, template: Optional[str] = None) -> None:
        """Forgets conversation and pictures; what comes begins with this system text and template (None: the model's own)."""
        self._acquire()
        try:
            library.bnc_session_reset(self._handle)
            self._begin(system, template)
        finally:
            self._lock.release()

    def restart(self) -> None:
        """Goes back to before the first question: its pictures wait again, without vision, for another one."""
        self._acquire()
        library.bnc_session_restart(self._handle)
        self._lock.release()

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Writes the session as it stands into a file, complete or not at all. Raises FileError."""
        self._quick(library.bnc_session_save, file_name(path))

    def restore(self, path: "str | os.PathLike[str]") -> None:
        """Goes on where a saved session of the same model stood. Raises FileError, or FormatError (damaged, of another model), and then stays as it
        was."""
        self._quick(library.bnc_session_restore, file_name(path))

    @property
    def rows(self) -> int:
        """Rows in the KV cache."""
        self._core.check()
        return int(library.bnc_session_rows(self._handle)) if self._destroy.alive else 0

    @property
    def statistics(self) -> Statistics:
        """What it has done and takes."""
        self._acquire()
        try:
            return self._statistics()
        finally:
            self._lock.release()

    def _statistics(self) -> Statistics:
        raw = bnc_statistics(size=ctypes.sizeof(bnc_statistics))
        self._call(library.bnc_session_get_statistics, byref(raw))
        result: Statistics = from_struct(Statistics, raw)
        return result

    def _profile(self, form: int) -> str:
        text = ctypes.c_void_p()
        self._quick(library.bnc_session_profile, form, byref(text))
        return take_text(text)
