# SPDX-License-Identifier: Apache-2.0
"""Model files: open, describe, ask, score."""
from __future__ import annotations

import ctypes
import json
import logging
import math
import os
import threading
import weakref
from ctypes import POINTER, byref, c_int32, c_size_t, c_void_p
from dataclasses import replace
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple

from . import errors
from ._library import (KV_CACHES, LOG, bnc_context_settings, bnc_energy_info, bnc_fit_request, bnc_model_check, bnc_model_info, bnc_profile_settings, bnc_session_settings, call,
                       file_name, library,
                       reporter, take_text, token_ids, unsigned, utf8)
from .answers import Answer, Run
from .pictures import Image, pictures_of
from .results import Floats, ModelCheck, ModelInfo, Profile, floats, from_struct, profile_of
from .sessions import Progress, Sampling, Session, prepare

_logger = logging.getLogger("binocle")
_LEVELS = {1: logging.WARNING, 2: logging.INFO, 3: logging.DEBUG}
_PART_STATES = ("absent", "whole", "damaged", "not_trusted")


def _log(user: Any, level: int, message: bytes) -> None:
    _logger.log(_LEVELS.get(level, logging.DEBUG), "%s", message.decode("utf-8", "replace"))


_on_log = LOG(_log)


class Context:
    """bnc_context: settings and the last message. Its lock is held by who calls with it."""

    def __init__(self, threads: int = 0, cache_dir: "Optional[str | os.PathLike[str]]" = None, progress: Optional[Progress] = None,
                 linear: Optional[str] = None) -> None:
        settings = bnc_context_settings()
        settings.size = ctypes.sizeof(settings)
        library.bnc_context_settings_init(byref(settings))
        settings.threads, settings.log = unsigned(threads, "threads"), _on_log
        if cache_dir is not None:
            settings.cache_dir = file_name(cache_dir)
        if linear is not None:
            settings.linear = utf8(linear, "linear")
        # Handed to the library for as long as the context lives.
        self._report = reporter(progress)
        settings.progress = self._report
        self.handle = c_void_p()
        self.lock = threading.RLock()
        self.process = os.getpid()
        call(library.bnc_context_create, byref(settings), byref(self.handle),
             why=lambda: f"the context could not be made: found linear {linear!r}, expected 'auto', 'own' or 'xnnpack'".encode())
        weakref.finalize(self, _destroy_context, self.handle, self.process).atexit = False

    def check(self) -> None:
        if os.getpid() != self.process:
            raise RuntimeError("the model was opened before this process was forked, and its threads stayed behind: open it in this process")

    def why(self) -> bytes:
        return bytes(library.bnc_context_error(self.handle))

    def call(self, function: Any, *arguments: Any) -> None:
        self.check()
        with self.lock:
            call(function, *arguments, why=self.why)


def _destroy_context(handle: c_void_p, process: int) -> None:
    if os.getpid() == process:
        library.bnc_context_destroy(handle)


class _Core:
    """A mapped model and its sessions; sessions hold it, so that it goes after them."""

    def __init__(self, path: "str | os.PathLike[str]", context: Context, settings: bnc_session_settings) -> None:
        self.context, self.settings = context, settings
        self.handle = c_void_p()
        context.call(library.bnc_model_open, context.handle, file_name(path), byref(self.handle))
        self.sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()
        self._close = weakref.finalize(self, _close_model, self.handle, context)
        self._close.atexit = False

    def check(self) -> None:
        self.context.check()
        if not self._close.alive:
            raise errors.InvalidArgument("the model is closed")

    def info(self) -> ModelInfo:
        self.check()
        raw = bnc_model_info(size=ctypes.sizeof(bnc_model_info))
        self.context.call(library.bnc_model_get_info, self.handle, byref(raw))
        info: ModelInfo = from_struct(ModelInfo, raw)
        return info

    def create_session(self) -> c_void_p:
        self.check()
        session = c_void_p()
        self.context.call(library.bnc_session_create_with, self.handle, byref(self.settings), byref(session))
        return session

    def destroy_session(self, handle: c_void_p) -> None:
        if os.getpid() == self.context.process:
            library.bnc_session_destroy(handle)

    def close(self) -> None:
        for session in list(self.sessions):
            session.close()
        self._close()


