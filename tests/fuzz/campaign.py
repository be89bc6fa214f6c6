#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long fuzzing run over every target, and what of each reader it reaches.

    toolchains/configure fuzz && cmake --build --preset fuzz
    tests/fuzz/campaign.py build/fuzz WORK run [--share X] [TARGET...]      about 10 million executions at share 1; the corpora grow in WORK
    tests/fuzz/campaign.py build/fuzz WORK cover [TARGET...]                line coverage of what grew, by a build with clang's coverage
    tests/fuzz/campaign.py build/fuzz WORK table                            the CSV of both, on standard output

What a target finds is left in WORK/found; a found input ends the run with status 1. A corpus that grew is not committed: what it adds is
reached again within seconds, and the repository stays small."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Executions at share 1 (a model runs at some 50 a second, an index at 50,000), and the readers whose lines count.
TARGETS = {
    "bnc": (30_000, ["runtime/model/", "runtime/exec/"]),
    "chat_request": (200_000, ["runtime/program/"]),
    "config": (1_000_000, ["quant/import/"]),
    "gguf": (100_000, ["quant/import/"]),
    "http_request": (200_000, ["runtime/program/"]),
    "index": (2_400_000, ["quant/import/"]),
    "jpeg": (150_000, ["runtime/image/"]),
    "npy": (3_000_000, ["runtime/npy/"]),
    "png": (500_000, ["runtime/image/"]),
    "profile": (100_000, ["runtime/profile/"]),
    "questions": (800_000, ["runtime/program/"]),
    "regex": (20_000, ["runtime/constrain/"]),
    "rounded": (100_000, ["quant/calibrate/"]),
    "safetensors": (2_000_000, ["quant/import/"]),
    "schema": (20_000, ["runtime/constrain/"]),
    "tokenize": (100_000, ["runtime/text/"]),
    "tokenizer_blob": (400_000, ["runtime/text/"]),
    "tokenizer_json": (200_000, ["quant/import/", "runtime/text/"]),
    "webp": (150_000, ["runtime/image/"]),
}
ENVIRONMENT = {"ASAN_OPTIONS": "allocator_may_return_null=1", "PATH": "/usr/bin:/bin"}


def run(build, work, name, share):
    grown, found = work / "corpus" / name, work / "found" / name
    grown.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    command = [str(build / "tests" / f"fuzz_{name}"), f"-runs={int(TARGETS[name][0] * share)}", "-timeout=30", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={found}/"]
    dictionary = ROOT / "tests/fuzz" / f"fuzz_{name}.dict"
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    started = time.monotonic()
    done = subprocess.run(command + [str(grown), str(ROOT / "tests/fuzz/corpus" / name)], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    report = done.stderr
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", report)
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", report)
    result = {"executions": int(executions[1]) if executions else 0, "seconds": round(time.monotonic() - started),
              "found": sum(1 for path in found.iterdir() if not path.name.startswith("slow-unit"))}
    if reached:
        result.update(edges=int(reached[-1][0]), features=int(reached[-1][1]), inputs=int(reached[-1][2]))
    if done.returncode:
        sys.stderr.write(report[-3000:])
        result["found"] = max(1, result["found"])
    (work / f"{name}.run.json").write_text(json.dumps(result))
    print(f"{name}: {result}", file=sys.stderr)
    return result["found"]


def cover(build, work, name):
    """Replays the corpora in a build that counts lines, without sanitizers' slowness in the way of nothing but time."""
    profile = work / f"{name}.profraw"
    folders = [str(folder) for folder in (work / "corpus" / name, ROOT / "tests/fuzz/corpus" / name) if folder.is_dir()]
    program = build / "tests" / f"fuzz_{name}"
    subprocess.run([str(program), "-runs=0", *folders], env={**ENVIRONMENT, "LLVM_PROFILE_FILE": str(profile)}, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    merged = work / f"{name}.profdata"
    version = re.search(r"version (\d+)", subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True).stdout)[1]
    subprocess.run([f"llvm-profdata-{version}", "merge", "-sparse", str(profile), "-o", str(merged)], check=True)
    exported = subprocess.run([f"llvm-cov-{version}", "export", "-summary-only", f"-instr-profile={merged}", str(program),
                               "-object", str(build / "libbinocle_internal.so")],
                              capture_output=True, text=True, check=True)
    lines = covered = files = 0
    for entry in json.loads(exported.stdout)["data"][0]["files"]:
        place = entry["filename"].split("/./")[-1].removeprefix(str(ROOT) + "/").removeprefix("./")
        count = entry["summary"]["lines"]
        if any(place.startswith(prefix) for prefix in TARGETS[name][1]) and count["covered"]:
            lines, covered, files = lines + count["count"], covered + count["covered"], files + 1
    (work / f"{name}.cover.json").write_text(json.dumps({"files": files, "lines": lines, "covered": covered}))
    print(f"{name}: {covered} of {lines} lines of the {files} files that it enters", file=sys.stderr)


def table(work):
    print("target,executions,seconds,found,edges,features,inputs,files_entered,lines,lines_covered,share")
    total = 0
    for name in TARGETS:
        ran = json.loads((work / f"{name}.run.json").read_text())
        covered = json.loads((work / f"{name}.cover.json").read_text())
        total += ran["executions"]
        print(f"{name},{ran['executions']},{ran['seconds']},{ran['found']},{ran.get('edges', '')},{ran.get('features', '')},"
              f"{ran.get('inputs', '')},{covered['files']},{covered['lines']},{covered['covered']},{covered['covered'] / covered['lines']:.3f}")
    print(f"all,{total},,,,,,,,,")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("what", choices=["run", "cover", "table"])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--share", type=float, default=1.0)
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    names = options.targets or list(TARGETS)
    if options.what == "run":
        return 1 if sum([run(options.build, options.work, name, options.share) for name in names]) else 0
    if options.what == "table":
        table(options.work)
        return 0
    counted = options.work / "build"
    subprocess.run(["cmake", "--preset", "fuzz", "-B", str(counted), "-DBINOCLE_SANITIZE=address",
                    "-DCMAKE_C_FLAGS=-fprofile-instr-generate -fcoverage-mapping"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["cmake", "--build", str(counted), "--target", *[f"fuzz_{name}" for name in names]], stdout=subprocess.DEVNULL, check=True)
    for name in names:
        cover(counted, options.work, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
