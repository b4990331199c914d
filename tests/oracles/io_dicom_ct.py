"""Writes CT series as scanners do, with pydicom, one folder per case.

Usage: io_dicom_ct.py FOLDER
"""

import os
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian)  # fmt: skip

FOLDER = sys.argv[1]
SIDE = (20, 24)
random = np.random.default_rng(5)


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def patient_and_study(data, charset, name):
    data.SpecificCharacterSet = charset
    data.PatientName = name
    data.PatientID, data.PatientBirthDate, data.PatientSex = "P-17", "19500102", "F"
    data.PatientAge, data.PatientWeight = "071Y", "61.5"
    data.StudyInstanceUID, data.FrameOfReferenceUID = "1.2.3.40", "1.2.3.43"
    data.StudyDate, data.StudyTime, data.StudyID = "20210304", "101112", "77"
    data.AccessionNumber, data.StudyDescription = "A-1", "Thorax"
    data.ReferringPhysicianName, data.PositionReferenceIndicator = "Who^Doctor", "SN"
    data.SeriesInstanceUID, data.SeriesNumber, data.Modality = "1.2.3.41", "3", "CT"
    data.SeriesDate, data.SeriesTime = "20210304", "101200"
    data.BodyPartExamined, data.PatientPosition = "CHEST", "HFS"
    data.ProtocolName, data.Laterality = "routine", ""
    data.Manufacturer, data.ManufacturerModelName = "Scanners Ltd", "Ring 7"
    data.InstitutionName, data.SoftwareVersions = "Clinic", "9.1"
    data.add_new((0x0009, 0x0010), "LO", "SCANNER PRIVATE")
    data.add_new((0x0009, 0x1001), "LO", "name of the patient once more")


def pixels(data, stored, bits, signed, slope, intercept):
    data.Rows, data.Columns = stored.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = 8 if bits <= 8 else 16
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(signed)
    if slope is not None:
        data.RescaleSlope, data.RescaleIntercept, data.RescaleType = slope, intercept, "HU"
    kind = f"{'i' if signed else 'u'}{data.BitsAllocated // 8}"
    data.PixelData = stored.astype(kind).tobytes()
    data["PixelData"].VR = "OB" if bits <= 8 else "OW"


def values(count, low, high, padding):
    """Smooth slices with noise, and padding outside of a circle."""
    j, i = np.indices(SIDE)
    base = 0.5 + 0.4 * np.sin(i / 5) * np.cos(j / 4)
    slices = [base * (1 - 0.06 * k) + random.normal(0, 0.02, SIDE) for k in range(count)]
    stored = np.clip(np.round(low + np.array(slices) * (high - low)), low, high).astype(int)
    if padding is not None:
        stored[:, (i - 11.5) ** 2 + (j - 9.5) ** 2 > 100] = padding
    return stored


def save(path, data, uid, uid_class, syntax):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid_class, uid
    meta.TransferSyntaxUID, meta.ImplementationClassUID = syntax, "1.2.3.9"
    data.file_meta, data.SOPClassUID, data.SOPInstanceUID = meta, uid_class, uid
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def series(case, count=5, bits=16, signed=True, low=-1000, high=1500, slope="1", intercept="0",
           padding=None, limit=None, x=(1, 0, 0), y=(0, 1, 0), lean=0, places=None, upwards=True,
           charset="ISO_IR 100", name="Müller^Jörg", description="Thorax nativ 5 mm",
           syntax=ExplicitVRLittleEndian, window=("40", "400")):  # fmt: skip
    stored = values(count, low, high, padding)
    step = np.cross(x, y) * 5.0 + np.multiply(y, lean)
    slopes = slope if isinstance(slope, list) else [slope] * count
    for k, place in enumerate(range(count) if places is None else places):
        data = Dataset()
        patient_and_study(data, charset, name)
        pixels(data, stored[k], bits, signed, slopes[k], intercept)
        data.SeriesDescription, data.ImageType = description, ["ORIGINAL", "PRIMARY", "AXIAL", "X"]
        data.AcquisitionDate, data.AcquisitionTime = "20210304", f"1012{k:02}"
        data.ContentDate, data.ContentTime = "20210304", f"1013{k:02}"
        data.AcquisitionNumber = "4"
        data.InstanceNumber = str(k + 1 if upwards else count - k)
        data.KVP, data.XRayTubeCurrent, data.ExposureTime = "120", str(200 + 10 * k), "500"
        data.ConvolutionKernel = "B30f"
        data.GantryDetectorTilt = f"{np.degrees(np.arctan(lean / 5)):.6g}"
        data.SliceThickness, data.SliceLocation = "5", f"{100 + 5 * place}"
        data.WindowCenter, data.WindowWidth = window
        data.PixelSpacing = ["0.8", "0.7"]
        data.ImageOrientationPatient = [f"{value:.12g}"[:16] for value in (*x, *y)]
        origin = np.array((-50, -60, 70)) + step * place
        data.ImagePositionPatient = [f"{value:.12g}"[:16] for value in origin]
        data.ImageComments = "of the scanner"
        if padding is not None:
            data.add_new((0x28, 0x120), "SS" if signed else "US", padding)
        if limit is not None:
            data.add_new((0x28, 0x121), "SS" if signed else "US", limit)
        # What is not carried over: an overlay, an icon, references, private elements in items.
        data.add_new((0x6000, 0x0010), "US", 8)
        data.add_new((0x6000, 0x3000), "OW", b"\1\2\3\4\5\6\7\10")
        icon = Dataset()
        icon.Rows = icon.Columns = 1
        data.IconImageSequence = Sequence([icon])
        request = Dataset()
        request.ScheduledProcedureStepID, request.RequestedProcedureID = "S1", "R1"
        request.add_new((0x0011, 0x0010), "LO", "SCANNER PRIVATE")
        data.RequestAttributesSequence = Sequence([request])
        data.ProcedureCodeSequence = Sequence([code("1", "99X", "Thorax")])
        save(os.path.join(FOLDER, case, f"{(k * 7) % count:03}"), data, f"1.2.3.42.{k + 1}",
             CTImageStorage, syntax)  # fmt: skip


