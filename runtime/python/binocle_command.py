#!python
# SPDX-License-Identifier: Apache-2.0
"""`binocle` of a wheel: starts the program that lies in it. The package is found, not imported, for that would load the library."""
import importlib.util
import os
import sys

spec = importlib.util.find_spec("binocle")
if spec is None or spec.origin is None:
    sys.exit("binocle: this Python has no package binocle")
program = os.path.join(os.path.dirname(spec.origin), "native", "bin", "binocle")
if not os.path.exists(program):
    sys.exit(f"binocle: {program} is not there: only a wheel has the program inside")
os.execv(program, ["binocle", *sys.argv[1:]])
