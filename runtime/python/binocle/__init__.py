# SPDX-License-Identifier: Apache-2.0
"""Binocle: questions about pictures, answered on this machine's CPU.

    import binocle
    model = binocle.Model("model.bnc")
    for piece in model.ask(frame, "What is on the sign?", format="bgr8"):
        print(piece, end="", flush=True)
"""
from ._library import IMAGE_TOKEN
from ._library import library as _c
from .answers import Answer
from .compiling import compile, pass_names  # noqa: A004: the command's name
from .errors import (BinocleError, Cancelled, FileError, FormatError, InvalidArgument, LimitExceeded, OutOfMemory, SessionBusy, Unsupported)
from .models import EnergyMeter, Model, boards, compare_profiles, devices
from .pictures import Image, Pixels
from .results import CompileReport, ModelCheck, ModelInfo, OpTime, Profile, ProgramProfile, Statistics, Token, Usage
from .sessions import Sampling, Session

__version__: str = _c.bnc_version().decode()
__all__ = ["IMAGE_TOKEN", "Answer", "BinocleError", "Cancelled", "CompileReport", "EnergyMeter", "FileError", "FormatError", "Image", "InvalidArgument",
           "LimitExceeded", "Model", "ModelCheck", "ModelInfo", "OpTime", "OutOfMemory", "Pixels", "Profile", "ProgramProfile", "Sampling", "Session",
           "SessionBusy", "Statistics", "Token", "Unsupported", "Usage", "boards", "compare_profiles", "compile", "devices", "pass_names"]
