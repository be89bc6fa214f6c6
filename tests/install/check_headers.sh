#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles every public header alone, as C99 and as C++11, with warnings as errors.
#   usage: check_headers.sh INCLUDE_FOLDER...
set -eu
count=0
flags=''
for folder in "$@"; do flags="$flags -I '$folder'"; done
for folder in "$@"; do
  for header in "$folder"/binocle/*.h; do
    [ -e "$header" ] || continue
    name=binocle/${header##*/}
    eval "printf '#include <%s>\n#include <%s>\ntypedef int unit;\n' '$name' '$name' | cc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c - $flags"
    eval "printf '#include <%s>\n#include <%s>\ntypedef int unit;\n' '$name' '$name' | c++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c++ - $flags"
    count=$((count + 1))
  done
done
echo "$count public headers compile alone as C99 and as C++11"
[ "$count" -gt 0 ]
