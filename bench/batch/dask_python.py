# SPDX-License-Identifier: Apache-2.0
"""The Python package in Dask, on a local cluster of two worker processes."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import distributed  # noqa: E402

from batch_answers import answers, questions  # noqa: E402


def share(lines):
    return list(answers(lines))


if __name__ == "__main__":
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, distributed.Client(cluster) as client:
        results = client.gather(client.map(share, questions(), pure=False))
        with open("answers.jsonl", "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for lines in results for line in lines)
    print(distributed.__version__)
