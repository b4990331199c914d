"""Describes volumes as SimpleITK reads them, as JSON: voxel type, size and positions of the eight
corner voxels (mm in RAS) of each file. The voxels of the n-th file are written to FOLDER/n.raw
(little endian, i fastest).

Usage: io_describe.py FOLDER FILE...      (or folders, each with one DICOM series)
"""

import itertools
import json
import os
import sys

import numpy as np
import SimpleITK as sitk


def read(path):
    if not os.path.isdir(path):
        return sitk.ReadImage(path)
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(path)
    assert len(series) == 1, f"{path} holds {len(series)} series"
    return sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(path, series[0]))


def describe(path, raw):
    image = read(path)
    voxels = sitk.GetArrayFromImage(image)
    voxels.astype(voxels.dtype.newbyteorder("<")).tofile(raw)
    corners = []
    for corner in itertools.product(*[(0, length - 1) for length in image.GetSize()]):
        x, y, z = image.TransformIndexToPhysicalPoint(corner)
        corners.append({"index": corner, "ras": [-x, -y, z]})
    return {
        "type": str(voxels.dtype),
        "size": image.GetSize(),
        "corners": corners,
    }


folder, *paths = sys.argv[1:]
print(json.dumps([describe(path, f"{folder}/{n}.raw") for n, path in enumerate(paths)]))
