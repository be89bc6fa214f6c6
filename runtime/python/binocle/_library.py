# SPDX-License-Identifier: Apache-2.0
"""libbinocle as ctypes sees it: structs, functions, and the one way to call them.

ctypes, because it is the standard library's: one wheel serves every Python from 3.9 on, and each call gives the GIL back while the library works.
tests/python/test_declarations.py compares every line here with the headers.
"""
from __future__ import annotations

import ctypes
import operator
import os
import threading
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_size_t, c_uint, c_uint32, c_uint64,
                    c_void_p)
from typing import Any, Callable, Iterable

from . import errors

LOG = CFUNCTYPE(None, c_void_p, c_int, c_char_p)
PROGRESS = CFUNCTYPE(c_int, c_void_p, c_char_p, c_double)
LOGITS = CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t, POINTER(c_float), c_size_t)
JOULES = CFUNCTYPE(c_double, c_void_p)
TEXT = CFUNCTYPE(c_int, c_void_p, c_int32, POINTER(c_char), c_size_t)


class bnc_context_settings(Structure):
    _fields_ = [("size", c_size_t), ("user", c_void_p), ("log", LOG), ("progress", PROGRESS), ("threads", c_uint), ("cache_dir", c_char_p),
                ("linear", c_char_p), ("reserved", c_void_p * 7)]


class bnc_model_info(Structure):
    _fields_ = [("size", c_size_t), ("vocabulary", c_uint32), ("context", c_uint32), ("prompt_limit", c_uint32), ("image_rows", c_uint32),
                ("input_side", c_uint32), ("hidden", c_uint32), ("has_tokenizer", c_uint32), ("file_bytes", c_uint64),
                ("predicted_bytes", c_uint64), ("fingerprint", c_uint64)]


class bnc_model_check(Structure):
    _fields_ = [("size", c_size_t), ("data_bytes", c_uint64), ("blocks", c_uint64), ("damaged_blocks", c_uint64), ("packed_bytes", c_uint64),
                ("cache_bytes", c_uint64), ("packed", c_uint32), ("cache", c_uint32), ("content", c_char * 72)]


class bnc_pixels(Structure):
    _fields_ = [("size", c_size_t), ("format", c_int), ("width", c_uint32), ("height", c_uint32), ("plane", c_void_p * 3),
                ("stride", c_size_t * 3), ("yuv", c_int)]


class bnc_sampling(Structure):
    _fields_ = [("size", c_size_t), ("temperature", c_double), ("top_p", c_double), ("top_k", c_uint32), ("seed", c_uint64),
                ("max_tokens", c_uint32), ("ignore_stop", c_uint32), ("stop", POINTER(c_char_p)), ("stop_count", c_size_t),
                ("logprobs", c_uint32), ("draft", c_uint32)]


class bnc_token(Structure):
    _fields_ = [("size", c_size_t), ("id", c_int32), ("logprob", c_float), ("top_count", c_uint32), ("top_id", c_int32 * 20),
                ("top_logprob", c_float * 20)]


class bnc_exchange(Structure):
    _fields_ = [("question", c_char_p), ("answer", c_char_p)]


class bnc_array(Structure):
    _fields_ = [("values", POINTER(c_float)), ("rank", c_size_t), ("shape", c_size_t * 4)]


class bnc_statistics(Structure):
    _fields_ = [("size", c_size_t), ("load_seconds", c_double), ("vision_seconds", c_double), ("prefill_seconds", c_double),
                ("decode_seconds", c_double), ("pictures", c_uint64), ("prefill_rows", c_uint64), ("decode_tokens", c_uint64),
                ("arena_bytes", c_uint64), ("kv_bytes", c_uint64), ("packed_bytes", c_uint64), ("packed_memory_bytes", c_uint64),
                ("threads", c_uint32), ("cpu_level", c_char * 16), ("guessed_tokens", c_uint64), ("guessed_right", c_uint64),
                ("pictures_reused", c_uint64), ("linear", c_char * 8), ("kept_rows", c_uint64)]


class bnc_energy_info(Structure):
    _fields_ = [("size", c_size_t), ("meter", c_char * 96), ("kind", c_char * 16), ("reason", c_char * 200)]