def _close_model(handle: c_void_p, context: Context) -> None:
    if os.getpid() == context.process:
        library.bnc_model_close(handle)


class Model:
    """A .bnc file, mapped once and shared by its sessions.

    path       the file that `binocle compile` or binocle.compile wrote
    threads    that a session computes on; 0: the big cores that this process may use
    cache_dir  folder of packed weights; None: BINOCLE_CACHE, else the user's cache folder; "": no cache
    keep_pictures  embeddings of so many pictures are kept: the same pixels again cost no vision
    linear     what runs linear layers: "own", "xnnpack", or "auto", the faster; None: BINOCLE_LINEAR, else auto
    kv_cache, context, memory_limit  of its sessions: "f32", "f16" or "int8" keys and values ("default": as compiled), rows that a session may have (0: the
               model's), and bytes that the process should keep to (0: what there is), for which cache and context become smaller and weights are read anew
    max_pixels  of a picture once it is decoded from a file or bytes (0: 64 Mi, or what memory_limit leaves): a larger one is reduced, one of three times as many is LimitExceeded
    progress   progress(stage, fraction) of the first session, which packs weights, and of work that has no progress of its own

    Raises FileError, FormatError (no model, or damaged), Unsupported (of another version), LimitExceeded. Messages of the library go to the logger
    "binocle". A model may be pickled: it is opened again where it arrives. It may not be used in a process forked after it was opened.
    """

    def __init__(self, path: "str | os.PathLike[str]", *, threads: int = 0, cache_dir: "Optional[str | os.PathLike[str]]" = None,
                 keep_pictures: int = 0, linear: Optional[str] = None, kv_cache: str = "default", context: int = 0, memory_limit: int = 0, max_pixels: int = 0,
                 progress: Optional[Progress] = None) -> None:
        if kv_cache not in KV_CACHES:
            raise ValueError(f"kv_cache is {kv_cache!r}, expected one of {', '.join(KV_CACHES)}")
        settings = bnc_session_settings(size=ctypes.sizeof(bnc_session_settings))
        library.bnc_session_settings_init(byref(settings))
        settings.kv_cache, settings.context = KV_CACHES.index(kv_cache), unsigned(context, "context")
        settings.memory_limit = unsigned(memory_limit, "memory_limit", bits=64)
        settings.max_pixels = unsigned(max_pixels, "max_pixels", bits=64)
        self.path = os.fspath(path)
        self._arguments = {"threads": threads, "cache_dir": cache_dir, "keep_pictures": keep_pictures, "linear": linear, "kv_cache": kv_cache,
                           "context": context, "memory_limit": memory_limit, "max_pixels": max_pixels}
        self._core = _Core(path, Context(threads, cache_dir, progress, linear), settings)
        self._idle: "list[Session]" = []
        if keep_pictures:
            self._core.context.call(library.bnc_model_keep_pictures, self._core.handle, unsigned(keep_pictures, "keep_pictures"))

    def __reduce__(self) -> Any:
        return _open, (self.path, self._arguments)

    def __repr__(self) -> str:
        return f"Model({self.path!r})"

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the answers of its sessions, closes them, and unmaps the file."""
        self._idle.clear()
        self._core.close()

    def session(self, *, system: Optional[str] = None, template: Optional[str] = None) -> Session:
        """A conversation. system: the system text, None: the template's own, "": none. template: as in session.h, None: the model's."""
        return Session(self, system=system, template=template)

    def ask(self, image: "Optional[Image | Sequence[Image]]", prompt: str, *, format: Optional[str] = None, system: Optional[str] = None,
            template: Optional[str] = None, history: "Iterable[Tuple[str, str]]" = (), temperature: float = 0.0, top_p: float = 1.0, top_k: int = 0,
            seed: int = 0, max_tokens: Optional[int] = 256, stop: "str | Sequence[str]" = (), ignore_stop: bool = False, logprobs: bool = False,
            draft: str = "none", choice: "Sequence[str]" = (), regex: Optional[str] = None, json_schema: "str | Mapping[str, Any] | None" = None,
            progress: Optional[Progress] = None) -> Answer:
        """Asks about a picture (or a list of them, or None), in a conversation of its own.

        image   path or bytes of a WebP, JPEG or PNG file, PIL image, array of uint8 ([height, width, 3] and others, any strides), a picamera2 request,
                or Pixels. Pixels are copied, files are read when the answer is.
        format  of an array: "bgr8" for OpenCV, libcamera's names, see Pixels; None: RGB, RGBA or gray
        The rest is Session.ask's. May be called from any number of threads; each answer in the making has a session of its own.
        """
        sampling = Sampling(temperature, top_p, top_k, seed, max_tokens, stop, ignore_stop, logprobs, draft, choice, regex, json_schema)
        question = prepare(image, prompt, format, history, sampling, progress)

        def answer(run: Run) -> None:
            session = self._take(system, template)
            session._acquire()
            session._watch(run)
            try:
                session._answer(run, question)
            finally:
                self._give_back(session)
        return Answer(Run(answer), lambda run: self._core.check())

    def _take(self, system: Optional[str], template: Optional[str]) -> Session:
        try:
            session = self._idle.pop()
        except IndexError:
            return Session(self, system=system, template=template)
        session.reset(system=system, template=template)
        return session

    def _give_back(self, session: Session) -> None:
        """One session waits for the next question; what many at once needed is freed."""
        if not self._idle and session._destroy.alive:
            self._idle.append(session)

    @property
    def info(self) -> ModelInfo:
        """What the model is and needs."""
        return self._core.info()

    def describe(self, form: str = "json") -> Any:
        """What `binocle inspect` shows: "json" (a dict), "text", "schedule", or "memory_svg"."""
        forms = ("text", "json", "schedule", "memory_svg")
        if form not in forms:
            raise ValueError(f"form is {form!r}, expected one of {', '.join(forms)}")
        self._core.check()
        text = c_void_p()
        self._core.context.call(library.bnc_model_describe, self._core.handle, forms.index(form), byref(text))
        said = take_text(text)
        return json.loads(said) if form == "json" else said

    def fit(self, board: Optional[str] = None) -> "dict[str, Any]":
        """Whether the model fits a board of boards(), and how fast it will be there, estimated; None: this machine, measured for up to 5 seconds. The
        object of `binocle devices MODEL --json`. Raises InvalidArgument where there is no such board."""
        demand, text = c_void_p(), c_void_p()
        self._core.check()
        self._core.context.call(library.bnc_model_demand, self._core.handle, byref(demand))
        try:
            request = bnc_fit_request(size=ctypes.sizeof(bnc_fit_request), board=None if board is None else utf8(board, "board"), count=1, asked=1,
                                      json=1)
            request.demand = ctypes.pointer(demand)
            self._core.context.call(library.bnc_fit, self._core.context.handle, byref(request), byref(text))
        finally:
            library.bnc_demand_free(demand)
        result: "dict[str, Any]" = json.loads(take_text(text))
        return result

    def verify(self) -> ModelCheck:
        """Checks every byte of the file and of its packed weights. Raises FormatError where one is wrong, Unsupported where packed weights could
        have been written by others."""
        self._core.check()
        raw = bnc_model_check(size=ctypes.sizeof(bnc_model_check))
        self._core.context.call(library.bnc_model_verify, self._core.handle, byref(raw))
        check: ModelCheck = from_struct(ModelCheck, raw)
        return replace(check, packed=_PART_STATES[raw.packed], cache=_PART_STATES[raw.cache])

    def _tokenizer(self) -> c_void_p:
        handle = c_void_p()
        self._core.check()
        self._core.context.call(library.bnc_tokenizer_open, self._core.context.handle, file_name(self.path), byref(handle))
        return handle

    def tokenize(self, text: str) -> "list[int]":
        """Ids of a text, without bos; special tokens in it are recognised."""
        tokenizer, ids, count = self._tokenizer(), POINTER(c_int32)(), c_size_t()
        try:
            data = text.encode("utf-8")
            self._core.context.call(library.bnc_tokenizer_encode, tokenizer, data, len(data), byref(ids), byref(count))
            return ids[: count.value]
        finally:
            library.bnc_tokens_free(ids)
            library.bnc_tokenizer_close(tokenizer)

    def detokenize(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens included."""
        array, tokenizer, text, length = token_ids(ids), self._tokenizer(), c_void_p(), c_size_t()
        try:
            self._core.context.call(library.bnc_tokenizer_decode, tokenizer, array, len(array), byref(text), byref(length))
            return take_text(text)
        finally:
            library.bnc_tokenizer_close(tokenizer)

    def score(self, ids: Sequence[int], image: "Optional[Image | Sequence[Image]]" = None, force: Sequence[int] = (), *,
              format: Optional[str] = None) -> Floats:
        """The logits behind a prompt of token ids, in which IMAGE_TOKEN (-200) stands for the next picture: float32 [vocabulary], or with n ids to
        force [n, vocabulary]: row k follows the prompt and the first k of them. numpy.asarray() takes it without a copy."""
        pictures = [picture.kept() for picture in pictures_of(image, format)]
        forced = list(force)
        session = self._take(None, None)
        for picture in pictures:
            session._long(lambda picture=picture: session._add(picture))  # type: ignore[misc]
        session.append(ids)
        first = session.logits()
        rest = session.append_each(forced[:-1]).tobytes() if len(forced) > 1 else b""
        self._give_back(session)
        return floats(first.tobytes() + rest, (len(forced), len(first)) if forced else (len(first),))

    def profile(self, image: "Optional[Image | Sequence[Image]]", prompt: str, *, format: Optional[str] = None, max_tokens: int = 64,
                watts: float = 0.0) -> Profile:
        """Times every op of one answer, in a session of its own, beside what this machine can do. watts: where there is no meter, energy is estimated
        as so much all the time."""
        settings = bnc_profile_settings(size=ctypes.sizeof(bnc_profile_settings))
        library.bnc_profile_settings_init(byref(settings))
        settings.watts, settings.command = watts, b"binocle.Model.profile"
        with self.session() as session:
            session._quick(library.bnc_session_profile_begin, byref(settings))
            answer = session.ask(prompt, image, format=format, max_tokens=max_tokens).text()
            text, said, trace, html, csv = (session._profile(form) for form in range(5))
            return profile_of(answer, json.loads(said), text, trace, html, csv)


