#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What toolchains/bundle made for an architecture is installed into roots of Debian 11, 12 and 13 and asked about a picture there: the bundle and
# the .deb with glibc 2.36 and 2.41, the portable bundle with 2.31, the wheel with Debian 12's Python and pip, and the libraries of bundle and .deb in a JVM
# (Debian 12's OpenJDK 17; this machine's where it can run them). A foreign architecture runs under qemu-user.
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
  env -u LD_LIBRARY_PATH "$@" serve --help | grep -q -e --token-file || { echo "$way in ${root##*/} has no 'binocle serve'" >&2; exit 1; }
  echo "$way in ${root##*/}: $got"
  count=$((count + 1))
}
name=binocle-$version-linux-$arch
for archive in "$name" "$name-portable"; do tar -C "$work" -xf "$packages/$archive.tar.xz"; done
for library in pthreadpool cpuinfo; do # their own names keep them apart from other versions in a process (check_consumers.sh)
  [ -r "$work/$name/lib/binocle/bnc$library.so.0" ] || { echo "the bundle has no bnc$library.so.0" >&2; exit 1; }
done
for suite in bookworm trixie; do
  root=$roots/$suite-$arch
  answers bundle "$root" "$work/$name/bin/binocle"
  rm -rf "$root/var/lib/dpkg" "$root/usr/bin/binocle"
  mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/log"
  : > "$root/var/lib/dpkg/status"
  dpkg --root="$root" --log="$work/dpkg.log" --force-not-root --force-architecture --force-depends -i "$packages"/*binocle*_"${version}_$arch".deb > "$work/dpkg.out" 2>&1 ||
    { cat "$work/dpkg.out" >&2; exit 1; }
  answers deb "$root" "$root/usr/bin/binocle"
  # A page per command and what each shell completes, where man and the shells look for them.
  shared=$root/usr/share
  for command in '' $(gzip -dc "$shared/man/man1/binocle.1.gz" | sed -nE 's/^\.BR binocle\\-([a-z]+) \(1\)$/-\1/p'); do
    [ -s "$shared/man/man1/binocle$command.1.gz" ] || { echo "the .deb has no manual page binocle$command(1)" >&2; exit 1; }
  done
  [ "$(find "$shared/man/man1" -name 'binocle-*.1.gz' | wc -l)" -ge 15 ] || { echo "the .deb has manual pages for too few commands" >&2; exit 1; }
  for file in bash-completion/completions/binocle zsh/vendor-completions/_binocle fish/vendor_completions.d/binocle.fish; do
    grep -q token-file "$shared/$file" || { echo "the .deb completes nothing by $file" >&2; exit 1; }
  done
done
if command -v lintian > /dev/null; then # what it finds and stays is explained in toolchains/packaging/*.overrides
  found=$(lintian --no-cfg "$packages"/*binocle*_"${version}_$arch".deb 2> /dev/null || true)
  [ -z "$found" ] || { echo "$found" >&2; exit 1; }
fi
# The JNI binding, compiled against an installation's headers and linked with its library, in a JVM.
classes=$work/classes
find "$here/../../platforms/android/java" -name '*.java' -exec javac --release 8 -Xlint:-options -encoding UTF-8 -d "$classes" "$here/AskInstalled.java" {} +
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
case $arch in amd64) triplet=x86_64-linux-gnu ;; arm64) triplet=aarch64-linux-gnu ;; armhf) triplet=arm-linux-gnueabihf ;; esac
java=$jdk/bin/java
glibc='' # of the sysroot that toolchains/bundle built with, where the machine's own is of another architecture
if [ -n "$emulator" ]; then
  sysroot=$(readlink -f "$tools/../build/sysroot/$arch")
  glibc="--sysroot=$sysroot -nostdinc -isystem $("$triplet-gcc" -print-file-name=include) -isystem $sysroot/usr/include/$triplet -isystem $sysroot/usr/include -B$sysroot/usr/lib/$triplet"
  root=$roots/jvm-$arch
  "$tools/debian_root" bookworm "$arch" "$root" libc6 libgcc-s1 openjdk-17-jre-headless
  # Its settings lie in /etc of the root, to which the package's links are absolute.
  for link in $(find "$root/usr/lib/jvm" -type l -lname '/etc/*'); do ln -sfn "$root$(readlink "$link")" "$link"; done
  java=$(find "$root/usr/lib/jvm" -path '*/bin/java' -type f)
