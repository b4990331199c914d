"""Checks a derived CT series against its source, with pydicom.

Usage: io_dicom_derived.py SOURCE OUTPUT REPORT
"""

import glob
import json
import os
import re
import sys

import numpy as np
import pydicom

SOURCE, OUTPUT, REPORT = sys.argv[1:]
UID = re.compile(r"2\.25\.[1-9][0-9]{20,38}")
SAME = """SpecificCharacterSet PatientName PatientID PatientBirthDate PatientSex PatientAge
PatientWeight StudyInstanceUID StudyDate StudyTime StudyID StudyDescription AccessionNumber
ReferringPhysicianName FrameOfReferenceUID PositionReferenceIndicator SeriesDate SeriesTime
BodyPartExamined PatientPosition ProtocolName Manufacturer ManufacturerModelName InstitutionName
ProcedureCodeSequence Modality""".split()
OF_SLICE = """AcquisitionDate AcquisitionTime ContentDate ContentTime AcquisitionNumber WindowCenter
WindowWidth RescaleType PhotometricInterpretation PixelRepresentation SliceThickness KVP
ConvolutionKernel PixelPaddingValue PixelPaddingRangeLimit ReconstructionDiameter""".split()


class Slice:
    """A slice of the source: a file, or a frame of one."""

    def __init__(self, data, frame):
        self.uid, self.frame = data.SOPInstanceUID, frame
        self.pixels = data.pixel_array
        self.number = data.InstanceNumber
        self.data = data
        if frame is not None:
            self.pixels = self.pixels[frame]
            flat = pydicom.Dataset()
            flat.update(data)
            groups = [data.SharedFunctionalGroupsSequence[0]]
            groups.append(data.PerFrameFunctionalGroupsSequence[frame])
            for element in (element for group in groups for element in group):
                flat.update(element.value[0])
            self.number = flat.InStackPositionNumber
            flat.XRayTubeCurrent = round(flat.XRayTubeCurrentInmA)
            self.data = flat

    @property
    def hu(self):
        return self.pixels * float(self.data.RescaleSlope) + float(self.data.RescaleIntercept)

    @property
    def position(self):
        return np.array([float(value) for value in self.data.ImagePositionPatient])

    @property
    def padding(self):
        low = self.data.get("PixelPaddingValue")
        if low is None:
            return np.zeros(self.pixels.shape, bool)
        low = signed(self.data, low)
        high = signed(self.data, self.data.get("PixelPaddingRangeLimit", low))
        return (self.pixels >= min(low, high)) & (self.pixels <= max(low, high))


def signed(data, value):
    return int(value) - 65536 if data.PixelRepresentation and value > 32767 else int(value)


def read(folder):
    slices = []
    for path in glob.glob(os.path.join(folder, "*")):
        data = pydicom.dcmread(path)
        if data.Modality != "CT":
            continue
        frames = range(data.NumberOfFrames) if "NumberOfFrames" in data else [None]
        slices += [Slice(data, frame) for frame in frames]
    x, y = np.array(slices[0].data.ImageOrientationPatient, float).reshape(2, 3)
    return sorted(slices, key=lambda slice: slice.position @ np.cross(x, y))


def all_elements(data):
    for element in data:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from all_elements(item)


def references(data):
    found = []
    for item in data.SourceImageSequence:
        assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        frame = item.get("ReferencedFrameNumber")
        found.append((item.ReferencedSOPInstanceUID, None if frame is None else frame - 1))
    return found


