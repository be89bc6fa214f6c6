# SPDX-License-Identifier: Apache-2.0
"""The README's table of speeds is what bench/table.py makes of the committed rows."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench"))
import table  # noqa: E402


def violations(files):
    readme = files.get("README.md", "")
    try:
        agrees = table.replaced(readme, table.block(files)) == readme
    except ValueError as e:
        return [str(e)]
    return [] if agrees else ["README.md: its table is not that of bench/baselines/race-*.csv; bench/table.py writes it"]
