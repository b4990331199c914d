"""Writes a CT phantom as DICOM in the odd ways that are met in use, one folder per case.

Usage: io_dicom_odd.py FOLDER

FOLDER/hu.raw holds the phantom in HU, int16, k slowest.
"""

import copy
import os
import shutil
import struct
import sys

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.fileset import FileSet
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

FOLDER = sys.argv[1]
NX, NY, NZ = 11, 8, 5
ORDER = [3, 0, 4, 1, 2]
k, j, i = np.mgrid[0:NZ, 0:NY, 0:NX]
HU = (-900 + 130 * i + 7 * j + 29 * k + 3 * ((i * j + 5 * k) % 17)).astype(np.int16)
GEOMETRY = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "SliceThickness",
)

# Slices of the phantom in JPEG-LS, by CharLS 2 (pyjpegls 1.5.1): all of them without loss, the
# first also with an error of up to 3.
LOSSLESS = [
    bytes.fromhex(image)
    for image in (
        """
    ffd8fff7000b0b0008000b01011100ffda000801010000000000dc023008c817fbf5f6f97bbd5e7769d7c8932a5c
    c9b155d955765c788123d9acc209ac483f348061235e82dc04c4c40b0dc9769d7cfc58b99ccd455665b118b136f6
    86cae6d608107cd59972164ba0ffd9
    """,
        """
    ffd8fff7000b0b0008000b01011100ffda00080101000000000017804640bfdfafb7cbddeaf378dda75f224ca973
    26c5576555d9705334929acc26b0ce4001c9952ebbaf447a2cdbc40fe22abb4e902654de61611776645a2c44e5a9
    92f9051ad38e942854b5a15cc0ffd9
    """,
        """
    ffd8fff7000b0b0008000b01011100ffda000801010000000000027008c817fbf5f6f97bbd5e6f1bb4ebe4499537
    9a49aecb2d8ae52000e68e0aacc2c35167c8933b8c9af1eb56de12c40a3448bb4e9024722c68e14cd665c74f5a95
    3799a3bd1a8b122248c599a7a060ffd9
    """,
        """
    ffd8fff7000b0b0008000b01011100ffda00080101000000000000fc023205fefd7dbe5eef579bc6ed0ae6926925
    289ae330318932a5cc9b3aeecd2ecb6ebe2388156b29acc8be000395378b1a75f3f162e6495a8aad964913227f33
    42b9a9864462c60c172566baffd9
    """,
        """
    ffd8fff7000b0b0008000b01011100ffda00080101000000000000c4023205fefd7dbe5eef579bc6ed3af912654b
    99362abb2aaecb8f0966926b3092ac0c6406142c48d7a098e44dd2021864bb4e89458a976b163eeeccbe41f2262d
    4ce6031ac09dabc66d09599c72ffd9
    """,
    )
]
NEAR = bytes.fromhex("""
    ffd8fff7000b0b0008000b01011100ffda0008010100030000058586932a4c9a3428d0d6222232148654c988cccb
    1a49116a004a9944508c47aa921c8478729701b89dc458a9115ccaebffd9
""")


def path(*parts):
    return os.path.join(FOLDER, *parts)


def image(k, hu=None, series="1.2.3", **extra):
    hu = HU[k] if hu is None else hu
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"{series}.9.{k + 1}"
    data.ImageType, data.Modality = ["ORIGINAL", "PRIMARY", "AXIAL"], "CT"
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = (
        "20200102",
        "101010",
        "1",
        "",
    )
    data.SeriesDescription, data.PatientName, data.PatientID = "phantom", "Phantom", "0"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.1", series
    data.SeriesNumber, data.InstanceNumber, data.SliceThickness = 1, k + 1, 3
    data.ImagePositionPatient, data.ImageOrientationPatient = (
        [-10.4, 20.3, 3 * k - 55],
        [1, 0, 0, 0, 1, 0],
    )
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns, data.PixelSpacing = *hu.shape, [0.8, 0.7]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.RescaleIntercept, data.RescaleSlope = -1024, 1
    data.add_new("PixelData", "OW", (hu.astype(int) + 1024).astype("<u2").tobytes())
    for name, value in extra.items():
        setattr(data, name, value)
    return data


