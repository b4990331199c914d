"""Writes a tree of small DICOM series with pydicom, as an archive may hold them.

Usage: batch_dicom.py FOLDER
"""

import os
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

FOLDER = sys.argv[1]
SIDE = 24
j, i = np.indices((SIDE, SIDE))


def slice_file(path, uid, number, z, modality="CT", kind="AXIAL", seed=0):
    data, meta = Dataset(), FileMetaDataset()
    sop_class = CTImageStorage if modality == "CT" else MRImageStorage
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, f"{uid}.{number}"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, "1.2.3.9"
    data.file_meta, data.SOPClassUID, data.SOPInstanceUID = meta, sop_class, f"{uid}.{number}"
    data.PatientName, data.PatientID, data.Modality = "Doe^Jane", "SECRET-17", modality
    data.ImageType = ["ORIGINAL", "PRIMARY", kind]
    data.StudyInstanceUID, data.SeriesInstanceUID, data.SeriesNumber = "1.2.3", uid, "1"
    data.FrameOfReferenceUID, data.InstanceNumber = "1.2.4", str(number)
    data.ImagePositionPatient, data.PixelSpacing = ["0", "0", f"{z:.3f}"], ["0.8", "0.8"]
    data.ImageOrientationPatient, data.SliceThickness = ["1", "0", "0", "0", "1", "0"], "3"
    noise = np.random.default_rng(seed + number).integers(0, 20, (SIDE, SIDE))
    body = (j - 12) ** 2 + (i - 12 - number % 4) ** 2 < 64
    stored = (np.where(body, 40, -1000) + noise).astype("<i2")
    data.Rows, data.Columns, data.SamplesPerPixel = SIDE, SIDE, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 1
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.RescaleSlope, data.RescaleIntercept = "1", "0"
    data.PixelData = stored.tobytes()
    data["PixelData"].VR = "OW"
    path = os.path.join(FOLDER, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data.save_as(path, enforce_file_format=True)


for n in range(8):
    # One series in two folders, by names that say nothing of their order.
    slice_file(f"DOE^JANE/a/b/{'odd' if n % 2 else 'even'}/IM{7919 * n % 97}", "1.9.1", n, 3 * n)
    # Two series mixed in one folder, without endings; one has the UID of a third with other voxels.
    slice_file(f"DOE^JANE/mixed/x{n}", "1.9.2", n, 3 * n)
    slice_file(f"DOE^JANE/mixed/y{n}", "1.9.3", n, 2 * n)
    slice_file(f"DOE^JANE/same-uid/z{n}.dcm", "1.9.3", n, 2 * n, seed=100)
    # A copy of a series.
    slice_file(f"DOE^JANE/copy/x{n}", "1.9.2", n, 3 * n)
    slice_file(f"DOE^JANE/mr/{n}", "1.9.4", n, 3 * n, modality="MR")
    # Two phases at the same places.
    slice_file(f"DOE^JANE/phases/{n}", "1.9.7", n, 3 * n, seed=200)
    slice_file(f"DOE^JANE/phases/{n + 8}", "1.9.7", n + 8, 3 * n, seed=300)
for n in range(2):
    slice_file(f"DOE^JANE/short/{n}", "1.9.5", n, 3 * n)
    slice_file(f"DOE^JANE/scout/{n}", "1.9.6", n, 90 * n, kind="LOCALIZER")
