"""Writes CTs and label maps on other grids, and what SimpleITK's nearest neighbour makes of the
labels on the CT's grid: NAME-ct.nrrd, NAME-labels.nrrd, NAME-expected.nrrd. Prints the names.

Usage: labels_grid.py FOLDER
"""

import os
import sys

import numpy as np
import SimpleITK as sitk

FOLDER = sys.argv[1]
RANDOM = np.random.default_rng(5)


def rotation(axis, degrees):
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + s * cross + (1 - c) * cross @ cross


def image(voxels, origin=(0, 0, 0), spacing=(0.7, 0.8, 3.0), direction=np.eye(3)):
    made = sitk.GetImageFromArray(voxels)
    made.SetOrigin([float(x) for x in origin])
    made.SetSpacing([float(x) for x in spacing])
    made.SetDirection(np.asarray(direction, float).ravel())
    return made


def blobs(shape):
    """Labels 1 to 4 in blocks, [k, j, i]."""
    coarse = RANDOM.integers(0, 5, [(n + 2) // 3 for n in shape]).astype(np.uint8)
    return np.kron(coarse, np.ones((3, 3, 3), np.uint8))[tuple(slice(n) for n in shape)]


def write(name, ct, labels):
    expected = sitk.Resample(labels, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    for kind, volume in (("ct", ct), ("labels", labels), ("expected", expected)):
        sitk.WriteImage(volume, os.path.join(FOLDER, f"{name}-{kind}.nrrd"))
    print(name)


CT = image(np.zeros((7, 20, 24), np.int16), (-10.4, 20.3, -55))
SAME = image(blobs((7, 20, 24)), (-10.4, 20.3, -55))
write("cropped", CT, SAME[5:17, 3:15, 1:6])
write("padded", CT, sitk.ConstantPad(SAME, [2, 3, 1], [4, 1, 2], 0))
write("flipped", CT, sitk.Flip(SAME, [True, False, True]))
write("permuted", CT, sitk.PermuteAxes(sitk.Flip(SAME, [False, True, False]), [2, 0, 1]))
write("beyond", CT, image(blobs((7, 20, 24)), (-10.4 + 7 * 0.7, 20.3 - 4 * 0.8, -55 + 2 * 3)))
write("finer", CT, image(blobs((33, 41, 37)), (-10.13, 20.57, -54.1), (0.39, 0.41, 0.57)))
write("coarser", CT, image(blobs((4, 9, 10)), (-10.13, 20.57, -54.1), (1.9, 1.7, 4.3)))
turn = rotation([1, 2, 3], 33)
write("oblique", CT, image(blobs((15, 20, 24)), (-9, 17, -50), (0.61, 0.83, 1.27), turn))
oblique = image(np.zeros((7, 20, 24), np.int16), (-10.4, 20.3, -55), direction=turn)
write("oblique-ct", oblique, image(blobs((18, 29, 31)), (-12, 17, -58), (0.9, 0.83, 1.37)))
