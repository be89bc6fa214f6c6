# SPDX-License-Identifier: Apache-2.0
"""Runs one house check over the tree: run_check.py ROOT layers|layout|sizes|wording|names|kernels|pages|passes_page|speed_table|statements"""
import importlib
import sys

import tree


def main():
    root, name = sys.argv[1:]
    files = tree.read(root)
    found = importlib.import_module(name).violations(files)
    for line in found:
        print(line)
    print(f"{name}: {len(files)} files read, {len(found)} violations")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