def enhanced(case, count=5):
    """Frames in another order than their places."""
    stored = values(count, 0, 3000, None)
    order = [3, 0, 4, 1, 2]
    data = Dataset()
    patient_and_study(data, "ISO_IR 192", "山田^太郎")
    data.SeriesDescription, data.InstanceNumber = "enhanced", "1"
    data.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    data.ContentDate, data.ContentTime = "20210304", "101300"
    data.AcquisitionNumber = "4"
    pixels(data, stored[order], 12, False, None, None)
    data.NumberOfFrames = str(count)

    def group(**values):
        item = Dataset()
        for tag, value in values.items():
            setattr(item, tag, value)
        return Sequence([item])

    shared = Dataset()
    shared.PixelMeasuresSequence = group(PixelSpacing=["0.8", "0.7"], SliceThickness="5")
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])
    shared.PixelValueTransformationSequence = group(
        RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU"
    )
    shared.FrameVOILUTSequence = group(WindowCenter="40", WindowWidth="400")
    shared.CTReconstructionSequence = group(ConvolutionKernel="B30f", ReconstructionDiameter="300")
    shared.CTXRayDetailsSequence = group(KVP=120.0)
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for k in order:
        frame = Dataset()
        frame.PlanePositionSequence = group(ImagePositionPatient=["-50", "-60", str(70 + 5 * k)])
        frame.FrameContentSequence = group(StackID="1", InStackPositionNumber=k + 1)
        frame.CTExposureSequence = group(
            XRayTubeCurrentInmA=200.4 + 10 * k, ExposureTimeInms=500.0, ExposureInmAs=100.0
        )
        frame.CTImageFrameTypeSequence = group(
            FrameType=["ORIGINAL", "PRIMARY", "AXIAL", "NONE"]
        )
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    save(os.path.join(FOLDER, case, "image.dcm"), data, "1.2.3.42.1", EnhancedCTImageStorage,
         ExplicitVRLittleEndian)  # fmt: skip


def rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return turn @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


series("signed", padding=-2000, window=(["40", "-600"], ["400", "1500"]))
series("unsigned", bits=12, signed=False, low=0, high=3000, intercept="-1024", upwards=False,
       syntax=ImplicitVRLittleEndian, padding=4000, limit=4095, charset="ISO_IR 192",
       name="山田^太郎=Yamada^Taro",
       description="a long description that does not fit beside what is said of it")  # fmt: skip
series("half-slope", slope="0.5", intercept="-100.25", signed=False, low=0, high=4000)
series("slopes", slope=["1", "0.5", "2", "1", "0.25"], low=-500, high=500)
series("eight", bits=8, signed=False, low=0, high=255, intercept="-1000", slope="4")
series("oblique", x=rotation(20)[:, 0], y=rotation(20)[:, 1])
series("uneven", count=4, places=[0, 1, 3, 4])
series("escapes", charset=["", "ISO 2022 IR 87"], name="Yamada^Tarou=山田^太郎")
series("tilted", lean=1)
enhanced("enhanced")
