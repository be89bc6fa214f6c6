# SPDX-License-Identifier: Apache-2.0
"""Runs the tests beside it; the last line tells of skipped ones, which CTest then shows as skipped where it ran nothing else."""
import os
import sys
import unittest

here = os.path.dirname(os.path.abspath(__file__))
suite = unittest.defaultTestLoader.discover(here, top_level_dir=here)
result = unittest.TextTestRunner(verbosity=1).run(suite)
for test, why in result.skipped:
    print(f"skipped: {test.id()}: {why}")
print(f"Python {sys.version.split()[0]}: {result.testsRun - len(result.skipped)} ran, {len(result.skipped)} skipped")
sys.exit(0 if result.wasSuccessful() and result.testsRun > len(result.skipped) else 1)
