"""Decodes a DICOM SEG with pydicom and compares it with a label map that SimpleITK reads.

Usage: io_dicom_segmentation.py SEG LABELS SERIES
"""

import glob
import os
import sys

import numpy as np
import pydicom
import SimpleITK as sitk

SEG, LABELS, SERIES = sys.argv[1:]


def main():
    seg = pydicom.dcmread(SEG)
    image = sitk.ReadImage(LABELS)
    labels = sitk.GetArrayFromImage(image)
    found = np.zeros_like(labels)
    planes = seg.pixel_array.reshape(seg.NumberOfFrames, seg.Rows, seg.Columns)
    values = {item.SegmentNumber: int(item.SegmentDescription.split()[-1])
              for item in seg.SegmentSequence}  # fmt: skip
    assert list(values) == list(range(1, len(values) + 1))
    assert seg.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.4" and seg.Modality == "SEG"
    shared = seg.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    assert np.allclose(orientation, np.array(image.GetDirection()).reshape(3, 3).T[:2].ravel())
    spacing = shared.PixelMeasuresSequence[0]
    assert np.allclose([*spacing.PixelSpacing[::-1], spacing.SpacingBetweenSlices],
                       image.GetSpacing())  # fmt: skip
    slices = {}
    for path in glob.glob(os.path.join(SERIES, "IM*")):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        slices[data.SOPInstanceUID] = data
    first = next(iter(slices.values()))
    for name in ["PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"]:
        assert seg.get(name) == first.get(name), name
    series = seg.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == first.SeriesInstanceUID != seg.SeriesInstanceUID
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence} == set(
        slices
    )
    indices = []
    for plane, groups in zip(planes, seg.PerFrameFunctionalGroupsSequence):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        position = [float(x) for x in groups.PlanePositionSequence[0].ImagePositionPatient]
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        place = slices[source.ReferencedSOPInstanceUID].ImagePositionPatient
        assert position == [float(x) for x in place]
        i, j, k = image.TransformPhysicalPointToContinuousIndex(position)
        assert np.allclose([i, j, k - round(k)], 0, atol=1e-6), (i, j, k)
        assert plane.any() and not found[round(k)][plane == 1].any()
        found[round(k)][plane == 1] = values[number]
        indices.append(list(groups.FrameContentSequence[0].DimensionIndexValues))
        assert indices[-1] == [number, round(k) + 1]
    assert indices == sorted(indices)
    assert np.array_equal(found, labels), "the labels differ"
    print(len(planes), *sorted(values.values()))


main()
