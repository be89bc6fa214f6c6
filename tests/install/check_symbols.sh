#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library exports exactly the functions that the public headers mark BNC_API; the static one defines nothing without bnc_.
#   usage: check_symbols.sh libbinocle.so libbinocle.a INCLUDE_FOLDER...
set -eu
shared=$1
static=$2
shift 2
for folder in "$@"; do
  for header in "$folder"/binocle/*.h; do
    [ ! -e "$header" ] || echo "$header"
  done
done > headers.txt
# A declaration may stand on several lines: join, cut at semicolons, take the name before the first parenthesis.
xargs -d '\n' cat < headers.txt | sed '/^#/d' | tr '\n' ' ' | tr ';{}' '[\n*]' |
  sed -nE 's/.*BNC_API[^(]*[^A-Za-z0-9_](bnc_[a-z0-9_]+) *\(.*/\1/p' | sort -u > declared.txt
nm -D --defined-only "$shared" | awk '{ print $3 }' | sort -u > exported.txt
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -v '^bnc_' > foreign.txt || true
failed=0
differences=$(comm -3 declared.txt exported.txt)
if [ -n "$differences" ]; then
  echo "declared BNC_API but not exported (left), exported but not declared in a public header (right):"
  comm -3 declared.txt exported.txt
  failed=1
fi
if [ -s foreign.txt ]; then
  echo "global symbols of $static without bnc_:"
  cat foreign.txt
  failed=1
fi
count=$(wc -l < exported.txt)
echo "$count symbols exported"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