class bnc_energy_settings(Structure):
    _fields_ = [("size", c_size_t), ("meter", c_char_p), ("command", c_char_p), ("idle_seconds", c_double)]


class bnc_energy_report(Structure):
    _fields_ = [("size", c_size_t), ("idle_watts", c_double), ("idle_seconds", c_double), ("meter_seconds", c_double), ("readings", c_uint64),
                ("lost", c_uint64), ("malformed", c_uint64), ("gone", c_uint32), ("malformed_line", c_char * 48)]


class bnc_power_settings(Structure):
    _fields_ = [("size", c_size_t), ("limit_watts", c_double), ("energy", c_void_p), ("busy_watts", c_double), ("saver", c_int),
                ("joules", JOULES), ("user", c_void_p)]


class bnc_power_report(Structure):
    _fields_ = [("size", c_size_t), ("limit_watts", c_double), ("watts", c_double), ("paused_seconds", c_double), ("threads", c_double),
                ("estimated", c_int), ("idle_watts", c_double), ("busy_watts", c_double)]


class bnc_power_cores(Structure):
    _fields_ = [("size", c_size_t), ("cores", c_uint32), ("kind", c_char * 32), ("watts", c_double), ("busy_watts", c_double),
                ("speed", c_double), ("joules", c_double)]


class bnc_fit_request(Structure):
    _fields_ = [("size", c_size_t), ("board", c_char_p), ("demand", POINTER(c_void_p)), ("count", c_size_t), ("asked", c_size_t), ("json", c_int)]


class bnc_session_settings(Structure):
    _fields_ = [("size", c_size_t), ("kv_cache", c_uint32), ("context", c_uint32), ("memory_limit", c_uint64),
                ("threads", c_uint32), ("private_preamble", c_uint32), ("max_pixels", c_uint64)]


class bnc_compile_options(Structure):
    _fields_ = [("size", c_size_t), ("checkpoint", c_char_p), ("vision_tower", c_char_p), ("output", c_char_p), ("vision_weights", c_int),
                ("text_weights", c_int), ("group", c_uint), ("context", c_uint), ("input_size", c_uint), ("disabled_passes", c_uint),
                ("report", c_char_p), ("packed", c_uint), ("kv_cache", c_int), ("target", c_char_p), ("calibration", c_char_p),
                ("mmproj", c_char_p), ("prompts", c_void_p), ("text_layers", c_size_t), ("head_weights", c_int), ("bits_per_weight", c_float), ("rotation", c_int),
                ("embedding_weights", c_int), ("moments", c_void_p), ("reserved", c_void_p * 1)]


class bnc_calibration_prompts(Structure):
    _fields_ = [("rows", POINTER(c_float)), ("length", POINTER(c_size_t)), ("count", c_size_t), ("hidden", c_size_t)]


class bnc_matrix_inputs(Structure):
    _fields_ = [("matrix", c_char_p), ("rows", c_size_t), ("cols", c_size_t), ("data", c_void_p)]


INPUTS = CFUNCTYPE(None, c_void_p, POINTER(bnc_matrix_inputs))


class bnc_profile_settings(Structure):
    _fields_ = [("size", c_size_t), ("command", c_char_p), ("watts", c_double), ("sample_ms", c_uint32),
                ("no_roofs", c_uint32), ("meter", c_char_p), ("meter_command", c_char_p), ("idle_seconds", c_double), ("energy", c_void_p)]


