"""Segmentations come along, and go back."""

import making
import numpy as np
import pytest
import slicer
import vtk
from HRINetResampleLib import segments


def ball(shape, centre, radius):
    k, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    return ((k - centre[0]) * 4) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 < radius**2


@pytest.fixture
def thick():
    return making.volume((9, 40, 48))


@pytest.fixture
def masks():
    shape = (9, 40, 48)
    return {"liver": ball(shape, (4, 20, 24), 12), "lesion": ball(shape, (4, 20, 20), 6),
            "apart": ball(shape, (7, 8, 40), 5)}


def mask_of(node, segment, reference):
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, reference) > 0


def assert_between(fine_mask, mask, factor=4):
    """Drawn slices as drawn; between two, all that both have, and nothing that neither has."""
    own = 0
    for index in range(len(fine_mask)):
        k, part = divmod(index, factor)
        if part == 0:
            assert np.array_equal(fine_mask[index], mask[k]), index
            continue
        before, after = mask[k], mask[k + 1]
        assert not (fine_mask[index] & ~(before | after)).any(), index
        assert not (before & after & ~fine_mask[index]).any(), index
        own += not (np.array_equal(fine_mask[index], before) or np.array_equal(fine_mask[index], after))
    assert own > 0, "every slice is a copy of a neighbour: a staircase"


def test_on_the_grid_of_the_volume(logic, thick, masks):
    drawn = making.segmentation(thick, masks)
    fine = logic.resample(thick, segmentation=drawn, model="linear")
    made = logic.segmentationOf(fine)
    assert made is not drawn
    assert list(made.GetSegmentation().GetSegmentIDs()) == list(masks)
    for name, mask in masks.items():  # liver and lesion overlap
        assert_between(mask_of(made, name, fine), mask)
        assert np.array_equal(mask_of(drawn, name, thick), mask), "what was drawn stays"


def test_methods(logic, thick, masks):
    """Outlines along with the tissue by default where the model finds its motion; the others by name."""
    drawn = making.segmentation(thick, masks)

    def made(**choices):
        fine = logic.resample(thick, segmentation=drawn, device="cpu", **choices)
        found = {name: mask_of(logic.segmentationOf(fine), name, fine) for name in masks}
        for name, mask in masks.items():
            assert np.array_equal(found[name][::4], mask)
        return np.stack(list(found.values()))

    anatomy, shape = made(), made(segmentationMethod="shape")
    assert np.array_equal(anatomy, made(segmentationMethod="anatomy"))
    assert np.array_equal(anatomy, made(separateProcess=True))
    assert not np.array_equal(anatomy, shape)
    assert np.array_equal(shape, made(model="linear"))
    nearest = made(model="linear", segmentationMethod="nearest")
    assert np.array_equal(nearest[:, 1], nearest[:, 0])
    for model, method in (("linear", "anatomy"), ("hrinet-motion", "smooth")):
        with pytest.raises(Exception, match="motion|label method"):
            made(model=model, segmentationMethod=method)


def test_names_colours_and_tags_stay(logic, thick, masks):
    drawn = making.segmentation(thick, masks)
    drawn.GetSegmentation().GetSegment("lesion").SetTag("mine", "kept")
    made = logic.segmentationOf(logic.resample(thick, segmentation=drawn, model="linear"))
    for name in masks:
        old, new = (node.GetSegmentation().GetSegment(name) for node in (drawn, made))
        assert new.GetName() == old.GetName() == name.title()
        assert new.GetColor() == old.GetColor()
    assert tag_of(made, "lesion", "mine") == "kept"


def tag_of(node, segment, tag):
    value = vtk.reference("")
    node.GetSegmentation().GetSegment(segment).GetTag(tag, value)
    return str(value)


def test_under_a_transform(logic, thick, masks):
    parent = making.linear(making.rigid())
    thick.SetAndObserveTransformNodeID(parent.GetID())
    drawn = making.segmentation(thick, masks)
    fine = logic.resample(thick, segmentation=drawn, model="linear")
    made = logic.segmentationOf(fine)
    assert made.GetParentTransformNode() is fine.GetParentTransformNode() is parent
    assert_between(mask_of(made, "liver", fine), masks["liver"])


def test_back_to_the_original_slices(logic, thick, masks):
    drawn = making.segmentation(thick, masks)
    fine = logic.resample(thick, segmentation=drawn, model="linear")
    back = logic.toOriginalSlices(logic.segmentationOf(fine), fine)
    for name, mask in masks.items():
        assert np.array_equal(mask_of(back, name, thick), mask)


def test_drawn_on_the_new_grid(logic, thick):
    """A segmentation that was never on the thick slices: its known slices come back."""
    fine = logic.resample(thick, model="linear")
    mask = np.random.default_rng(0).random((33, 40, 48)) > 0.5
    back = logic.toOriginalSlices(making.segmentation(fine, {"noise": mask}), fine)
    assert np.array_equal(mask_of(back, "noise", thick), mask[::4])


def test_back_where_known_slices_are_missed(logic, thick):
    fine = logic.resample(thick, spacing="exact", spacingMm=0.7, model="linear")
    count = making.array(fine).shape[0]
    mask = np.random.default_rng(0).random((count, 40, 48)) > 0.5
    back = mask_of(logic.toOriginalSlices(making.segmentation(fine, {"noise": mask}), fine), "noise", thick)
    for k in range(9):
        nearest = min(round(k * 2 / 0.7), count - 1)
        assert np.array_equal(back[k], mask[nearest]), k


def test_of_another_axis(logic):
    thick = making.volume((32, 36, 6), making.oblique(spacing=(3.0, 0.75, 0.75)))
    mask = np.random.default_rng(0).random((32, 36, 6)) > 0.5
    fine = logic.resample(thick, segmentation=making.segmentation(thick, {"a": mask}), model="linear")
    made = logic.segmentationOf(fine)
    assert np.array_equal(mask_of(made, "a", fine)[:, :, ::4], mask)
    assert np.array_equal(mask_of(logic.toOriginalSlices(made, fine), "a", thick), mask)


def test_the_closed_surface_can_be_made(logic, thick, masks):
    fine = logic.resample(thick, segmentation=making.segmentation(thick, masks), model="linear")
    made = logic.segmentationOf(fine)
    assert made.CreateClosedSurfaceRepresentation()
    assert made.GetClosedSurfaceInternalRepresentation("liver").GetNumberOfPoints() > 100


def test_an_empty_segmentation_is_refused(logic, thick):
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Nothing")
    with pytest.raises(segments.SegmentationError, match="Nothing has no segments"):
        logic.resample(thick, segmentation=empty)


def test_another_volume_is_no_original(logic, thick, masks):
    fine = logic.resample(thick, segmentation=making.segmentation(thick, masks), model="linear")
    with pytest.raises(RuntimeError, match="is not what"):
        logic.toOriginalSlices(logic.segmentationOf(fine), fine, making.volume((9, 30, 48)))


def test_progress_counts_the_segmentation_too(logic, thick, masks):
    """The bar is full when the segmentation is made, not before."""
    work = logic.start(thick, segmentation=making.segmentation(thick, masks), model="linear")
    assert work.join(60)
    made = work.frames[0].promised.made_count
    assert work.control.done == work.control.total == made * (1 + len(work.layers))
    assert work.layers
    work.finish()
