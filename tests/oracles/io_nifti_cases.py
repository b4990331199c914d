"""Writes NIfTI-1 files with one unusual feature each that SimpleITK reads; prints their paths.

Usage: io_nifti_cases.py FOLDER
"""

import os
import struct
import sys

import numpy as np

FOLDER = sys.argv[1]
CODES = {
    "uint8": 2, "int8": 256, "uint16": 512, "int16": 4, "uint32": 768, "int32": 8,
    "uint64": 1280, "int64": 1024, "float32": 16, "float64": 64,
}  # fmt: skip


def write(name, order="<", dtype="int16", dim=(3, 5, 4, 3, 1, 1, 1, 1), pixdim=(1, 2, 3, 4),
          offset=352, scale=(1, 0), units=2, codes=(1, 1), quaternion=(0, 0, 0, -10, 20, 30),
          rows=((2, 0, 0, -10), (0, 3, 0, 20), (0, 0, 4, 30))):  # fmt: skip
    header = bytearray(offset)

    def put(place, form, *values):
        struct.pack_into(order + form, header, place, *values)

    put(0, "i", 348)
    put(40, "8h", *dim)
    put(70, "2h", CODES[dtype], 8 * np.dtype(dtype).itemsize)
    put(76, "4f", *pixdim)
    put(108, "3f", offset, *scale)
    put(123, "b", units)
    put(252, "2h", *codes)
    put(256, "6f", *quaternion)
    for row, entries in enumerate(rows):
        put(280 + 16 * row, "4f", *entries)
    put(344, "4s", b"n+1")
    voxels = np.random.default_rng(7).integers(0, 120, 60).astype(dtype)
    path = os.path.join(FOLDER, name + ".nii")
    with open(path, "wb") as file:
        file.write(header + voxels.astype(np.dtype(dtype).newbyteorder(order)).tobytes())
    print(path)


turned = (0.1, 0.2, 0.3, -10, 20, 30)
mirrored = (-1, 2, 3, 4)
other = ((2, 0, 0, 99), (0, 3, 0, 20), (0, 0, 4, 30))
for dtype in CODES:
    write("big-endian-" + dtype, order=">", dtype=dtype)
write("no-code", codes=(0, 0))
write("qform-only", codes=(1, 0), quaternion=turned)
write("qform-mirrored", codes=(1, 0), quaternion=turned, pixdim=mirrored)
write("qform-half-turn", codes=(1, 0), quaternion=(0.6, 0.8, 0, -10, 20, 30))
write("qform-factor-0", codes=(1, 0), quaternion=turned, pixdim=(0, 2, 3, 4))
write("sform-only", codes=(0, 2), rows=other)
write("scanner-sform-and-another-qform", codes=(1, 1), rows=other)
write("aligned-sform-and-another-qform", codes=(1, 2), rows=other)
write("aligned-sform-and-the-same-qform", codes=(1, 2))
write("metres", units=1)
write("micrometres", units=3)
write("unit-unknown", units=0)
write("trailing-axes-of-one", dim=(5, 5, 4, 3, 1, 1, 1, 1))
write("later-voxels", offset=1024)
write("rescaled", scale=(2.5, -1024.25))
write("slope-zero", scale=(0, 7))
