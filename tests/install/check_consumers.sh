#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs a build into a folder, moves that folder, and builds C and C++ programs on it as users do: with pkg-config and with CMake,
# shared and static.
#   usage: check_consumers.sh BUILD VERSION      in an empty folder that may be written
set -eu
build=$1
version=$2
here=$(dirname "$(readlink -f "$0")")
rm -rf first prefix use
cmake --install "$build" --prefix "$PWD/first" > install.log
mv first prefix
prefix=$PWD/prefix
count=0
runs() { # PROGRAM: it runs and tells the version
  got=$(LD_LIBRARY_PATH=$prefix/lib "$1")
  [ "$got" = "$version 0" ] || { echo "$1 printed '$got', expected '$version 0'" >&2; exit 1; }
  count=$((count + 1))
}

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name binocle.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion binocle)" = "$version" ] || { echo "pkg-config knows another version than $version" >&2; exit 1; }
compile() { # KIND FLAGS: pkg-config quotes for the shell that reads its answer, hence eval
  eval "cc -std=c99 -Wall -Wextra -Werror -o c_$1 '$here/consumer.c' $2"
  eval "c++ -std=c++11 -Wall -Wextra -Werror -x c++ '$here/consumer.c' -x none -o cxx_$1 $2"
  runs "./c_$1"
  runs "./cxx_$1"
}
compile shared "$(pkg-config --cflags --libs binocle)"
compile static "$(pkg-config --cflags --libs --static binocle | sed 's/-lbinocle /-l:libbinocle.a /')"

cp "$here/consumer.c" consumer.cpp
cmake -G Ninja -S "$here/package" -B use -DCMAKE_PREFIX_PATH="$prefix" -DCONSUMER_C="$here/consumer.c" -DCONSUMER_CXX="$PWD/consumer.cpp" > use.log
cmake --build use >> use.log
for program in c_shared c_static cxx_shared cxx_static; do
  runs "use/$program"
done
# Whoever loads the library at run time, and knows nothing of where its libraries are.
version_call="import ctypes, sys; f = ctypes.CDLL(sys.argv[1]).bnc_version; f.restype = ctypes.c_char_p; print(f().decode())"
got=$(env -u LD_LIBRARY_PATH python3 -c "$version_call" "$(find "$prefix" -name 'libbinocle.so.*' -type f)")
[ "$got" = "$version" ] || { echo "Python's ctypes got '$got', expected '$version'" >&2; exit 1; }
# It loads beside other versions of those libraries that keep no promise about their versions, where toolchains/libraries has named its own.
if [ -n "$(find "$prefix" -name 'bncpthreadpool.so.*')" ]; then
  for name in pthreadpool cpuinfo; do
    printf 'int other_%s;\n' $name | cc -shared -fPIC -x c - -Wl,-soname,lib$name.so.0 -o other_$name.so
  done
  beside="import ctypes; ctypes.CDLL('./other_pthreadpool.so'); ctypes.CDLL('./other_cpuinfo.so'); $version_call"
  got=$(env -u LD_LIBRARY_PATH python3 -c "$beside" "$(find "$prefix" -name 'libbinocle.so.*' -type f)")
  [ "$got" = "$version" ] || { echo "beside other libraries, Python's ctypes got '$got', expected '$version'" >&2; exit 1; }
fi
if command -v java > /dev/null; then
  got=$(env -u LD_LIBRARY_PATH java "$here/LoadLibrary.java" "$(find "$prefix" -name 'libbinocle.so.*' -type f)")
  [ "$got" = loaded ] || { echo "a JVM said '$got', expected 'loaded'" >&2; exit 1; }
else
  echo "no java: not loaded into a JVM (toolchains/setup check installs one)"
fi
got=$(env -u LD_LIBRARY_PATH "$prefix/bin/binocle" --version)
[ "$got" = "binocle $version" ] || { echo "the installed program printed '$got', expected 'binocle $version'" >&2; exit 1; }
# Nothing may lead back to the folder where it was built.
for file in "$prefix/bin/binocle" $(find "$prefix" -name 'libbinocle.so.*' -type f); do
  path=$(readelf -d "$file" | sed -nE 's/.*\((RPATH|RUNPATH)\).*\[(.*)\]$/\2/p')
  case :$path in *:/*) echo "$file looks for libraries in '$path', expected nothing but \$ORIGIN" >&2; exit 1 ;; esac
done
echo "$count programs built and run on the installed library"
[ "$count" -eq 8 ]
