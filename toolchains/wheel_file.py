#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the Python package's wheel: the package's modules, and inside it library and program as `cmake --install` laid them down.

    wheel_file.py INSTALLATION ARCH VERSION SECONDS FOLDER      ARCH as Debian names it; SECONDS: the time that all files get
prints the name of the wheel in FOLDER. The archive is a plain zip, written here and not by a build tool: those fetch a backend for each build, tag
a wheel for the machine that they run on, which a cross build is not, and make other bytes every time. Equal input gives equal bytes.
"""
import base64
import glob
import hashlib
import os
import sys
import time
import zipfile

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = os.path.join(TREE, "runtime", "python")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l"}

METADATA = """Metadata-Version: 2.1
Name: binocle
Version: {version}
Summary: Questions about high-resolution pictures, answered on a CPU
License: Apache-2.0
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Requires-Python: >=3.9
Description-Content-Type: text/markdown

{description}"""
WHEEL = """Wheel-Version: 1.0
Generator: wheel_file
Root-Is-Purelib: false
Tag: {tag}
"""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def library_of(installation):
    """(path, soname) of the one libbinocle."""
    found = [p for p in glob.glob(os.path.join(installation, "lib*", "**", "libbinocle.so.*"), recursive=True) if not os.path.islink(p)]
    if len(found) != 1:
        raise SystemExit(f"wheel_file.py: {installation} has {len(found)} files libbinocle.so.*, expected one")
    name = os.path.basename(found[0])
    return found[0], ".".join(name.split(".")[:3])


def contents(installation, version, tag):
    """{name in the wheel: (bytes, executable)}"""
    files = {}
    for path in sorted(glob.glob(os.path.join(PYTHON, "binocle", "*"))):
        if path.endswith((".py", ".typed")):
            files["binocle/" + os.path.basename(path)] = (read(path), False)
    library, soname = library_of(installation)
    # The places in relation to each other are those of the installation: library and program find what they need by their run paths.
    files["binocle/native/lib/" + soname] = (read(library), True)
    for path in glob.glob(os.path.join(os.path.dirname(library), "binocle", "*.so*")):
        files["binocle/native/lib/binocle/" + os.path.basename(path)] = (read(path), True)
    files["binocle/native/bin/binocle"] = (read(os.path.join(installation, "bin", "binocle")), True)
    info = f"binocle-{version}"
    files[f"{info}.data/scripts/binocle"] = (read(os.path.join(PYTHON, "binocle_command.py")), True)
    info += ".dist-info"
    description = read(os.path.join(PYTHON, "README.md")).decode()
    files[f"{info}/METADATA"] = (METADATA.format(version=version, description=description).encode(), False)
    files[f"{info}/WHEEL"] = (WHEEL.format(tag=tag).encode(), False)
    files[f"{info}/licenses/LICENSE"] = (read(os.path.join(TREE, "LICENSE")), False)
    for path in glob.glob(os.path.join(installation, "share", "doc", "binocle", "licences", "*")):
        files[f"{info}/licenses/{os.path.basename(path)}"] = (read(path), False)
    return files, info


def record(files, info):
    lines = []
    for name, (data, _) in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join(lines + [f"{info}/RECORD,,\n"]).encode()


def main(installation, arch, version, seconds, folder):
    tag = f"py3-none-manylinux_2_34_{MACHINES[arch]}"
    files, info = contents(installation, version, tag)
    files = dict(sorted(files.items(), key=lambda item: (".dist-info/" in item[0], item[0])))  # the metadata last, as the format advises
    files[f"{info}/RECORD"] = (record(files, info), False)
    when = time.gmtime(max(int(seconds), 315532800))[:6]  # zip begins in 1980
    path = os.path.join(folder, f"binocle-{version}-{tag}.whl")
    with zipfile.ZipFile(path + ".new", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, (data, executable) in files.items():
            entry = zipfile.ZipInfo(name, when)
            entry.create_system, entry.external_attr = 3, (0o100755 if executable else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    os.replace(path + ".new", path)
    print(path)


if __name__ == "__main__":
    if len(sys.argv) != 6 or sys.argv[2] not in MACHINES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