def _open(path: str, arguments: "dict[str, Any]") -> Model:
    return Model(path, **arguments)


class EnergyMeter:
    """The machine's energy meter, running from here on.

        with EnergyMeter() as meter: ...; print(meter.joules)

    name and kind tell which it is ("rapl package", "board" ...); without one they are "", joules is None, and reason says why.
    """

    def __init__(self) -> None:
        self._context = Context()
        self._handle = c_void_p()
        self._context.call(library.bnc_energy_open, self._context.handle, byref(self._handle))
        self._close = weakref.finalize(self, library.bnc_energy_close, self._handle)
        self._close.atexit = False
        info = bnc_energy_info(size=ctypes.sizeof(bnc_energy_info))
        self._context.call(library.bnc_energy_get_info, self._handle, byref(info))
        self.name, self.kind, self.reason = info.meter.decode(), info.kind.decode(), info.reason.decode()
        self._last: Optional[float] = None

    @property
    def joules(self) -> Optional[float]:
        """Joules since it was opened, of the whole machine; None without a meter. After close: those until then."""
        if self._close.alive:
            value = library.bnc_energy_joules(self._handle)
            self._last = None if math.isnan(value) else value
        return self._last

    def close(self) -> None:
        """Stops it."""
        self.joules
        self._close()

    def __enter__(self) -> "EnergyMeter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def devices() -> "dict[str, Any]":
    """What this machine offers: CPU, caches, levels, memory, meters; the fields of `binocle devices --json`."""
    context, text = Context(), c_void_p()
    context.call(library.bnc_devices, context.handle, 1, byref(text))
    result: "dict[str, Any]" = json.loads(take_text(text))
    return result


def compare_profiles(path_a: "str | os.PathLike[str]", path_b: "str | os.PathLike[str]") -> "dict[str, Any]":
    """Two files that `binocle profile --json` wrote: which medians differ by more than chance. Raises FileError or FormatError."""
    context, text = Context(), c_void_p()
    context.call(library.bnc_profile_compare, context.handle, file_name(path_a), file_name(path_b), 1, byref(text))
    result: "dict[str, Any]" = json.loads(take_text(text))
    return result


def boards() -> "list[str]":
    """Names of the boards that Model.fit knows."""
    names: "list[str]" = []
    while True:
        name = library.bnc_board_name(len(names), None)
        if name is None:
            return names
        names.append(name.decode())