fi
jvm() { # WAY LIBRARY HEADERS: a JVM loads that library and asks it
  binding=$work/libbinocle_jni-$1.so
  # shellcheck disable=SC2086 # flags and their values
  "$triplet-gcc" $glibc -std=c11 -shared -fPIC -O1 -I "$here/../.." -I "$jdk/include" -I "$jdk/include/linux" -I "$3" "$here"/../../platforms/android/jni/*.c \
    -Wl,--version-script="$here/../../platforms/android/jni/jni.exports" -Wl,-z,defs -o "$binding" "$2" -Wl,--allow-shlib-undefined -Wl,-rpath,"${2%/*}"
  got=$(env -u LD_LIBRARY_PATH BINOCLE_CACHE="$work/cache" $emulator ${emulator:+-L "$root"} "$java" -Xint -XX:+UseSerialGC -Xmx64m \
    -Dorg.binocle.library="$binding" -cp "$classes" AskInstalled "$share/pocket.bnc" "$share/0000.webp" "What number is on the sign?")
  [ "$got" = 36 ] || { echo "$1 in a JVM answered '$got', expected '36'" >&2; exit 1; }
  echo "$1 in a JVM: $got"
  count=$((count + 1))
}
jvm bundle "$work/$name/lib/libbinocle.so" "$work/$name/include"
jvm deb "$(find "$roots/bookworm-$arch/usr/lib" -name libbinocle.so)" "$roots/bookworm-$arch/usr/include"
loader=$(find "$work/$name-portable/lib/binocle" -name 'ld-linux*')
answers portable "$roots/bullseye-$arch" "$loader" --library-path "$work/$name-portable/lib/binocle" "$work/$name-portable/lib/binocle/binocle"
"$tools/debian_root" bookworm "$arch" "$roots/python-$arch" libc6 libgcc-s1 python3.11-minimal libpython3.11-minimal libpython3.11-stdlib python3-pip-whl
root=$roots/python-$arch
python() { # ARGUMENTS...: that root's Python, with its own loader and C library
  loader=$(cd "$root" && find lib/ lib64/ -maxdepth 1 -name 'ld-linux*' 2> /dev/null | head -n 1)
  env -u LD_LIBRARY_PATH PYTHONHOME="$root/usr" PYTHONPATH="$work/site" BINOCLE_CACHE="$work/cache" $emulator ${emulator:+-L "$root"} \
    "$root/$loader" --library-path "$(dirname "$(find "$root/usr/lib" -name libc.so.6)")" "$root/usr/bin/python3.11" -B "$@"
}
for wheel in "$packages"/binocle-"$version"-py3-none-*; do
  case $arch:$wheel in amd64:*x86_64.whl | arm64:*aarch64.whl | armhf:*armv7l.whl) break ;; esac
done
python "$(find "$root/usr/share/python-wheels" -name 'pip-*.whl')/pip" install --quiet --no-index --root-user-action=ignore --target "$work/site" "$wheel"
got=$(python -c "import binocle; print(binocle.Model('$share/pocket.bnc', threads=1).ask('$share/0000.webp', 'What number is on the sign?').text())")
[ "$got" = 36 ] || { echo "wheel in ${root##*/} answered '$got', expected '36'" >&2; exit 1; }
echo "wheel in ${root##*/}: $got"
count=$((count + 1))
if [ -z "$emulator" ]; then answers portable-wrapper "$roots/bullseye-$arch" "$work/$name-portable/bin/binocle"; fi
echo "$count installations answered on $arch"
[ "$count" -ge 8 ]
