"""Checks a resampled volume against its input with SimpleITK alone.

Usage: cli_geometry.py INPUT OUTPUT REPORT.json AXIS TOLERANCE_MM
Every known slice of the report must have the same voxels at the same places; prints how many.
"""

import itertools
import json
import sys

import numpy as np
import SimpleITK as sitk

before, after = (sitk.ReadImage(path) for path in sys.argv[1:3])
report = json.load(open(sys.argv[3]))
axis, tolerance = "ijk".index(sys.argv[4]), float(sys.argv[5])
assert report["axis"] == sys.argv[4], report["axis"]
assert after.GetPixelID() == before.GetPixelID()
a, b = (np.moveaxis(sitk.GetArrayFromImage(image), 2 - axis, 0) for image in (before, after))
assert len(report["slices"]) == len(b)
known = 0
for entry in report["slices"]:
    place = [0, 0, 0]
    if entry["source"] == "known":
        known += 1
        assert np.array_equal(a[entry["slice"]], b[entry["index"]]), entry
        first, second = [entry["slice"]], [entry["index"]]
        weights = [1.0]
    else:
        # An interpolated slice is at a fraction of the way from the first slice to the second.
        first, second = entry["pair"], [entry["index"]]
        weights = [1 - entry["fraction"], entry["fraction"]]
        assert 0 < entry["fraction"] < 1 and first[1] == first[0] + 1, entry
    sides = [length - 1 for number, length in enumerate(before.GetSize()) if number != axis]
    for corner in itertools.product(*[(0, side) for side in sides]):
        index = lambda slice_: [*corner[:axis], slice_, *corner[axis:]]
        places = [before.TransformIndexToPhysicalPoint(index(slice_)) for slice_ in first]
        expected = np.einsum("s,sx->x", weights, places)
        found = np.array(after.TransformIndexToPhysicalPoint(index(second[0])))
        assert np.abs(found - expected).max() <= tolerance, (entry, corner, found, expected)
print(known, len(b))
