# SPDX-License-Identifier: Apache-2.0
"""The tables of speeds are what bench/table.py makes of the committed rows, and the tables of joules what bench/energy/joules.py makes of theirs."""
import os
import sys

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench")
sys.path[:0] = [BENCH, os.path.join(BENCH, "energy")]
import joules  # noqa: E402
import table  # noqa: E402


def violations(files):
    found = []
    for page, made, by in (*((page, lambda text, page=page: table.replaced(page, text, files), "bench/table.py") for page in table.PAGES),
                           ("platforms/README.md", lambda text: joules.replaced(text, files), "bench/energy/joules.py table")):
        text = files.get(page, "")
        try:
            if made(text) != text:
                found.append(f"{page}: a table is not that of the committed rows in bench/baselines; {by} writes it")
        except (KeyError, ValueError) as e:
            found.append(str(e))
    if "platforms/threads/frugal_cores.c" in files and joules.csv_of(joules.tradeoff_rows(files.get)) != files.get(joules.TRADEOFF):
        found.append(f"{joules.TRADEOFF}: its rows are not those of boards.c, frugal_cores.c and the recorded trees; bench/energy/joules.py rows writes them")
    return found
