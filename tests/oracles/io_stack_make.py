"""Writes a small CT series with given slice positions by pydicom.

Usage: io_stack_make.py FOLDER JSON: {"rows": ..., "columns": ..., "pixel": [row, column spacing],
"iop": [...], "positions": [[x, y, z] text or number, ...], "gradient": [x, y, z], "constant": HU,
"extra": {keyword: value}}. Pixels are HU that are linear in space, rounded, at the positions as
written; without a gradient they are random.
"""

import json
import os
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

folder, case = sys.argv[1], json.loads(sys.argv[2])
rows, columns = case.get("rows", 12), case.get("columns", 10)
pixel = case.get("pixel", [0.8, 0.7])
iop = [float(number) for number in case.get("iop", [1, 0, 0, 0, 1, 0])]
random = np.random.default_rng(7)
os.makedirs(folder, exist_ok=True)
j, i = np.mgrid[0:rows, 0:columns]
for k, position in enumerate(case["positions"]):
    place = [float(number) for number in position]
    points = np.asarray(place)[:, None, None]
    points = points + np.asarray(iop[:3])[:, None, None] * pixel[1] * i
    points = points + np.asarray(iop[3:])[:, None, None] * pixel[0] * j
    if "gradient" in case:
        hu = np.tensordot(case["gradient"], points, 1) + case["constant"]
    else:
        hu = random.integers(-1000, 1500, (rows, columns))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{k + 1}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = Dataset()
    image.file_meta = meta
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.Modality, image.SeriesInstanceUID, image.StudyInstanceUID = "CT", "1.2.3.4", "1.2.3"
    image.InstanceNumber = k + 1
    image.ImagePositionPatient = [str(number) for number in position]
    image.ImageOrientationPatient = [str(number) for number in case.get("iop", iop)]
    image.PixelSpacing = [str(number) for number in pixel]
    image.SliceThickness = "1"
    image.Rows, image.Columns = rows, columns
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 1
    image.RescaleIntercept, image.RescaleSlope = "0", "1"
    for keyword, value in case.get("extra", {}).items():
        setattr(image, keyword, value)
    image.PixelData = np.rint(hu).astype("<i2").tobytes()
    image.save_as(os.path.join(folder, f"{k:03}.dcm"), enforce_file_format=True)