KV_CACHES = ("default", "f32", "f16", "int8")
ROTATIONS = ("auto", "on", "off")
# Enumerators, in the order of their values.
ENUMS = {
    "bnc_status": [f"BNC_{'' if i == 0 else 'ERROR_'}{name.upper()}" for i, name in enumerate(errors.STATUS_NAMES)],
    "bnc_pixel_format": ["BNC_PIXELS_" + name for name in ("RGB8", "RGBA8", "BGR8", "GRAY8", "NV12", "I420", "BGRA8", "NV21")],
    "bnc_yuv": ["BNC_YUV_" + name for name in ("BT601", "BT601_FULL", "BT709", "BT709_FULL")],
    "bnc_finish": ["BNC_FINISH_" + name for name in ("STOP", "LENGTH", "CONTEXT", "CALLER")],
    "bnc_constraint_kind": ["BNC_CONSTRAINT_" + name for name in ("NONE", "CHOICE", "REGEX", "JSON_SCHEMA")],
    "bnc_draft": ["BNC_DRAFT_" + name for name in ("NONE", "LOOKUP")],
    "bnc_part_state": ["BNC_PART_" + name for name in ("ABSENT", "WHOLE", "DAMAGED", "NOT_TRUSTED")],
    "bnc_description": ["BNC_DESCRIBE_" + name for name in ("TEXT", "JSON", "SCHEDULE", "MEMORY_SVG")],
    "bnc_image_stage": ["BNC_IMAGE_" + name for name in ("PIXELS", "TILES", "DEM", "PROJECTOR")],
    "bnc_profile_form": ["BNC_PROFILE_" + name for name in ("TEXT", "JSON", "TRACE", "HTML", "CSV")],
    "bnc_weights": ["BNC_WEIGHTS_" + name for name in ("F32", "INT8", "INT4", "BF16")],
    "bnc_rotation_choice": ["BNC_ROTATION_" + name.upper() for name in ROTATIONS],
    "bnc_cache_type": ["BNC_CACHE_" + name.upper() for name in KV_CACHES],
}
IMAGE_TOKEN = -200
CALIBRATION_ROWS = 8192
STOP_TEXTS = 16

