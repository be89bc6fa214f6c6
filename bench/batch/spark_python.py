# SPDX-License-Identifier: Apache-2.0
"""The Python package in Spark, on a local cluster of two workers."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pyspark  # noqa: E402

from batch_answers import questions  # noqa: E402

HERE, WORK = os.path.dirname(os.path.abspath(__file__)), os.getcwd()


def share(lines):
    os.chdir(WORK)
    sys.path.insert(0, HERE)
    from batch_answers import answers
    return answers(lines)


context = pyspark.SparkContext("local-cluster[2,1,1024]", "binocle")
context.setLogLevel("ERROR")
shares = questions()
lines = context.parallelize(shares, len(shares)).mapPartitions(lambda groups: (answer for group in groups for answer in share(group))).collect()
with open("answers.jsonl", "w", encoding="utf-8") as file:
    file.writelines(line + "\n" for line in lines)
context.stop()
print(pyspark.__version__)
