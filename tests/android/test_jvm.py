# SPDX-License-Identifier: Apache-2.0
"""Compiles and runs JvmTest on the host's JVM with -Xcheck:jni, whose every word about our calls is a failure.   test_jvm.py JAVAC JAVA JAR LIBRARY ROOT"""
import glob
import os
import shutil
import subprocess
import sys

javac, java, jar, library, root = sys.argv[1:]
here = os.path.join(root, "tests", "android")
classes = os.path.abspath("classes")


def main():
    shutil.rmtree(classes, ignore_errors=True)
    sources = [os.path.join(here, "JvmTest.java"), os.path.join(here, "AndroidParts.java")]
    for folder in (os.path.join(here, "stubs"), os.path.join(root, "platforms", "android", "java_android")):
        sources += sorted(glob.glob(os.path.join(folder, "**", "*.java"), recursive=True))
    subprocess.run([javac, "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-cp", jar, "-d", classes, *sources], check=True)
    command = [java, "-Xcheck:jni", "-XX:+UseSerialGC", "-Xmx64m", "-Dfile.encoding=UTF-8", "-Djava.awt.headless=true", f"-Dorg.binocle.library={library}",
               "-cp", os.pathsep.join((jar, classes)), "JvmTest", os.path.join(root, "quant", "pocket", "pocket.bnc"), os.path.join(root, "tests", "data")]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=280, check=False)
    print(run.stdout, run.stderr, sep="\n")
    said = run.stdout + run.stderr
    for word in ("WARNING", "FATAL ERROR", "JNI local refs", "SIGSEGV"):
        if word in said:
            sys.exit(f"-Xcheck:jni says {word}")
    if run.returncode != 0 or "checks passed" not in run.stdout:
        sys.exit(f"JvmTest ended with {run.returncode}")


if __name__ == "__main__":
    main()
