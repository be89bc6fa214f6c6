#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the Python package's wheel out of a build, installs it into a fresh environment with pip, moves that, and asks there about a picture.
#   usage: check_wheel.sh BUILD VERSION      in an empty folder that may be written
set -eu
build=$1 version=$2
tree=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
unset PYTHONPATH LD_LIBRARY_PATH PYTHONHOME
rm -rf prefix one two venv moved
cmake --install "$build" --prefix "$PWD/prefix" --strip > install.log
mkdir one two
for folder in one two; do
  wheel=$(python3 -B "$tree/toolchains/wheel_file.py" prefix "$(dpkg --print-architecture)" "$version" 1700000000 $folder)
  touch prefix/bin/binocle
done
cmp "one/${wheel#*/}" "$wheel" || { echo "two wheels of one installation differ" >&2; exit 1; }

python3 -m venv venv
venv/bin/python -m pip install --quiet --no-index --disable-pip-version-check "$wheel"
[ "$(venv/bin/binocle --version)" = "binocle $version" ] || { echo "the wheel's command said '$(venv/bin/binocle --version)'" >&2; exit 1; }
mkdir moved
mv "$(venv/bin/python -c 'import os, binocle; print(os.path.dirname(binocle.__file__))')" moved/binocle
cat > ask.py <<END
import base64, csv, glob, hashlib, os, sys
import binocle
assert os.path.dirname(binocle.__file__).endswith("moved/binocle"), binocle.__file__
assert os.path.exists(os.path.join(os.path.dirname(binocle.__file__), "py.typed"))
print(binocle.Model("$tree/quant/pocket/pocket.bnc", threads=1, cache_dir="cache").ask("$tree/tests/data/pocket/0000.webp", "Which number is on the sign?").text())
with open(glob.glob("venv/lib/*/site-packages/binocle-*.dist-info/RECORD")[0], newline="") as record:
    rows = [row for row in csv.reader(record) if row[0].startswith("binocle/") and row[1]]
assert len(rows) > 15, rows
for name, digest, size in rows:
    with open(name.replace("binocle/", "moved/binocle/", 1), "rb") as file:
        data = file.read()
    assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode() and len(data) == int(size), name
END
got=$(PYTHONPATH=$PWD/moved venv/bin/python -B ask.py)
[ "$got" = 36 ] || { echo "the wheel answered '$got', expected '36'" >&2; exit 1; }
echo "the wheel of $(du -k "$wheel" | cut -f1) KB answered: $got"
