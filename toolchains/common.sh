# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: finds the tree, and leaves what root builds in somebody's tree to that somebody.
root=$(dirname "$(dirname "$(readlink -f "$0")")")
die() { echo "${0##*/}: $*" >&2; exit 1; }
give_back() {
  if [ "$(id -u)" -eq 0 ] && [ -d "$root/build" ]; then
    owner=$(stat -c %u:%g "$root")
    # Another script at work beside this one may take away files meanwhile.
    [ "$owner" = 0:0 ] || chown -hR "$owner" "$root/build" 2> /dev/null || true
  fi
}
trap give_back EXIT

# What Binocle is built on, from Debian: the one list of packages, and the names of those libraries that libbinocle and the program are
# linked to (toolchains/cmake/dependencies.cmake lists them for CMake). The last package is the tests' own.
# shellcheck disable=SC2034 # used where this is sourced
library_packages='libxnnpack-dev libpthreadpool-dev libcpuinfo-dev libwebp-dev libjpeg-dev libpng-dev libpcre2-dev libyyjson-dev libxxhash-dev
  libsodium-dev libllhttp-dev libcmocka-dev'
# shellcheck disable=SC2034
library_names='XNNPACK pthreadpool cpuinfo webpdemux webp jpeg png yyjson pcre2-8 xxhash sodium llhttp'
package_preset_of() { # ARCH: the preset that makes its packages
  if [ "$1" = "$(dpkg --print-architecture)" ]; then echo package-host; else echo "package-$1"; fi
}
# What is made of a commit bears that commit's time, whenever it is made: CMake, CPack and gzip heed this variable.
date_by_commit() {
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2> /dev/null || echo 0)}
  export SOURCE_DATE_EPOCH
}
version_of() { # BUILD: the version of what was configured there
  sed -nE 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$1/CMakeCache.txt"
}
triplet_of() { # ARCH, as Debian names it
  case $1 in
    amd64) echo x86_64-linux-gnu ;;
    arm64) echo aarch64-linux-gnu ;;
    armhf) echo arm-linux-gnueabihf ;;
    *) die "unknown architecture '$1', expected amd64, arm64 or armhf" ;;
  esac
}
# What bundle and wheel ship: ARCH is built as its package preset says and installed into the folder PREFIX, stripped. Sets build and version.
install_package() { # ARCH PREFIX
  date_by_commit
  preset=$(package_preset_of "$1")
  echo "${0##*/}: building for $1"
  (cd "$root" && toolchains/configure "$preset" && cmake --build --preset "$preset")
  build=$root/build/$preset
  # shellcheck disable=SC2034
  version=$(version_of "$build")
  mkdir -p "$2"
  cmake --install "$build" --prefix "$2" --strip > "$2.log"
  needs=$(find "$2" -type f \( -name 'lib*.so*' -o -path '*/bin/binocle' \) -exec python3 -B "$root/toolchains/elf.py" needs {} +)
  dpkg --compare-versions "${needs%% *}" le 2.34 ||
    die "${needs#* } asks for glibc ${needs%% *}, expected 2.34 at most: make it on Debian 12, or for another architecture than this machine's"
}
