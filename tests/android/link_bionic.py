# SPDX-License-Identifier: Apache-2.0
"""Links libbinocle_jni.so for Android without an NDK: against stub libraries that hold the names which bionic has at API 29, and no others.

    link_bionic.py BUILD ROOT JNI-HEADERS [--bionic DIR] [--linker LD]

BUILD is the aarch64-linux preset's folder; its objects of the library are linked, with what glibc's headers call otherwise than bionic's renamed (ALIASES).
With --bionic, a checkout of Android's platform/bionic, library and binding are compiled by clang 19 for aarch64-linux-android29 against its headers instead,
and bionic29.txt is compared with its lists of symbols. The libraries that Binocle is built on are stubs with the names of Debian's: the link says
nothing of those. Checked: no name is missing, JNI_OnLoad alone is exported, of Android libc, libdl and libm alone are needed, segments are aligned to 16 KiB.
"""
import argparse
import glob
import json
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
API, PAGE = 29, 16384
# What glibc's headers call otherwise than bionic's; INLINE: what is not called there, or comes from the compiler.
ALIASES = {"__errno_location": "__errno", "__assert_fail": "__assert2", "_setjmp": "setjmp", "__xpg_strerror_r": "strerror_r"}
RENAMED = re.compile(r"^__isoc(?:99|23)_|(?<=[a-z])64$")
INLINE = re.compile(r"__ctype_(b|tolower|toupper)_loc$|__aarch64_\w+$|malloc_trim$")


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        sys.exit(f"link_bionic: {shlex.join(command[:2])} ... failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def bionic_names():
    """{library: names} of bionic29.txt."""
    with open(os.path.join(HERE, "bionic29.txt"), encoding="ascii") as f:
        text = "".join(line for line in f if not line.startswith("#"))
    return {library: set(names.split()) for library, names in re.findall(r"^(\S+):(.*(?:\n  .*)*)", text, re.M)}


def mapped(path):
    """The names that a list of symbols has for arm64 at API 29."""
    names, block = set(), 0
    with open(path, encoding="ascii") as f:
        for line in f:
            opened = re.match(r"(\w+) \{(?:.*introduced=(\d+))?", line)
            if opened:
                block = API + 1 if re.search("PRIVATE|PLATFORM|DEPRECATED", opened[1]) else int(opened[2] or 0)
            found = re.match(r"\s+(\w+);(?:\s*#(.*))?$", line)
            if not found:
                continue
            tags = (found[2] or "").split()
            since = max([int(t.split("=")[1]) for t in tags if re.match(r"introduced(-arm64)?=\d+$", t)], default=block)
            arches = {"arm", "arm64", "x86", "x86_64", "mips", "mips64", "riscv64"} & set(tags)
            if since <= API and (not arches or "arm64" in arches) and not {"platform-only", "llndk", "apex", "systemapi"} & set(tags):
                names.add(found[1])
    return names


def stub(compiler, linker, name, names):
    """A shared library NAME that defines so many names, and nothing behind them."""
    with open(name + ".s", "w", encoding="ascii") as f:
        f.writelines(f".globl {n}\n.type {n}, %function\n{n}:\n" for n in sorted(names))
    run(*compiler, "-c", name + ".s", "-o", name + ".o")
    run(linker, "-shared", "-soname", name, "-o", name, name + ".o")


def objects_of(build):
    """(source, the command without source and output, object) of the library."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        for entry in json.load(f):
            words = shlex.split(entry["command"])
            to = words[words.index("-o") + 1]
            if re.match(r"CMakeFiles/binocle_(objects|neon|neon_dotprod|neon_i8mm|neon_bf16)\.dir/", to):
                yield entry["file"], [w for w in words if w not in ("-o", to, "-c", entry["file"])], os.path.join(entry["directory"], to)


def compile_for_android(options, clang, includes):
    objects = []
    for i, (source, command, _) in enumerate(objects_of(options.build)):
        flags = [w for w in command if re.match(r"-D|-march=|-O|-ffp|-fno-math|-std=", w)]
        objects.append(f"o{i}.o")
        run(*clang, *flags, *includes, "-fPIC", "-fvisibility=hidden", "-c", source, "-o", objects[-1])
    return objects


def undefined(files):
    """{file: names that it wants from others}"""
    wants = {f: set() for f in files}
    for line in run("aarch64-linux-gnu-nm", "-A", "-u", *files).splitlines():
        file, rest = line.rsplit(":", 1)
        wants[file].add(rest.split()[-1])
    return wants


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("root")
    parser.add_argument("jni")
    parser.add_argument("--bionic")
    parser.add_argument("--linker", default="aarch64-linux-gnu-ld")
    o = parser.parse_args()
    root, libraries = os.path.abspath(o.root), os.path.join(o.build, "..", "libraries", "arm64", "usr")
    foreign = ["-isystem", os.path.join(libraries, "include"), "-isystem", os.path.join(libraries, "include", "aarch64-linux-gnu")]
    own = [f"-I{root}"] + [f"-I{root}/{part}/include" for part in ("platforms", "runtime", "quant")]
    jni = ["-isystem", o.jni, "-isystem", os.path.join(o.jni, "linux")]
    allowed = bionic_names()
    names = {n for f in glob.glob(os.path.join(libraries, "lib", "aarch64-linux-gnu", "*.so")) for n in
             re.findall(r" [TBDRVW] (\w+)", run("aarch64-linux-gnu-nm", "-D", "--defined-only", f))}
    if o.bionic:
        clang = ["clang-19", f"--target=aarch64-linux-android{API}"]
        libc = os.path.join(o.bionic, "libc")
        system = ["-nostdlibinc"] + [w for part in ("include", "kernel/uapi", "kernel/uapi/asm-arm64", "kernel/android/uapi") for w in ("-isystem", f"{libc}/{part}")]
        objects = compile_for_android(o, clang, own + foreign + system)
        lists = {"libc.so": "libc/libc.map.txt", "libdl.so": "libdl/libdl.map.txt", "libm.so": "libm/libm.map.txt"}
        for library, has in allowed.items():
            extra = has - mapped(os.path.join(o.bionic, lists[library]))
            if extra:
                sys.exit(f"link_bionic: bionic29.txt says that {library} has {sorted(extra)}; bionic's list does not")
    else:
        clang, system, objects = ["aarch64-linux-gnu-gcc"], [], []
        compiled = list(objects_of(o.build))
        wants = undefined([built for _, _, built in compiled])
        for i, (_, command, built) in enumerate(compiled):
            clang = [w for w in command if not w.startswith("-march=")]
            renamed = [n for n in wants[built] if n in ALIASES or (RENAMED.search(n) and not re.match(r"bnc_|XXH|_", n.replace("__isoc", "")))]
            names |= {n for n in wants[built] if INLINE.match(n)}
            objects.append(f"o{i}.o" if renamed else built)
            if renamed:  # to what bionic calls it
                run("aarch64-linux-gnu-objcopy", *[f"--redefine-sym={n}={ALIASES.get(n) or RENAMED.sub('', n)}" for n in renamed], built, objects[-1])
    for source in sorted(glob.glob(os.path.join(root, "platforms", "android", "jni", "*.c"))):
        objects.append(os.path.basename(source)[:-2] + ".o")
        run(*clang, "-std=c11", "-O2", "-D_GNU_SOURCE", *own, *jni, *system, "-fPIC", "-fvisibility=hidden", "-c", source, "-o", objects[-1])

    everything = set().union(*allowed.values())
    compiler = [clang[0], *[w for w in clang if w.startswith("--target")]]
    stub(compiler, o.linker, "libforeign.so", names - everything)
    for library, has in allowed.items():
        stub(compiler, o.linker, library, has)
    exports = os.path.join(root, "platforms", "android", "jni", "jni.exports")
    run(o.linker, "-shared", "-soname", "libbinocle_jni.so", "--gc-sections", "-z", "defs", "-z", f"max-page-size={PAGE}", f"--version-script={exports}",
        "-o", "libbinocle_jni.so", *objects, "libforeign.so", *allowed)

    headers = run("aarch64-linux-gnu-readelf", "-lWd", "libbinocle_jni.so")
    align = [int(a, 16) for a in re.findall(r"^  LOAD .* (0x[0-9a-f]+)$", headers, re.M)]
    if len(align) < 2 or any(a % PAGE for a in align):
        sys.exit(f"link_bionic: segments are aligned to {align}, expected {PAGE}")
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", headers))
    if needed != set(allowed) | {"libforeign.so"}:
        sys.exit(f"link_bionic: needs {sorted(needed)}, expected {sorted(allowed)} and the libraries that Binocle is built on")
    exported = [line.split()[-1] for line in run("aarch64-linux-gnu-nm", "-D", "--defined-only", "libbinocle_jni.so").splitlines()]
    if exported != ["JNI_OnLoad"]:
        sys.exit(f"link_bionic: exports {exported}, expected JNI_OnLoad alone")
    used = undefined(["libbinocle_jni.so"])["libbinocle_jni.so"] & everything
    unused = everything - used
    if unused and o.bionic:
        sys.exit(f"link_bionic: bionic29.txt names {sorted(unused)}, which nothing needs")
    print(f"libbinocle_jni.so: {len(objects)} objects, {len(used)} names of bionic, {os.path.getsize('libbinocle_jni.so')} bytes, segments of {min(align)}")


if __name__ == "__main__":
    main()
