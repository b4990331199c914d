"""Writes volumes with SimpleITK, of all voxel types and orientations; prints one path per line.

Usage: io_make.py FOLDER ENDING
"""

import os
import sys

import numpy as np
import SimpleITK as sitk

FOLDER, ENDING = sys.argv[1:]
TYPES = "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split()


def rotation(axis, degrees):
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + s * cross + (1 - c) * cross @ cross


DIRECTIONS = {
    "axial": np.eye(3),
    "sagittal": np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "mirrored": np.diag([-1, 1, 1]),
    "oblique": rotation([1, 2, 3], 33),
    "half-turn": rotation([1, 1, 0.2], 180),
}

for index, name in enumerate(TYPES):
    dtype = np.dtype(name)
    random = np.random.default_rng(index)
    if dtype.kind == "f":
        voxels = random.normal(0, 1000, (5, 6, 7)).astype(dtype)
    else:
        info = np.iinfo(dtype)
        voxels = random.integers(info.min, info.max, (5, 6, 7), dtype=dtype, endpoint=True)
        voxels[0, 0, :2] = info.min, info.max
    for place, direction in DIRECTIONS.items():
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing((0.7031250123, 0.8, 5.000123456789))
        image.SetOrigin((-123.456789012345, 98.7654321, 1234.5678901234))
        image.SetDirection(direction.astype(float).ravel())
        path = os.path.join(FOLDER, f"{name}-{place}{ENDING}")
        sitk.WriteImage(image, path, useCompression=index % 2 == 0)
        print(path)