def save(data, *name, syntax=ExplicitVRLittleEndian, bare=False):
    os.makedirs(os.path.dirname(path(*name)), exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = data.SOPClassUID, syntax
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta = meta
    if syntax == RLELossless:
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.compress(syntax, generate_instance_uid=False)
    little = syntax != ExplicitVRBigEndian
    if not little:
        data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
    if bare:
        del data.file_meta
        dcmwrite(path(*name), data, implicit_vr=syntax.is_implicit_VR, little_endian=little)
    else:
        dcmwrite(path(*name), data, enforce_file_format=True)


def series(name, change=lambda data: data, **how):
    for k in range(NZ):
        save(image(k), name, f"IM{k}.dcm", **how)
    patch(name, change)


def patch(name, change):
    for file in sorted(os.listdir(path(name))):
        with open(path(name, file), "rb") as source:
            data = change(source.read())
        with open(path(name, file), "wb") as target:
            target.write(data)


def place(data, group, number):
    tag = struct.pack("<HH", group, number)
    at = data.index(tag, 132)
    while not data[at + 4 : at + 6].isalpha():
        at = data.index(tag, at + 1)
    return at, struct.unpack_from("<H", data, at + 6)[0]


def as_unknown(*tags):
    def change(data):
        for tag in tags:
            at, length = place(data, *tag)
            data = data[: at + 4] + b"UN\0\0" + struct.pack("<I", length) + data[at + 8 :]
        return data

    return change


def header(group, number, length, kind=None):
    if kind is None:
        return struct.pack("<HHI", group, number, length)
    return struct.pack("<HH2sHI", group, number, kind, 0, length)


def with_element(element):
    """Before the patient's name."""

    def change(data):
        at, _ = place(data, 0x10, 0x10)
        return data[:at] + element + data[at:]

    return change


def sequence(group, number, content, kind=None):
    endless = 0xFFFFFFFF
    item = header(0xFFFE, 0xE000, endless) + content + header(0xFFFE, 0xE00D, 0)
    return header(group, number, endless, kind) + item + header(0xFFFE, 0xE0DD, 0)


def text_of_length(group, number, value, pad=b""):
    def change(data):
        at, length = place(data, group, number)
        return (
            data[: at + 6] + struct.pack("<H", len(value)) + value + pad + data[at + 8 + length :]
        )

    return change


def encodings():
    series("bare-implicit", syntax=ImplicitVRLittleEndian, bare=True)
    series("bare-explicit", bare=True)
    series("bare-big", syntax=ExplicitVRBigEndian, bare=True)
    series("big", syntax=ExplicitVRBigEndian)
    series("deflated", syntax=DeflatedExplicitVRLittleEndian)
    series("no-meta-length", lambda data: data[:132] + data[144:])
    series("wrong-meta-length", lambda data: data[:140] + struct.pack("<I", 6) + data[144:])
    old, new = b"UI\x12\x001.2.840.10008.1.2\0", b"UI\x14\x001.2.840.10008.1.2.1\0"
    series("says-explicit", lambda data: data.replace(old, new), syntax=ImplicitVRLittleEndian)
    series("says-implicit", lambda data: data.replace(new, old))
    series(
        "says-big", lambda data: data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0")
    )


def elements():
    series(
        "un-values",
        as_unknown(
            (0x28, 0x30),
            (0x20, 0x0E),
            (0x20, 0x32),
            (0x20, 0x37),
            (0x28, 0x1052),
            (0x28, 0x1053),
            (0x28, 0x10),
            (0x28, 0x11),
            (0x28, 0x100),
            (0x28, 0x103),
            (8, 0x16),
        ),
    )
    implicit = header(8, 0x1155, 8) + b"1.2.3.4\0"
    explicit = struct.pack("<HH2sH", 8, 0x1155, b"UI", 8) + b"1.2.3.4\0"
    series("un-sequence", with_element(sequence(9, 0x1010, implicit, b"UN")))
    series("un-explicit", with_element(sequence(9, 0x1010, explicit, b"UN")))
    nested = sequence(9, 0x1011, sequence(9, 0x1012, implicit) + header(0x20, 0x13, 2) + b"1 ")
    series("un-nested", with_element(sequence(9, 0x1010, nested, b"UN")))
    series(
        "un-in-item", with_element(sequence(8, 0x1140, sequence(9, 0x1010, implicit, b"UN"), b"SQ"))
    )
    series("odd-length", text_of_length(8, 0x103E, b"phantom"))
    series("odd-length-padded", text_of_length(8, 0x103E, b"phantom", pad=b" "))
    series("odd-position", text_of_length(0x28, 0x30, b"0.8\\0.7"))


def encapsulated(data, syntax, images, **how):
    """Puts compressed images in the place of the pixels."""
    data.PixelData = encapsulate(images, **how)
    data["PixelData"].is_undefined_length = True
    return data, syntax


def compressions():
    series("run-length", syntax=RLELossless)
    for k in range(NZ):
        data, syntax = encapsulated(image(k), JPEGLSLossless, [LOSSLESS[k]])
        save(data, "jpeg-ls", f"IM{k}.dcm", syntax=syntax)
    near, syntax = encapsulated(image(0), JPEGLSNearLossless, [NEAR])
    save(near, "near", "IM0.dcm", syntax=syntax)
    # The header of a JPEG image of 12 bits: extended, not lossless.
    twelve = b"\xff\xd8\xff\xc1\0\x0b\x0c" + struct.pack(">HH", NY, NX) + b"\x01\x01\x11\0\xff\xd9"
    for k in range(NZ):
        data, syntax = encapsulated(image(k), JPEGExtended12Bit, [twelve])
        save(data, "twelve-bits", f"IM{k}.dcm", syntax=syntax)


def item(**values):
    out = Dataset()
    for name, value in values.items():
        setattr(out, name, value)
    return out


def enhanced(per_frame, phases=1):
    data = image(0)
    for name in GEOMETRY:
        delattr(data, name)
    data.SOPClassUID, data.NumberOfFrames = EnhancedCTImageStorage, NZ * phases
    common = {
        "PlaneOrientationSequence": [item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        "PixelMeasuresSequence": [item(PixelSpacing=[0.8, 0.7], SliceThickness=3)],
        "PixelValueTransformationSequence": [
            item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")
        ],
    }
    data.SharedFunctionalGroupsSequence = [item(**({} if per_frame else common))]
    frames, pixels = [], []
    for phase in range(phases):
        for k in ORDER:
            groups = copy.deepcopy(common) if per_frame else {}
            groups["PlanePositionSequence"] = [item(ImagePositionPatient=[-10.4, 20.3, 3 * k - 55])]
            groups["FrameContentSequence"] = [item(TemporalPositionIndex=phase + 1, StackID="1")]
            frames.append(item(**groups))
            pixels.append((HU[k].astype(int) + 1024 + 50 * phase).astype("<u2").tobytes())
    data.PerFrameFunctionalGroupsSequence, data.PixelData = frames, b"".join(pixels)
    return data


def multi_frame():
    save(enhanced(False), "enhanced", "E.dcm")
    save(enhanced(True), "enhanced-per-frame", "E")
    save(enhanced(True), "enhanced-big", "E.dcm", syntax=ExplicitVRBigEndian)
    save(enhanced(False), "enhanced-bare", "E", syntax=ImplicitVRLittleEndian, bare=True)
    images = [LOSSLESS[k] for k in ORDER]
    for name, how in (
        ("enhanced-jpeg-ls", {}),
        ("enhanced-fragments", {"fragments_per_frame": 3, "has_bot": True}),
        ("enhanced-no-table", {"fragments_per_frame": 3, "has_bot": False}),
    ):
        data, syntax = encapsulated(enhanced(False), JPEGLSLossless, images, **how)
        save(data, name, "E.dcm", syntax=syntax)
    save(enhanced(True, phases=2), "enhanced-phases", "E.dcm")
    whole = enhanced(True)
    pixels, groups = whole.PixelData, whole.PerFrameFunctionalGroupsSequence
    for index in range(NZ):
        one, size = copy.deepcopy(whole), 2 * NX * NY
        one.NumberOfFrames, one.PerFrameFunctionalGroupsSequence = 1, [groups[index]]
        one.SOPInstanceUID, one.PixelData = (
            f"1.2.3.9.{index}",
            pixels[index * size : (index + 1) * size],
        )
        save(one, "enhanced-single", f"E{index}.dcm")
    lost = enhanced(False)
    lost.PerFrameFunctionalGroupsSequence = lost.PerFrameFunctionalGroupsSequence[:-1]
    save(lost, "enhanced-lost-frame", "E.dcm")


def folders():
    series("copies")
    shutil.copy(path("copies", "IM3.dcm"), path("copies", "IM3 (1).dcm"))
    shutil.copy(path("copies", "IM1.dcm"), path("copies", "A"))
    series("copies-packed")
    data, syntax = encapsulated(image(0), JPEGLSLossless, [LOSSLESS[0]])
    save(data, "copies-packed", "P0-jpeg-ls", syntax=syntax)
    save(image(1), "copies-packed", "P1-run-length", syntax=RLELossless)
    save(image(2), "copies-packed", "P2-deflated", syntax=DeflatedExplicitVRLittleEndian)
    save(image(3), "copies-packed", "P3-big-endian", syntax=ExplicitVRBigEndian)
    shifted = image(4, HU[4] + 24, RescaleIntercept=-1048)
    save(shifted, "copies-packed", "P4-rescaled")
    series("copies-lossy")
    data, syntax = encapsulated(image(0), JPEGLSNearLossless, [NEAR])
    save(data, "copies-lossy", "P0-near", syntax=syntax)
    series("same-uid")
    for k in range(NZ):
        save(image(k, SOPInstanceUID="1.2.3.9"), "same-uid", f"IM{k}.dcm")
    series("stray")
    with open(path("stray", "report.dcm"), "wb") as file:
        file.write(b"<html>404</html>\n" * 20)
    open(path("stray", "zero.dcm"), "wb").close()
    page = image(0, np.zeros((9, 9)), series="1.2.4")
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(page, name)
    save(page, "stray", "PAGE")
    for name, uid, end in (
        ("broken", "1.2.3", -20),
        ("broken-other", "1.2.4", -20),
        ("broken-start", "1.2.3", 400),
    ):
        series(name)
        save(image(7, HU[0], series=uid), name, "Z")
        with open(path(name, "Z"), "rb+") as file:
            file.truncate(os.path.getsize(path(name, "Z")) + end if end < 0 else end)
    series("localizer")
    for k in range(2):
        turned = [[1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]][k]
        save(
            image(
                k,
                SOPInstanceUID=f"1.2.3.8.{k}",
                ImageOrientationPatient=turned,
                ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
            ),
            "localizer",
            f"L{k}",
        )
    series("nested/study/series")
    os.makedirs(path("nested/empty"))
    series("nested-two/a")
    for k in range(NZ):
        save(image(k, series="1.2.4"), "nested-two/b", f"IM{k}")


def phases():
    times = [lambda phase, k: f"10{phase}000", lambda phase, k: f"10{phase}0{k:02d}"]
    for name, attribute, value in (
        ("by-acquisition", "AcquisitionNumber", lambda phase, k: phase + 1),
        ("by-time", "ContentTime", times[0]),
        ("by-time-of-slice", "ContentTime", times[1]),
        ("by-number", "InstanceNumber", lambda phase, k: phase * NZ + k + 1),
    ):
        for phase in range(2):
            for k in range(NZ):
                data = image(k, HU[k] + 50 * phase, SOPInstanceUID=f"1.2.3.9.{phase}.{k}")
                setattr(data, attribute, value(phase, k))
                save(data, name, f"P{phase}_{k}")


def media():
    series("source")
    files = FileSet()
    for k in range(NZ):
        files.add(dcmread(path("source", f"IM{k}.dcm")))
    files.write(path("media"))
    shutil.copytree(path("media"), path("media-lower"))
    for root, below, names in os.walk(path("media-lower"), topdown=False):
        for name in below + [name for name in names if name != "DICOMDIR"]:
            os.rename(os.path.join(root, name), os.path.join(root, name.lower()))
    os.makedirs(path("media-alone"))
    shutil.copy(path("media", "DICOMDIR"), path("media-alone", "DICOMDIR"))


HU.astype("<i2").tofile(path("hu.raw"))
for part in (encodings, elements, compressions, multi_frame, folders, phases, media):
    part()
