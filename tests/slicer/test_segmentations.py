"""Segmentations are resampled with the volume, and back."""

import numpy as np
import pytest
import slicer
import vtk

import builders
from HRINetResampleLib.scene import segmentations


def ball(shape, centre, radius):
    k, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    return ((k - centre[0]) * 4) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 < radius**2


@pytest.fixture
def thick():
    return builders.volume((9, 40, 48))


@pytest.fixture
def masks():
    shape = (9, 40, 48)
    return {
        "liver": ball(shape, (4, 20, 24), 12),
        "lesion": ball(shape, (4, 20, 20), 6),
        "apart": ball(shape, (7, 8, 40), 5),
    }


def mask_of(node, segment, reference):
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, reference) > 0


def assert_between(fine_mask, mask, factor=4):
    """Checks that known slices are unchanged, and interpolated ones between their neighbours."""
    different = 0
    for index in range(len(fine_mask)):
        k, part = divmod(index, factor)
        if part == 0:
            assert np.array_equal(fine_mask[index], mask[k]), index
            continue
        before, after = mask[k], mask[k + 1]
        assert not (fine_mask[index] & ~(before | after)).any(), index
        assert not (before & after & ~fine_mask[index]).any(), index
        different += not (
            np.array_equal(fine_mask[index], before) or np.array_equal(fine_mask[index], after)
        )
    assert different > 0, "every interpolated slice is a copy of a neighbour"


def test_segmentation_is_resampled_to_the_output_grid(logic, thick, masks):
    drawn = builders.segmentation(thick, masks)
    fine = logic.resample(thick, segmentation=drawn, model="linear")
    output = logic.segmentationOf(fine)
    assert output is not drawn
    assert list(output.GetSegmentation().GetSegmentIDs()) == list(masks)
    for name, mask in masks.items():  # liver and lesion overlap
        assert_between(mask_of(output, name, fine), mask)
        assert np.array_equal(mask_of(drawn, name, thick), mask), "the source is unchanged"


def test_segmentation_methods(logic, thick, masks):
    """The default is "anatomy" if the model has a flow, else "shape"."""
    drawn = builders.segmentation(thick, masks)

    def masks_of(**choices):
        fine = logic.resample(thick, segmentation=drawn, device="cpu", **choices)
        found = {name: mask_of(logic.segmentationOf(fine), name, fine) for name in masks}
        for name, mask in masks.items():
            assert np.array_equal(found[name][::4], mask)
        return np.stack(list(found.values()))

    anatomy, shape = masks_of(), masks_of(segmentationMethod="shape")
    assert np.array_equal(anatomy, masks_of(segmentationMethod="anatomy"))
    assert np.array_equal(anatomy, masks_of(separateProcess=True))
    assert not np.array_equal(anatomy, shape)
    assert np.array_equal(shape, masks_of(model="linear"))
    nearest = masks_of(model="linear", segmentationMethod="nearest")
    assert np.array_equal(nearest[:, 1], nearest[:, 0])
    for model, method in (("linear", "anatomy"), ("hrinet-motion", "smooth")):
        with pytest.raises(Exception, match="motion|label method"):
            masks_of(model=model, segmentationMethod=method)


def test_names_colours_and_tags_are_kept(logic, thick, masks):
    drawn = builders.segmentation(thick, masks)
    drawn.GetSegmentation().GetSegment("lesion").SetTag("mine", "kept")
    output = logic.segmentationOf(logic.resample(thick, segmentation=drawn, model="linear"))
    for name in masks:
        old, new = (node.GetSegmentation().GetSegment(name) for node in (drawn, output))
        assert new.GetName() == old.GetName() == name.title()
        assert new.GetColor() == old.GetColor()
    assert tag_of(output, "lesion", "mine") == "kept"


def tag_of(node, segment, tag):
    value = vtk.reference("")
    node.GetSegmentation().GetSegment(segment).GetTag(tag, value)
    return str(value)


def test_segmentation_under_a_transform(logic, thick, masks):
    parent = builders.linear(builders.rigid())
    thick.SetAndObserveTransformNodeID(parent.GetID())
    drawn = builders.segmentation(thick, masks)
    fine = logic.resample(thick, segmentation=drawn, model="linear")
    output = logic.segmentationOf(fine)
    assert output.GetParentTransformNode() is fine.GetParentTransformNode() is parent
    assert_between(mask_of(output, "liver", fine), masks["liver"])


def test_segmentation_returns_to_the_original_slices(logic, thick, masks):
    drawn = builders.segmentation(thick, masks)
    fine = logic.resample(thick, segmentation=drawn, model="linear")
    back = logic.toOriginalSlices(logic.segmentationOf(fine), fine)
    for name, mask in masks.items():
        assert np.array_equal(mask_of(back, name, thick), mask)


def test_segmentation_drawn_on_the_output_returns(logic, thick):
    """Known slices of a segmentation that was never on the input."""
    fine = logic.resample(thick, model="linear")
    mask = np.random.default_rng(0).random((33, 40, 48)) > 0.5
    back = logic.toOriginalSlices(builders.segmentation(fine, {"noise": mask}), fine)
    assert np.array_equal(mask_of(back, "noise", thick), mask[::4])


def test_nearest_slice_is_used_where_known_slices_are_missing(logic, thick):
    fine = logic.resample(thick, spacing="exact", spacingMm=0.7, model="linear")
    count = builders.array(fine).shape[0]
    mask = np.random.default_rng(0).random((count, 40, 48)) > 0.5
    back = mask_of(
        logic.toOriginalSlices(builders.segmentation(fine, {"noise": mask}), fine), "noise", thick
    )
    for k in range(9):
        nearest = min(round(k * 2 / 0.7), count - 1)
        assert np.array_equal(back[k], mask[nearest]), k


def test_segmentation_across_another_axis(logic):
    thick = builders.volume((32, 36, 6), builders.oblique(spacing=(3.0, 0.75, 0.75)))
    mask = np.random.default_rng(0).random((32, 36, 6)) > 0.5
    fine = logic.resample(
        thick, segmentation=builders.segmentation(thick, {"a": mask}), model="linear"
    )
    output = logic.segmentationOf(fine)
    assert np.array_equal(mask_of(output, "a", fine)[:, :, ::4], mask)
    assert np.array_equal(mask_of(logic.toOriginalSlices(output, fine), "a", thick), mask)


def test_closed_surface_can_be_created(logic, thick, masks):
    fine = logic.resample(thick, segmentation=builders.segmentation(thick, masks), model="linear")
    output = logic.segmentationOf(fine)
    assert output.CreateClosedSurfaceRepresentation()
    assert output.GetClosedSurfaceInternalRepresentation("liver").GetNumberOfPoints() > 100


def test_empty_segmentation_is_rejected(logic, thick):
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Nothing")
    with pytest.raises(segmentations.SegmentationError, match="Nothing has no segments"):
        logic.resample(thick, segmentation=empty)


def test_volume_that_is_not_the_input_is_rejected(logic, thick, masks):
    fine = logic.resample(thick, segmentation=builders.segmentation(thick, masks), model="linear")
    with pytest.raises(RuntimeError, match="is not the input of"):
        logic.toOriginalSlices(logic.segmentationOf(fine), fine, builders.volume((9, 30, 48)))


def test_progress_counts_label_maps(logic, thick, masks):
    """The bar is full when the segmentation is resampled, not before."""
    work = logic.start(thick, segmentation=builders.segmentation(thick, masks), model="linear")
    assert work.join(60)
    count = work.frames[0].planned.interpolated_count
    assert work.control.done == work.control.total == count * (1 + len(work.layers))
    assert work.layers
    work.finish()