HANDLE, HANDLE_OUT, TEXT_OUT = c_void_p, POINTER(c_void_p), POINTER(c_void_p)
STATUS = c_int
# Each function's result and parameters.
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "bnc_version": (c_char_p, []),
    "bnc_string_free": (None, [c_void_p]),
    "bnc_context_settings_init": (None, [POINTER(bnc_context_settings)]),
    "bnc_context_create": (STATUS, [POINTER(bnc_context_settings), HANDLE_OUT]),
    "bnc_context_destroy": (None, [HANDLE]),
    "bnc_context_error": (c_char_p, [HANDLE]),
    "bnc_devices": (STATUS, [HANDLE, c_int, TEXT_OUT]),
    "bnc_board_name": (c_char_p, [c_uint, POINTER(c_char_p)]),
    "bnc_model_demand": (STATUS, [HANDLE, HANDLE_OUT]),
    "bnc_demand_free": (None, [HANDLE]),
    "bnc_fit": (STATUS, [HANDLE, POINTER(bnc_fit_request), TEXT_OUT]),
    "bnc_energy_open": (STATUS, [HANDLE, HANDLE_OUT]),
    "bnc_energy_settings_init": (None, [POINTER(bnc_energy_settings)]),
    "bnc_energy_open_with": (STATUS, [HANDLE, POINTER(bnc_energy_settings), HANDLE_OUT]),
    "bnc_energy_get_report": (STATUS, [HANDLE, POINTER(bnc_energy_report)]),
    "bnc_energy_close": (None, [HANDLE]),
    "bnc_energy_get_info": (STATUS, [HANDLE, POINTER(bnc_energy_info)]),
    "bnc_energy_joules": (c_double, [HANDLE]),
    "bnc_model_open": (STATUS, [HANDLE, c_char_p, HANDLE_OUT]),
    "bnc_model_close": (None, [HANDLE]),
    "bnc_model_get_info": (STATUS, [HANDLE, POINTER(bnc_model_info)]),
    "bnc_model_verify": (STATUS, [HANDLE, POINTER(bnc_model_check)]),
    "bnc_model_describe": (STATUS, [HANDLE, c_int, TEXT_OUT]),
    "bnc_model_keep_pictures": (STATUS, [HANDLE, c_size_t]),
    "bnc_session_limit_power": (STATUS, [HANDLE, POINTER(bnc_power_settings)]),
    "bnc_power_choose_cores": (STATUS, [HANDLE, POINTER(bnc_power_cores)]),
    "bnc_session_get_power": (STATUS, [HANDLE, POINTER(bnc_power_report)]),
    "bnc_session_settings_init": (None, [POINTER(bnc_session_settings)]),
    "bnc_session_create_with": (STATUS, [HANDLE, POINTER(bnc_session_settings), HANDLE_OUT]),
    "bnc_session_destroy": (None, [HANDLE]),
    "bnc_session_error": (c_char_p, [HANDLE]),
    "bnc_session_add_image_file": (STATUS, [HANDLE, c_char_p]),
    "bnc_session_add_image": (STATUS, [HANDLE, c_void_p, c_size_t]),
    "bnc_session_add_pixels": (STATUS, [HANDLE, POINTER(bnc_pixels)]),
    "bnc_session_set_progress": (None, [HANDLE, PROGRESS, c_void_p]),
    "bnc_session_cancel": (None, [HANDLE]),
    "bnc_session_set_system": (STATUS, [HANDLE, c_char_p]),
    "bnc_session_set_template": (STATUS, [HANDLE, c_char_p]),
    "bnc_session_ask": (STATUS, [HANDLE, c_char_p]),
    "bnc_session_converse": (STATUS, [HANDLE, POINTER(bnc_exchange), c_size_t]),
    "bnc_session_prompt_rows": (STATUS, [HANDLE, POINTER(bnc_exchange), c_size_t, POINTER(bnc_array)]),
    "bnc_session_observe_inputs": (None, [HANDLE, INPUTS, c_void_p]),
    "bnc_matrix_inputs_row": (None, [POINTER(bnc_matrix_inputs), c_size_t, POINTER(c_float)]),
    "bnc_moments_create": (STATUS, [HANDLE, POINTER(c_void_p)]),
    "bnc_moments_add": (STATUS, [HANDLE, c_char_p, POINTER(c_float), c_size_t, c_size_t]),
    "bnc_moments_free": (None, [HANDLE]),
    "bnc_session_append": (STATUS, [HANDLE, POINTER(c_int32), c_size_t]),
    "bnc_session_append_each": (STATUS, [HANDLE, POINTER(c_int32), c_size_t, LOGITS, c_void_p]),
    "bnc_session_was_cut": (c_int, [HANDLE]),
    "bnc_session_rows": (c_size_t, [HANDLE]),
    "bnc_session_logits": (STATUS, [HANDLE, POINTER(POINTER(c_float)), POINTER(c_size_t)]),
    "bnc_session_reset": (None, [HANDLE]),
    "bnc_session_restart": (None, [HANDLE]),
    "bnc_session_save": (STATUS, [HANDLE, c_char_p]),
    "bnc_session_restore": (STATUS, [HANDLE, c_char_p]),
    "bnc_session_encode": (STATUS, [HANDLE, c_char_p, c_int, POINTER(bnc_array)]),
    "bnc_session_get_statistics": (STATUS, [HANDLE, POINTER(bnc_statistics)]),
    "bnc_profile_settings_init": (None, [POINTER(bnc_profile_settings)]),
    "bnc_session_profile_begin": (STATUS, [HANDLE, POINTER(bnc_profile_settings)]),
    "bnc_session_profile": (STATUS, [HANDLE, c_int, TEXT_OUT]),
    "bnc_profile_compare": (STATUS, [HANDLE, c_char_p, c_char_p, c_int, TEXT_OUT]),
    "bnc_array_free": (None, [POINTER(bnc_array)]),
    "bnc_sampling_init": (None, [POINTER(bnc_sampling)]),
    "bnc_session_constrain": (STATUS, [HANDLE, c_int, POINTER(c_char_p), c_size_t]),
    "bnc_session_generate": (STATUS, [HANDLE, POINTER(bnc_sampling), TEXT, c_void_p, POINTER(c_int)]),
    "bnc_session_token": (STATUS, [HANDLE, POINTER(bnc_token)]),
    "bnc_tokenizer_open": (STATUS, [HANDLE, c_char_p, HANDLE_OUT]),
    "bnc_tokenizer_close": (None, [HANDLE]),
    "bnc_tokenizer_encode": (STATUS, [HANDLE, c_char_p, c_size_t, POINTER(POINTER(c_int32)), POINTER(c_size_t)]),
    "bnc_tokenizer_decode": (STATUS, [HANDLE, POINTER(c_int32), c_size_t, TEXT_OUT, POINTER(c_size_t)]),
    "bnc_tokens_free": (None, [POINTER(c_int32)]),
    "bnc_compile_options_init": (None, [POINTER(bnc_compile_options)]),
    "bnc_compile": (STATUS, [HANDLE, POINTER(bnc_compile_options)]),
    "bnc_compile_pass_name": (c_char_p, [c_uint]),
    "bnc_compile_target_name": (c_char_p, [c_uint]),
}
# Functions that a Python program has no use for, and why.
UNUSED = {
    "bnc_session_create": "bnc_session_create_with",
    "bnc_tokenizer_json_line": "a line of a pipe: json.dumps(model.tokenize(text))",
    "bnc_ids_load": "numpy.load", "bnc_array_save": "numpy.save", "bnc_text_save": "pathlib", "bnc_json_string": "json",
    "bnc_session_observe": "the program: binocle compile --evaluate", "bnc_session_answer_ids": "the program: binocle compile --evaluate",
    "bnc_synth_demand": "the program: binocle devices PRESET",
    "bnc_synth": "the program: binocle synth", "bnc_synth_preset_name": "the program: binocle synth --help",
}

