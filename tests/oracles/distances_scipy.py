"""Signed distances of masks by SciPy, for src/labels/distance.rs.

Usage: distances_scipy.py DIR

Every DIR/*.json {"rows", "columns", "pixel": mm between rows and between columns} comes with a
mask NAME.mask (bytes, 0 or 1); writes NAME.distance (doubles): mm to the nearest pixel outside,
minus mm to the nearest one inside.
"""

import json
import pathlib
import sys

import numpy as np
from scipy.ndimage import distance_transform_edt

for path in pathlib.Path(sys.argv[1]).glob("*.json"):
    case = json.loads(path.read_text())
    shape = case["rows"], case["columns"]
    mask = np.fromfile(path.with_suffix(".mask"), np.uint8).reshape(shape) > 0
    distance = lambda mask: distance_transform_edt(mask, sampling=case["pixel"])
    inside, outside = distance(mask), distance(~mask)
    (inside - outside).tofile(path.with_suffix(".distance"))
