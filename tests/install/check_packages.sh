#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What toolchains/bundle made for an architecture is installed into roots of Debian 11, 12 and 13 and asked about a picture there: the bundle and
# the .deb with glibc 2.36 and 2.41, the portable bundle with 2.31. A foreign architecture runs under qemu-user.
#   usage: check_packages.sh PACKAGES ARCH VERSION ROOTS      ROOTS: a folder for the roots; those that are there are used again
set -eu
packages=$(readlink -f "$1") arch=$2 version=$3
here=$(dirname "$(readlink -f "$0")")
tools=$here/../../toolchains
mkdir -p "$4"
roots=$(readlink -f "$4")
work=$roots/$arch.work
rm -rf "$work"
mkdir -p "$work"
emulator=''
case $arch:$(dpkg --print-architecture) in
  arm64:arm64 | armhf:armhf | amd64:amd64) ;;
  arm64:*) emulator=qemu-aarch64 ;;
  armhf:*) emulator=qemu-arm ;;
  *) echo "check_packages: $arch cannot run on this machine" >&2; exit 1 ;;
esac
for suite in bullseye bookworm trixie; do "$tools/debian_root" "$suite" "$arch" "$roots/$suite-$arch" libc6 libgcc-s1; done
count=0
answers() { # WAY ROOT COMMAND...: the program says what is on the sign of the bundled picture
  way=$1 root=$2
  shift 2
  share=$(find "$work" -name pocket.bnc | head -n 1 | xargs dirname)
  loader=$(cd "$root" && find lib/ lib64/ -maxdepth 1 -name 'ld-linux*' 2> /dev/null | head -n 1)
  # The root's own loader and C library, not this machine's.
  case $way in portable*) ;; *) [ -n "$emulator" ] || set -- "$root/$loader" --library-path "$(dirname "$(find "$root/usr/lib" -name libc.so.6)")" "$@" ;; esac
  [ -z "$emulator" ] || set -- $emulator -L "$root" "$@"
  got=$(env -u LD_LIBRARY_PATH BINOCLE_CACHE="$work/cache" "$@" run "$share/pocket.bnc" --quiet --threads 1 --max-tokens 8 --image "$share/0000.webp" \
    --prompt "What number is on the sign?")
  [ "$got" = 36 ] || { echo "$way in ${root##*/} answered '$got', expected '36'" >&2; exit 1; }
  echo "$way in ${root##*/}: $got"
  count=$((count + 1))
}
name=binocle-$version-linux-$arch
for archive in "$name" "$name-portable"; do tar -C "$work" -xf "$packages/$archive.tar.xz"; done
for suite in bookworm trixie; do
  root=$roots/$suite-$arch
  answers bundle "$root" "$work/$name/bin/binocle"
  rm -rf "$root/var/lib/dpkg" "$root/usr/bin/binocle"
  mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/log"
  : > "$root/var/lib/dpkg/status"
  dpkg --root="$root" --log="$work/dpkg.log" --force-not-root --force-architecture --force-depends -i "$packages"/*binocle*_"${version}_$arch".deb > "$work/dpkg.out" 2>&1 ||
    { cat "$work/dpkg.out" >&2; exit 1; }
  answers deb "$root" "$root/usr/bin/binocle"
done
loader=$(find "$work/$name-portable/lib/binocle" -name 'ld-linux*')
answers portable "$roots/bullseye-$arch" "$loader" --library-path "$work/$name-portable/lib/binocle" "$work/$name-portable/lib/binocle/binocle"
if [ -z "$emulator" ]; then answers portable-wrapper "$roots/bullseye-$arch" "$work/$name-portable/bin/binocle"; fi
echo "$count installations answered on $arch"
[ "$count" -ge 5 ]
