# SPDX-License-Identifier: Apache-2.0
"""The README's line for Spark, on a local cluster of two workers: each share of the questions goes through `binocle eval`."""
import os
import re

import pyspark

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
    command = re.search(r'`questions\.pipe\("([^"]+)", env=dict\(os\.environ\), checkCode=True\)`', readme.read())[1]

context = pyspark.SparkContext("local-cluster[2,1,1024]", "binocle")
context.setLogLevel("ERROR")
here = os.getcwd()
questions = context.textFile("file://" + os.path.join(here, "questions.jsonl"), 4)
# Spark's workers run in folders of their own.
lines = questions.pipe(f"env -C {here} {command}", env=dict(os.environ), checkCode=True).collect()
with open("answers.jsonl", "w", encoding="utf-8") as file:
    file.writelines(line + "\n" for line in lines)
context.stop()
print(pyspark.__version__)
