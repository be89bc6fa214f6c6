#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What each pass is worth on the reference checkpoint: passes.sh [BUILD_FOLDER] > bench/baselines/passes_reference.csv
set -eu
root=$(readlink -f "$(dirname "$0")/../..")
build=$(readlink -f "${1:-$root/build/host}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$build/bench/bench_passes" "$root/tests/data/reference/checkpoint" int8
"$build/bench/bench_passes" "$root/tests/data/reference/checkpoint" f32 | tail -n +2
