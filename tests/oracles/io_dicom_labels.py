"""Writes CT series, segmentations (highdicom) and structure sets (pydicom) of them, and the masks
that their segments have on the CT: a JSON list of name, names of the segments and colours. Segment
n of NAME is FOLDER/NAME-n.nrrd.

ball.dcm and ball.nrrd are a ball in the patient, as contours on the slices of the tilted CT and as
a label map on a grid of its own.

Usage: io_dicom_labels.py FOLDER
"""

import json
import os
import sys
import warnings
import zlib

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from skimage.measure import grid_points_in_poly

warnings.simplefilter("ignore")
FOLDER = sys.argv[1]
SPACING, THICKNESS = (0.8, 0.7), 3.0
SHAPE = (8, 20, 24)
# Of the ball: centre, LPS, and radius, mm.
BALL, RADIUS = np.array([-2.4, 29.8, -44.0]), 5.0
FOUND = []


def series(name, row, column, start=(-10.4, 20.3, -55.0), count=SHAPE[0], lean=0.0):
    """A CT series; slices in order of their places, each `lean` mm further along its columns than
    the one before."""
    folder = os.path.join(FOLDER, name)
    os.makedirs(folder)
    study, uid, frame = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for index in range(count):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = pydicom.uid.CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, uid, frame
        ds.Modality, ds.PatientName, ds.PatientID = "CT", "A^B", "1"
        ds.PatientBirthDate = ds.PatientSex = ds.AccessionNumber = ds.StudyID = ""
        ds.StudyDate, ds.StudyTime, ds.ReferringPhysicianName = "20200101", "120000", ""
        ds.SeriesNumber, ds.InstanceNumber = 1, index + 1
        ds.Rows, ds.Columns, ds.PixelSpacing = SHAPE[1], SHAPE[2], list(SPACING)
        ds.SliceThickness = THICKNESS
        ds.ImageOrientationPatient = [round(float(x), 6) for x in [*row, *column]]
        step = THICKNESS * np.cross(row, column) + lean * np.array(column)
        place = np.array(start) + index * step
        ds.ImagePositionPatient = [round(float(x), 4) for x in place]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        ds.PixelData = np.full(SHAPE[1:], 10 * index, np.int16).tobytes()
        save(ds, os.path.join(folder, f"{index:03}.dcm"))
        slices.append(ds)
    return slices


def save(ds, path):
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(path, enforce_file_format=True)


def found(name, slices, masks, names, colours=None):
    for number, mask in enumerate(masks):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        sitk.WriteImage(image, os.path.join(FOLDER, f"{name}-{number}.nrrd"))
    FOUND.append({"name": name, "segments": names, "colours": colours or []})


def segmentation(name, slices, masks, names, kind, lab=None, syntax=ExplicitVRLittleEndian):
    """`masks` [k, j, i] in the order of `slices`."""
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number + 1,
            segment_label=label,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
            display_color=hd.color.CIELabColor.from_string("red") if lab and number == 0 else None,
        )
        for number, label in enumerate(names)
    ]
    if kind == "LABELMAP":
        pixels = np.zeros(masks[0].shape, np.uint8)
        for number, mask in enumerate(masks):
            pixels[mask] = number + 1
    elif kind == "FRACTIONAL":
        pixels = np.stack([np.where(mask, 0.75, 0.25 * (number % 2)) for number, mask
                           in enumerate(masks)], axis=-1)  # fmt: skip
    else:
        pixels = np.stack(masks, axis=-1).astype(np.uint8)
    seg = hd.seg.Segmentation(
        source_images=slices,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="M",
        manufacturer_model_name="N",
        software_versions="1",
        device_serial_number="2",
        transfer_syntax_uid=syntax,
    )
    seg.save_as(os.path.join(FOLDER, name + ".dcm"))
    found(name, slices, masks, names, [[1.0, 0.0, 0.0]] if lab else [])


def repacked(name, kind, change, old=b"", new=b""):
    """A copy of the segmentation `kind`, changed; then bytes of the file are replaced."""
    ds, path = pydicom.dcmread(os.path.join(FOLDER, kind + ".dcm")), f"{FOLDER}/{name}.dcm"
    change(ds)
    ds.save_as(path, enforce_file_format=True)
    with open(path, "rb+") as file:
        content = file.read().replace(old, new) if old else file.read()
        file.seek(0)
        file.write(content)
    copied = next(case for case in FOUND if case["name"] == kind)
    for number in range(len(copied["segments"])):
        mask = sitk.ReadImage(os.path.join(FOLDER, f"{kind}-{number}.nrrd"))
        sitk.WriteImage(mask, os.path.join(FOLDER, f"{name}-{number}.nrrd"))
    FOUND.append(copied | {"name": name})


