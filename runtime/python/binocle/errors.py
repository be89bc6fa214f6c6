# SPDX-License-Identifier: Apache-2.0
"""What can go wrong. Each message is the library's own: which file, what was found, what was expected."""
from __future__ import annotations

STATUS_NAMES = ("ok", "argument", "memory", "io", "format", "unsupported", "limit", "cancelled", "internal")


class BinocleError(Exception):
    """Anything that the library reports. `status` names its kind, one of STATUS_NAMES."""

    status = "internal"


class InvalidArgument(BinocleError, ValueError):
    """A value that the call does not allow, or a session in the wrong state (nothing was asked, a conversation has begun)."""

    status = "argument"


class OutOfMemory(BinocleError, MemoryError):
    """The machine, its control group or a limit leaves too little memory."""

    status = "memory"


class FileError(BinocleError, OSError):
    """The system refused to open, read, write or map a file."""

    status = "io"


class FormatError(BinocleError, ValueError):
    """A file's content is not what its format promises: no model, a damaged picture, a session of another model."""

    status = "format"


class Unsupported(BinocleError):
    """Valid, but not something that this build, model or machine does: a picture for a text-only model."""

    status = "unsupported"


class LimitExceeded(BinocleError):
    """A stated limit would be exceeded: the context is full, a picture has too many pixels."""

    status = "limit"


class Cancelled(BinocleError):
    """The work was cancelled before it had a result."""

    status = "cancelled"


class SessionBusy(BinocleError, RuntimeError):
    """A session was used while it gives an answer: read the answer to its end, close it, or use another session."""

    status = "argument"


_OF_STATUS: "dict[str, type[BinocleError]]" = {
    kind.status: kind for kind in (InvalidArgument, OutOfMemory, FileError, FormatError, Unsupported, LimitExceeded, Cancelled)}


def error_of(status: int, message: str) -> BinocleError:
    """The exception of a bnc_status."""
    name = STATUS_NAMES[status] if 0 <= status < len(STATUS_NAMES) else "internal"
    return _OF_STATUS.get(name, BinocleError)(message or name)
