"""Bins of expected and real errors by NumPy's own sorting.

Usage: cli_expected_error.py cut VOLUME WHOLE.nrrd THIN.nrrd GAP
       cli_expected_error.py compare WHOLE.nrrd MADE.nrrd ERRORS.nrrd SCORES.json GAP
"""

import json
import sys

import numpy as np
import SimpleITK as sitk

read = lambda path: sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(float)


def cut(volume, whole, thin, gap):
    """A block through the body, and every `gap`-th slice of it at its place."""
    block = sitk.ReadImage(volume)[32:128, 32:128, 10:41]
    sitk.WriteImage(block, whole)
    sitk.WriteImage(block[:, :, :: int(gap)], thin)


def compare(whole, made, errors, scores, gap):
    truth, made, expected = read(whole), read(made), read(errors)
    new = np.arange(len(truth)) % int(gap) != 0
    assert np.all(expected[~new] == 0) and truth.shape == made.shape == expected.shape
    real = np.abs(np.maximum(truth, -1000) - np.maximum(made, -1000))[new].ravel()
    expected = expected[new].ravel()
    order = np.argsort(expected, kind="stable")
    lines = json.load(open(scores))["expected_error"]
    for line, part in zip(lines, np.array_split(order, 10), strict=True):
        # Classes of a thousandth: a bin may have a few voxels of its neighbour.
        assert abs(line["voxels"] - len(part)) <= 1, line
        for name, values in (("expected_hu", expected), ("real_hu", real)):
            mean = values[part].mean()
            assert abs(line[name] - mean) < 0.01 * mean + 1e-3, (line, name, mean)
    assert [line["bin"] for line in lines] == list(range(1, 11))
    print(f"{len(lines)} bins agree")


{"cut": cut, "compare": compare}[sys.argv[1]](*sys.argv[2:])