def deflate_file(ds):
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def deflate_frames(ds):
    """Each frame from a new byte on."""
    bits = np.unpackbits(np.frombuffer(ds.PixelData, np.uint8), bitorder="little")
    size, frames = ds.Rows * ds.Columns, []
    for frame in range(ds.NumberOfFrames):
        packed = np.packbits(bits[frame * size : (frame + 1) * size], bitorder="little")
        deflate = zlib.compressobj(wbits=-15)
        frames.append(deflate.compress(packed.tobytes()) + deflate.flush())
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless


# The first ball on slice 3 in 32 x 32 pixels of a bit each, by OpenJPEG 2.5.2.
BITS = bytes.fromhex("""
    ff4fff5100290000000000200000002000000000000000000000002000000020000000000000000000010001
    01ff52000c00000001000504040001ff5c00134008101018101018101018101018101018ff64002500014372
    6561746564206279204f70656e4a5045472076657273696f6e20322e352e32ff90000a00000000004d0001ff
    93d08003c864200707dd0ae873a10004cb04ff7f046fc8a451180f1b17bb10ff7fdd1647110023a257708f16
    637f20a4c965401e76c618331e9baf03e51d02bfffd9
""")


def one_frame_of_bits(name):
    """The first ball on slice 3 alone, in JPEG 2000."""
    ds = pydicom.dcmread(os.path.join(FOLDER, "binary.dcm"))
    ds.Rows = ds.Columns = 32
    ds.SegmentSequence, ds.NumberOfFrames = ds.SegmentSequence[:1], 1
    height = axial[3].ImagePositionPatient[2]
    ds.PerFrameFunctionalGroupsSequence = [
        frame for frame in ds.PerFrameFunctionalGroupsSequence
        if frame.PlanePositionSequence[0].ImagePositionPatient[2] == height
    ][:1]  # fmt: skip
    ds.PixelData = encapsulate([BITS])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.save_as(os.path.join(FOLDER, name + ".dcm"), enforce_file_format=True)
    mask = np.zeros(SHAPE, np.uint8)
    mask[3] = ball((9, 8, 3), 6)[3]
    sitk.WriteImage(sitk.GetImageFromArray(mask), os.path.join(FOLDER, name + "-0.nrrd"))


