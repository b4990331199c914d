"""Describes volumes as SimpleITK reads them (NIfTI-2, which it does not read, as NiBabel), as
JSON: voxel type, size and positions of the eight corner voxels (mm in RAS) of each file. The voxels
of the n-th file are written to FOLDER/n.raw (little endian, i fastest).

Usage: io_describe.py FOLDER FILE...      (or folders, each with one DICOM series)
"""

import itertools
import json
import os
import sys

import nibabel
import numpy as np
import SimpleITK as sitk


def read(path):
    if not os.path.isdir(path):
        return sitk.ReadImage(path)
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(path)
    assert len(series) == 1, f"{path} holds {len(series)} series"
    return sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(path, series[0]))


def is_nifti_2(path):
    if not path.endswith((".nii", ".nii.gz", ".hdr")):
        return False
    return isinstance(nibabel.load(path), (nibabel.Nifti2Image, nibabel.Nifti2Pair))


def describe_nifti_2(path, raw):
    image = nibabel.load(path)
    voxels = np.asarray(image.dataobj).transpose()
    voxels.astype(voxels.dtype.newbyteorder("<")).tofile(raw)
    # Sform and qform, which must agree.
    assert np.allclose(image.get_sform(), image.get_qform(), atol=1e-9)
    ends = [(0, length - 1) for length in image.shape]
    corners = [
        {"index": corner, "ras": list((image.affine @ [*corner, 1])[:3])}
        for corner in itertools.product(*ends)
    ]
    return {"type": str(voxels.dtype), "size": image.shape, "corners": corners}


def describe(path, raw):
    if is_nifti_2(path):
        return describe_nifti_2(path, raw)
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
