"""Compares voxels of two volumes at the same places, whatever the order of their axes.

Usage: io_same_places.py VOLUME REFERENCE
"""

import sys

import numpy as np
import SimpleITK as sitk

volume, reference = [sitk.Cast(sitk.ReadImage(path), sitk.sitkFloat64) for path in sys.argv[1:]]
assert sorted(volume.GetSize()) == sorted(reference.GetSize())
moved = sitk.Resample(volume, reference, sitk.Transform(), sitk.sitkNearestNeighbor, -9999.0)
corners = [[0, 0, 0], [size - 1 for size in reference.GetSize()]]
for corner in corners:
    index = np.array(
        volume.TransformPhysicalPointToContinuousIndex(
            reference.TransformIndexToPhysicalPoint(corner)
        )
    )
    assert np.abs(index - np.round(index)).max() < 1e-3, index
differences = np.abs(sitk.GetArrayFromImage(moved) - sitk.GetArrayFromImage(reference))
print(differences.max())