def ball(centre, radius):
    k, j, i = np.indices(SHAPE)
    return (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + 9 * (k - centre[2]) ** 2 < radius**2


def structure_set(name, slices, contours, names, colours):
    """`contours`: for each region, (slice, points (column, row)) or a list of such."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    ds.Modality, ds.PatientName, ds.PatientID = "RTSTRUCT", "A^B", "1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = slices[0].StudyInstanceUID, generate_uid()
    ds.StructureSetROISequence, ds.ROIContourSequence = [], []
    for number, (region, label, colour) in enumerate(zip(contours, names, colours)):
        roi = Dataset()
        roi.ROINumber, roi.ROIName = 10 * number + 7, label
        roi.ReferencedFrameOfReferenceUID = slices[0].FrameOfReferenceUID
        ds.StructureSetROISequence.append(roi)
        item = Dataset()
        item.ReferencedROINumber, item.ROIDisplayColor, item.ContourSequence = (
            roi.ROINumber, list(colour), [])  # fmt: skip
        for index, points in region:
            one = Dataset()
            one.ContourGeometricType, one.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            one.ContourData = [f"{x:.4f}" for point in points for x in place(slices[index], point)]
            item.ContourSequence.append(one)
        ds.ROIContourSequence.append(item)
    save(ds, os.path.join(FOLDER, name + ".dcm"))
    masks = []
    for region in contours:
        mask = np.zeros(SHAPE, bool)
        for index, points in region:
            mask[index] ^= grid_points_in_poly(SHAPE[1:], np.array(points)[:, ::-1])
        masks.append(mask)
    found(name, slices, masks, names, [[x / 255 for x in colour] for colour in colours])


def place(ds, point):
    direction = np.array(ds.ImageOrientationPatient, float)
    row, column = direction[:3], direction[3:]
    return np.array(ds.ImagePositionPatient) + (
        row * point[0] * SPACING[1] + column * point[1] * SPACING[0]
    )


def circle(centre, radius, count=90):
    angles = 2 * np.pi * (np.arange(count) + 0.3) / count
    return [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in angles]


def ball_in_the_patient(slices):
    """Contours on slices, and a label map on a grid of 1 mm."""
    region = []
    for index, ds in enumerate(slices):
        position, direction = (np.array(ds[name].value, float) for name in
                               ("ImagePositionPatient", "ImageOrientationPatient"))  # fmt: skip
        offset = BALL - position
        height = offset @ np.cross(direction[:3], direction[3:])
        if abs(height) < RADIUS:
            circle_radius = np.sqrt(RADIUS**2 - height**2)
            angles = 2 * np.pi * (np.arange(120) + 0.3) / 120
            x = offset @ direction[:3] + circle_radius * np.cos(angles)
            y = offset @ direction[3:] + circle_radius * np.sin(angles)
            region.append((index, list(zip(x / SPACING[1], y / SPACING[0]))))
    structure_set("ball", slices, [region], ["ball"], [(255, 0, 0)])
    FOUND.pop()
    low = BALL - RADIUS - 3
    k, j, i = np.indices((17, 17, 17))
    far = np.linalg.norm(np.stack([i, j, k], -1) + low - BALL, axis=-1)
    image = sitk.GetImageFromArray((far <= RADIUS).astype(np.uint8))
    image.SetOrigin([float(x) for x in low])
    sitk.WriteImage(image, os.path.join(FOLDER, "ball.nrrd"))


turn = np.array([[0.8, 0.36, 0.48], [-0.6, 0.48, 0.64]])
axial = series("axial", [1, 0, 0], [0, 1, 0])
oblique = series("oblique", *turn)
tilted = series("tilted", [1, 0, 0], [0, 0.978148, -0.207912], lean=0.637670)
balls = [ball((9, 8, 3), 6), ball((13, 10, 4), 5), ball((19, 15, 6), 3)]
apart = [balls[0], balls[2], np.zeros(SHAPE, bool) | (np.indices(SHAPE)[1] == 18)]
apart[2] &= ~apart[1]
NAMES = ["liver", "a tumour, and more", "µ vessel"]
segmentation("binary", axial, balls, NAMES, "BINARY", lab=True)
segmentation("binary-oblique", oblique, balls, NAMES, "BINARY")
segmentation("binary-tilted", tilted, balls, NAMES, "BINARY")
segmentation("fractional", axial, apart, NAMES, "FRACTIONAL")
segmentation("label-map", axial, apart, NAMES, "LABELMAP")
segmentation("label-map-rle", axial, apart, NAMES, "LABELMAP", syntax=RLELossless)
segmentation("label-map-jpeg-ls", axial, apart, NAMES, "LABELMAP", syntax=JPEGLSLossless)
segmentation("fractional-rle", axial, apart, NAMES, "FRACTIONAL", syntax=RLELossless)
FOUND.append({"name": "bits-jpeg-2000", "segments": NAMES[:1], "colours": []})
one_frame_of_bits("bits-jpeg-2000")
repacked("binary-deflated", "binary", deflate_file)
# Deflated Image Frame Compression, which pydicom does not know yet.
repacked("binary-deflated-frames", "binary", deflate_frames,
         JPEGLSLossless.encode(), b"1.2.840.10008.1.2.8.1\0")  # fmt: skip
segmentation("downwards", axial[::-1], [mask[::-1] for mask in balls], NAMES, "BINARY")
# The mask of the last one is in the order of the places.
for number, mask in enumerate(balls):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    sitk.WriteImage(image, os.path.join(FOLDER, f"downwards-{number}.nrrd"))
rings = [(k, circle((10.2, 9.1), 7.3)) for k in range(1, 6)]
rings += [(k, circle((10.2, 9.1), 3.1)) for k in range(2, 5)]
crossing = [(k, circle((14.4, 11.3), 4.6)) for k in range(3, 8)]
edge = [(k, circle((23.2, 2.4), 5.3)) for k in (0, 7)]
ball_in_the_patient(tilted)
for name, slices in (
    ("structures", axial),
    ("structures-oblique", oblique),
    ("structures-tilted", tilted),
):
    structure_set(name, slices, [rings, crossing, edge], ["body", "GTV 1", "edge"],
                  [(255, 0, 0), (0, 128, 255), (10, 20, 30)])  # fmt: skip
print(json.dumps(FOUND))