# The folder of a wheel that holds program and library as an installation has them; absent where the package runs from the sources.
NATIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "native")
SONAME = "libbinocle.so.0"


def _load() -> ctypes.CDLL:
    path = os.path.join(NATIVE, "lib", SONAME)
    try:
        library = ctypes.CDLL(path if os.path.exists(path) else SONAME)
    except OSError as error:
        raise ImportError(f"binocle: the library does not load: {error}. A wheel has it inside, for glibc 2.34 and newer; from the sources it is "
                          f"found where it is installed or in LD_LIBRARY_PATH") from error
    for name, (result, parameters) in FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"binocle: the library {library._name} has no {name}: it is older than this package") from None
        function.restype, function.argtypes = result, parameters
    return library


library = _load()

# What a callback raised, on the thread that called the library: ctypes itself would print and forget it.
_raised = threading.local()


def guarded(callback: Callable[..., Any]) -> Callable[..., int]:
    """For a callback that returns 0 to go on: an exception, or a true result, stops the library's work; call() raises the exception again."""
    def run(*arguments: Any) -> int:
        try:
            return 1 if callback(*arguments) else 0
        except BaseException as error:  # noqa: B902: KeyboardInterrupt too must reach the caller, and not the C code
            _raised.error = error
            return 1
    return run


def reporter(progress: "Callable[[str, float], Any] | None") -> Any:
    """A progress callback for the library; a NULL pointer for None. What progress returns means nothing: many such functions return something."""
    if progress is None:
        return PROGRESS()

    def report(user: Any, stage: bytes, fraction: float) -> None:
        progress(stage.decode("utf-8", "replace"), fraction)
    return PROGRESS(guarded(report))


def call(function: Any, *arguments: Any, why: Callable[[], bytes]) -> None:
    """Calls a function that returns a status. why: the message of its handle, asked for where it failed."""
    outer, _raised.error = getattr(_raised, "error", None), None  # a callback may call, too
    status = function(*arguments)
    raised, _raised.error = _raised.error, outer
    if raised is not None:
        raise raised
    if status != 0:
        raise errors.error_of(status, why().decode("utf-8", "replace"))


def take_text(text: c_void_p) -> str:
    """The string that a call handed out; it is freed."""
    try:
        return ctypes.string_at(text.value or 0).decode("utf-8", "replace")
    finally:
        library.bnc_string_free(text)


def file_name(path: "str | bytes | os.PathLike[Any]") -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError(f"{path!r} is no path: it has a NUL character")
    return name


def utf8(text: str, what: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"{what} is a {type(text).__name__}, expected str")
    data = text.encode("utf-8")
    if b"\0" in data:
        raise ValueError(f"{what} has a NUL character")
    return data


def unsigned(value: int, what: str, low: int = 0, bits: int = 32) -> int:
    """A number that the library can hold: ctypes itself would cut it in silence."""
    number = operator.index(value)
    if not low <= number < 1 << bits:
        raise ValueError(f"{what} is {number}, expected {low} to {(1 << bits) - 1}")
    return number


def token_ids(ids: Iterable[int]) -> Any:
    """An array of int32."""
    numbers = [operator.index(id) for id in ids]
    for number in numbers:
        if not -(1 << 31) <= number < 1 << 31:
            raise ValueError(f"a token's id is {number}, expected an int32")
    return (c_int32 * len(numbers))(*numbers)
