# SPDX-License-Identifier: Apache-2.0
"""What calls tell: plain dataclasses. Names and units are those of the C headers; NaN energy is None."""
from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    Floats = memoryview[float]
else:
    Floats = memoryview  # of float32 in C order, with a shape; numpy.asarray() takes it without a copy


@dataclass(frozen=True)
class ModelInfo:
    """What a model is and needs."""

    vocabulary: int  # token ids are 0 .. vocabulary - 1
    context: int  # rows that a conversation, pictures and answers included, may have
    prompt_limit: int  # rows to which a prompt is cut
    image_rows: int  # rows per picture; 0: a text-only model
    input_side: int  # pixels per side of what a picture is resized to
    hidden: int  # columns of image embeddings
    has_tokenizer: bool  # False: token ids alone
    file_bytes: int  # of the .bnc file
    predicted_bytes: int  # resident memory while answering
    fingerprint: int  # equal for equal content


@dataclass(frozen=True)
class ModelCheck:
    """What Model.verify found. `packed` and `cache` are "absent", "whole", "damaged" or "not_trusted"."""

    data_bytes: int
    blocks: int
    damaged_blocks: int
    packed_bytes: int
    cache_bytes: int
    packed: str
    cache: str
    content: str  # BLAKE2b-256 in hexadecimal


@dataclass(frozen=True)
class Statistics:
    """What a session has done and takes; seconds of wall time since it was made."""

    load_seconds: float
    vision_seconds: float
    prefill_seconds: float
    decode_seconds: float
    pictures: int
    prefill_rows: int
    decode_tokens: int
    arena_bytes: int
    kv_bytes: int
    packed_bytes: int
    packed_memory_bytes: int
    threads: int
    cpu_level: str
    guessed_tokens: int
    guessed_right: int
    pictures_reused: int
    linear: str  # what runs linear layers: "auto", "own" or "xnnpack"


@dataclass(frozen=True)
class Usage:
    """What one answer took: wall time in seconds, rows and tokens."""

    vision_seconds: float
    prefill_seconds: float
    decode_seconds: float
    prompt_rows: int  # that were computed
    answer_tokens: int  # that came


@dataclass(frozen=True)
class Token:
    """A token of an answer. Log-probabilities are natural, by the model's own probabilities: without temperature, top-k or top-p."""

    id: int
    text: str  # what it completed; "" where a character or what may be a stop text is not complete yet
    logprob: float
    top: "tuple[tuple[int, float], ...]"  # (id, log-probability) of the 20 likeliest, the likeliest first


@dataclass(frozen=True)
class OpTime:
    """An op, or (name and kernel "") all ops of a kind; times in nanoseconds."""

    name: str
    kind: str
    kernel: str
    calls: int
    nanoseconds: int
    nanoseconds_min: int
    nanoseconds_max: int
    macs: int  # multiply-accumulates
    bytes: int  # that it reads and writes
    gops: Optional[float]  # 10^9 operations per second, None where it has none
    gbps: Optional[float]  # 10^9 bytes per second
    roof_percent: Optional[float]  # of what this machine can do at that many operations per byte
    roof: str  # which limit that is: "int8 compute", "memory" ...


@dataclass(frozen=True)
class ProgramProfile:
    """One of the programs vision, prefill and decode."""

    runs: int
    rows: int
    nanoseconds: int
    joules: Optional[float]  # None: no meter
    kinds: "tuple[OpTime, ...]"
    ops: "tuple[OpTime, ...]"


@dataclass(frozen=True)
class Profile:
    """Where the time of an answer went. str() is a table for people; trace is Chrome's format (Perfetto), html a self-contained page, csv a line per
    op. details is the whole of `binocle profile --json`'s "profile": machine, phases, memory, samples, roofs."""

    answer: str
    nanoseconds: int  # of all programs
    wall_nanoseconds: int  # of everything
    warnings: "tuple[str, ...]"  # what made the numbers doubtful: a busy machine, throttling
    programs: "dict[str, ProgramProfile]"
    details: "dict[str, Any]"
    text: str
    trace: str
    html: str
    csv: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CompileReport:
    """A compiled model. `report` is what `binocle compile --report` writes."""

    path: str
    file_bytes: int
    seconds: float
    report: "dict[str, Any]"


def floats(data: bytes, shape: "tuple[int, ...]") -> Floats:
    """A copy of float32 values that can be written to."""
    return memoryview(bytearray(data)).cast("f", shape)


def from_struct(kind: Any, struct: Any) -> Any:
    """The dataclass `kind` out of a ctypes struct that has the same members."""
    values = {}
    for field in fields(kind):
        value = getattr(struct, field.name)
        values[field.name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else bool(value) if field.type == "bool" else value
    return kind(**values)


def profile_of(answer: str, said: "dict[str, Any]", text: str, trace: str, html: str, csv: str) -> Profile:
    def times(rows: Any) -> "tuple[OpTime, ...]":
        return tuple(OpTime(row.get("name", ""), row["kind"], row.get("kernel", ""), row["calls"], row["nanoseconds"], row["nanoseconds_min"],
                            row["nanoseconds_max"], row["macs"], row["bytes"], row.get("gops"), row.get("gbps"), row.get("roof_percent"),
                            row.get("roof") or "") for row in rows)
    programs = {}
    for name, p in said["programs"].items():
        joules = None if p["microjoules"] is None else p["microjoules"] * 1e-6
        programs[name] = ProgramProfile(p["runs"], p["rows"], p["nanoseconds"], joules, times(p["kinds"]), times(p["ops"]))
    return Profile(answer, said["nanoseconds"], said["wall_nanoseconds"], tuple(said["warnings"]), programs, said, text, trace, html, csv)
