#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the .npy files beside this file with NumPy itself."""
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

HERE = Path(__file__).resolve().parent


def put(name, array, version=(1, 0)):
    with open(HERE / name, "wb") as f:
        npy.write_array(f, array, version=version)


ids = [128000, -200, 0, 2147483647, -2147483648]
put("ids_i4.npy", np.array(ids, "<i4"))
put("ids_i8.npy", np.array([*ids, 2 ** 40, -(2 ** 63)], "<i8"))
put("ids_v2.npy", np.array(ids, "<i4"), (2, 0))
put("ids_v3.npy", np.array(ids, "<i8"), (3, 0))
put("empty_i8.npy", np.zeros(0, "<i8"))
put("scalar_f4.npy", np.array(1.5, "<f4"))
put("matrix_f4.npy", np.arange(24, dtype="<f4").reshape(2, 3, 4) / 8)
put("matrix_f8.npy", np.arange(6, dtype="<f8").reshape(2, 3))
put("bad_matrix_i4.npy", np.zeros((2, 2), "<i4"))
put("bad_big_endian.npy", np.array(ids, ">i4"))
put("bad_fortran.npy", np.asfortranarray(np.arange(6, dtype="<i4").reshape(2, 3)))
put("bad_records.npy", np.zeros(2, [("a", "<i4"), ("b", "<f4")]))
put("bad_u2.npy", np.zeros(3, "<u2"))
