"""Where the output lies: to 1e-6 mm, oblique, under linear and non-linear parents."""

import making
import numpy as np
import pytest
import slicer
from HRINetResampleLib import geometry, volumes


def assert_same_places(fine, thick, factor=4):
    """Every known slice's corners lie where they lay, in world coordinates."""
    columns, rows, slices = thick.GetImageData().GetDimensions()
    for k in range(slices):
        for i, j in ((0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)):
            here, there = making.world(fine, (i, j, k * factor)), making.world(thick, (i, j, k))
            assert np.abs(here - there).max() < 1e-6


def test_oblique(logic):
    thick = making.volume()
    fine = logic.resample(thick, model="linear")
    assert_same_places(fine, thick)
    assert np.allclose(fine.GetSpacing(), 0.5, atol=1e-6)
    assert making.array(fine).shape == (25, 40, 48)


def test_linear_parents_are_carried_over(logic):
    thick = making.volume()
    outer, inner = making.linear(making.rigid(), "Outer"), making.linear(making.oblique((1, 1, 1)), "Inner")
    inner.SetAndObserveTransformNodeID(outer.GetID())
    thick.SetAndObserveTransformNodeID(inner.GetID())
    fine = logic.resample(thick, model="linear")
    assert fine.GetParentTransformNode() is inner
    assert_same_places(fine, thick)


def test_other_slice_axis(logic):
    matrix = making.oblique(spacing=(3.0, 0.75, 0.75))
    thick = making.volume((32, 36, 6), matrix)
    fine = logic.resample(thick, model="linear")
    assert making.array(fine).shape == (32, 36, 21)
    assert np.array_equal(making.array(fine)[:, :, ::4], making.array(thick))
    assert fine.GetAttribute("HRINet.SliceAxis") == "i"
    for i in range(6):
        assert np.abs(making.world(fine, (4 * i, 5, 7)) - making.world(thick, (i, 5, 7))).max() < 1e-6


def test_like_another_volume_under_another_parent(logic):
    thick = making.volume()
    parent, other = making.linear(making.rigid()), making.linear(making.oblique((1, 1, 1)), "Other")
    thick.SetAndObserveTransformNodeID(parent.GetID())
    # The same directions in the world, 0.8 mm apart, from the second slice on.
    step = making.oblique() @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.4, 1], [0, 0, 0, 1]])
    like = making.volume((9, 40, 48), np.linalg.inv(making.oblique((1, 1, 1))) @ making.rigid() @ step, "Like")
    like.SetAndObserveTransformNodeID(other.GetID())
    fine = logic.resample(thick, spacing="like", likeVolume=like, model="linear")
    assert fine.GetParentTransformNode() is parent
    assert making.array(fine).shape == (9, 40, 48)
    for k in range(9):
        assert np.abs(making.world(fine, (3, 4, k)) - making.world(like, (3, 4, k))).max() < 1e-6


def stack(node, positions, shear=(0.0, 0.0)):
    """Targets of a grid transform that puts whole slices at these mm along the normal."""
    matrix = geometry.matrix_of(node)
    normal = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    return lambda k: (
        matrix[:3, 3] + positions[k] * (normal + shear[0] * matrix[:3, 0] + shear[1] * matrix[:3, 1]),
        matrix[:3, 0], matrix[:3, 1],
    )


def test_uneven_slices_of_the_dicom_import(logic):
    thick = making.volume()
    positions = [0, 2, 4, 8, 10, 12, 14]  # one slice is missing
    transform = making.grid_transform(thick, stack(thick, positions))
    outer = making.linear(making.rigid())
    transform.SetAndObserveTransformNodeID(outer.GetID())
    thick.SetAndObserveTransformNodeID(transform.GetID())
    fine = logic.resample(thick, model="linear")
    assert fine.GetParentTransformNode() is None
    known = volumes.known_slices(fine)
    assert sorted(known.values()) == list(range(7))
    for made, first in known.items():
        assert np.array_equal(making.array(fine)[made], making.array(thick)[first])
        for i, j in ((0, 0), (47, 39)):
            here, there = making.world(fine, (i, j, made)), making.world(thick, (i, j, first))
            assert np.abs(here - there).max() < 1e-5  # the grid transform's own rounding
    assert fine.GetSpacing()[2] == pytest.approx(0.5)


def test_gantry_tilt_is_refused(logic):
    thick = making.volume()
    transform = making.grid_transform(thick, stack(thick, np.arange(7) * 2.0, shear=(0, 0.4)))
    thick.SetAndObserveTransformNodeID(transform.GetID())
    before = making.contents()
    with pytest.raises(geometry.GeometryError, match=r"tilted by 11\.3 degrees.*harden"):
        logic.resample(thick, model="linear")
    assert making.contents() == before


def test_bending_is_refused(logic):
    thick = making.volume()
    matrix = geometry.matrix_of(thick)

    def fan(k):
        return matrix[:3, 3] + k * matrix[:3, 2], matrix[:3, 0] * (1 + 0.02 * k), matrix[:3, 1]

    thick.SetAndObserveTransformNodeID(making.grid_transform(thick, fan).GetID())
    with pytest.raises(geometry.GeometryError, match="bends its slices by up to"):
        logic.resample(thick, model="linear")


def test_a_volume_under_a_non_linear_transform_cannot_be_the_grid(logic):
    thick, like = making.volume(), making.volume(name="Like")
    transform = making.grid_transform(like, stack(like, [0, 2, 4, 8, 10, 12, 14]))
    like.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(geometry.GeometryError, match="cannot be the grid"):
        logic.resample(thick, spacing="like", likeVolume=like, model="linear")


def test_hardening_the_transform_gives_the_same_place(logic):
    """What a user sees does not depend on when the transform is hardened."""
    thick = making.volume()
    thick.SetAndObserveTransformNodeID(making.linear(making.rigid()).GetID())
    fine = logic.resample(thick, model="linear")
    places = [making.world(fine, (1, 2, k)) for k in range(25)]
    slicer.vtkSlicerTransformLogic.hardenTransform(fine)
    assert fine.GetParentTransformNode() is None
    assert np.abs(np.array(places) - [making.world(fine, (1, 2, k)) for k in range(25)]).max() < 1e-6