def check_common(slices, source):
    first = source[0].data
    for name in SAME:
        for slice in slices:
            assert slice.data.get(name) == first.get(name), (name, slice.data.get(name))
    uids = [slice.data.SOPInstanceUID for slice in slices]
    series = {slice.data.SeriesInstanceUID for slice in slices}
    assert len(set(uids)) == len(slices) and len(series) == 1
    for uid in [*uids, *series]:
        assert UID.fullmatch(uid), uid
    for slice in slices:
        data = slice.data
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
        assert list(data.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"], data.ImageType
        assert data.SeriesDescription.endswith(", not for diagnosis"), data.SeriesDescription
        assert len(data.SeriesDescription) <= 64
        start = first.SeriesDescription[:8]
        assert data.SeriesDescription.startswith(start) or "\x1b" in first.SeriesDescription
        assert "linear" in data.DerivationDescription and "HRINet" in data.DerivationDescription
        equipment = data.ContributingEquipmentSequence[-1]
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert int(data.SeriesNumber) != int(first.SeriesNumber)
        for element in all_elements(data):
            assert not element.tag.is_private, element
            assert element.tag.group < 0x5000 or element.tag.group == 0x7FE0, element
            if element.VR == "DS" and not element.is_empty:
                texts = element.value if element.VM > 1 else [element.value]
                assert all(len(str(text)) <= 16 for text in texts), element
        assert "IconImageSequence" not in data
    numbers = [int(slice.number) for slice in slices]
    upwards = source[0].number < source[-1].number
    assert numbers == sorted(numbers, reverse=not upwards)
    assert sorted(numbers) == list(range(1, len(slices) + 1))


def check_known(slice, source):
    data = slice.data
    assert slice.pixels.shape == source.pixels.shape
    assert np.array_equal(slice.pixels, source.pixels), "stored values differ"
    assert np.array_equal(slice.hu, source.hu)
    assert data.BitsStored == max(12, source.data.BitsStored) and data.BitsAllocated == 16
    for name in OF_SLICE:
        assert data.get(name) == source.data.get(name), (name, data.get(name))
    assert float(data.RescaleSlope) == float(source.data.RescaleSlope)
    assert int(data.XRayTubeCurrent) == int(source.data.XRayTubeCurrent)
    if "SliceLocation" in source.data:
        assert float(data.SliceLocation) == float(source.data.SliceLocation)
    assert "DerivationCodeSequence" not in data
    assert data.ImageComments.startswith("Known slice: instance "), data.ImageComments
    assert references(data) == [(source.uid, source.frame)]
    assert np.abs(slice.position - source.position).max() < 1e-6


def check_interpolated(slice, pair, fraction):
    data = slice.data
    codes = [item.CodeValue for item in data.DerivationCodeSequence]
    assert codes == ["113085", "INTERPOLATED"], codes
    assert data.ImageComments.startswith("Interpolated slice, not scanned"), data.ImageComments
    assert references(data) == [(source.uid, source.frame) for source in pair]
    nearer = pair[fraction > 0.5]
    for name in OF_SLICE:
        assert data.get(name) == nearer.data.get(name), (name, data.get(name))
    assert "XRayTubeCurrent" not in data
    place = (1 - fraction) * pair[0].position + fraction * pair[1].position
    assert np.abs(slice.position - place).max() < 1e-6, (slice.position, place)
    both = pair[0].padding & pair[1].padding
    assert np.array_equal(slice.pixels[both], pair[0].pixels[both]), "padding"
    assert (slice.padding >= both).all()
    # Linear in HU, rounded to the voxel type and then to the stored value.
    free = ~(pair[0].padding | pair[1].padding)
    expected = (1 - fraction) * pair[0].hu + fraction * pair[1].hu
    error = np.abs(slice.hu - expected)[free].max()
    assert error <= 0.5 + abs(float(data.RescaleSlope)) / 2 + 1e-3, error


def main():
    source, slices = read(SOURCE), read(OUTPUT)
    report = json.load(open(REPORT))
    assert report["dicom"]["series_instance_uid"] == slices[0].data.SeriesInstanceUID
    assert report["dicom"]["files"] == len(slices) == len(report["slices"])
    check_common(slices, source)
    for slice, entry in zip(slices, report["slices"]):
        data = slice.data
        assert [float(value) for value in data.PixelSpacing] == [0.8, 0.7]
        x, y = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
        spacing = (slices[1].position - slices[0].position) @ np.cross(x, y)
        assert abs(float(data.SpacingBetweenSlices) - spacing) < 1e-6 * spacing
        assert float(data.SliceThickness) == 5
        if entry["source"] == "known":
            check_known(slice, source[entry["slice"]])
        else:
            check_interpolated(slice, [source[k] for k in entry["pair"]], entry["fraction"])
    print(len(slices))


main()
