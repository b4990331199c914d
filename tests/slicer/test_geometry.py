"""Output geometry to 1e-6 mm: oblique, under linear and non-linear parents."""

import numpy as np
import pytest
import slicer

import builders
from HRINetResampleLib.scene import geometry, volumes


def assert_same_places(fine, thick, factor=4):
    """Checks that the corners of every known slice keep their world coordinates."""
    columns, rows, slices = thick.GetImageData().GetDimensions()
    for k in range(slices):
        for i, j in ((0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)):
            here, there = builders.world(fine, (i, j, k * factor)), builders.world(thick, (i, j, k))
            assert np.abs(here - there).max() < 1e-6


def test_oblique_volume_keeps_its_position(logic):
    thick = builders.volume()
    fine = logic.resample(thick, model="linear")
    assert_same_places(fine, thick)
    assert np.allclose(fine.GetSpacing(), 0.5, atol=1e-6)
    assert builders.array(fine).shape == (25, 40, 48)


def test_linear_parent_is_kept(logic):
    thick = builders.volume()
    outer, inner = (
        builders.linear(builders.rigid(), "Outer"),
        builders.linear(builders.oblique((1, 1, 1)), "Inner"),
    )
    inner.SetAndObserveTransformNodeID(outer.GetID())
    thick.SetAndObserveTransformNodeID(inner.GetID())
    fine = logic.resample(thick, model="linear")
    assert fine.GetParentTransformNode() is inner
    assert_same_places(fine, thick)


def test_slice_axis_can_be_i(logic):
    matrix = builders.oblique(spacing=(3.0, 0.75, 0.75))
    thick = builders.volume((32, 36, 6), matrix)
    fine = logic.resample(thick, model="linear")
    assert builders.array(fine).shape == (32, 36, 21)
    assert np.array_equal(builders.array(fine)[:, :, ::4], builders.array(thick))
    assert fine.GetAttribute("HRINet.SliceAxis") == "i"
    for i in range(6):
        assert (
            np.abs(builders.world(fine, (4 * i, 5, 7)) - builders.world(thick, (i, 5, 7))).max()
            < 1e-6
        )


def test_reference_volume_under_another_parent(logic):
    thick = builders.volume()
    parent, other = (
        builders.linear(builders.rigid()),
        builders.linear(builders.oblique((1, 1, 1)), "Other"),
    )
    thick.SetAndObserveTransformNodeID(parent.GetID())
    # Same directions in the world, 0.8 mm apart, from the second slice on.
    step = builders.oblique() @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.4, 1], [0, 0, 0, 1]])
    like = builders.volume(
        (9, 40, 48), np.linalg.inv(builders.oblique((1, 1, 1))) @ builders.rigid() @ step, "Like"
    )
    like.SetAndObserveTransformNodeID(other.GetID())
    fine = logic.resample(thick, spacing="like", likeVolume=like, model="linear")
    assert fine.GetParentTransformNode() is parent
    assert builders.array(fine).shape == (9, 40, 48)
    for k in range(9):
        assert (
            np.abs(builders.world(fine, (3, 4, k)) - builders.world(like, (3, 4, k))).max() < 1e-6
        )


def stack(node, positions, shear=(0.0, 0.0)):
    """Targets of a grid transform that shifts whole slices to these mm along the normal."""
    matrix = geometry.matrix_of(node)
    normal = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    return lambda k: (
        matrix[:3, 3]
        + positions[k] * (normal + shear[0] * matrix[:3, 0] + shear[1] * matrix[:3, 1]),
        matrix[:3, 0],
        matrix[:3, 1],
    )


def test_uneven_slices_of_the_dicom_import(logic):
    thick = builders.volume()
    positions = [0, 2, 4, 8, 10, 12, 14]  # one slice is missing
    transform = builders.grid_transform(thick, stack(thick, positions))
    outer = builders.linear(builders.rigid())
    transform.SetAndObserveTransformNodeID(outer.GetID())
    thick.SetAndObserveTransformNodeID(transform.GetID())
    fine = logic.resample(thick, model="linear")
    assert fine.GetParentTransformNode() is None
    known = volumes.known_slices(fine)
    assert sorted(known.values()) == list(range(7))
    for output, first in known.items():
        assert np.array_equal(builders.array(fine)[output], builders.array(thick)[first])
        for i, j in ((0, 0), (47, 39)):
            here, there = builders.world(fine, (i, j, output)), builders.world(thick, (i, j, first))
            assert np.abs(here - there).max() < 1e-5  # the grid transform's own rounding
    assert fine.GetSpacing()[2] == pytest.approx(0.5)


def tilted():
    """Volume under the transform of a gantry tilted by 11.3 degrees; values are linear in space."""
    thick = builders.volume(dtype=np.float32)
    transform = builders.grid_transform(thick, stack(thick, np.arange(7) * 2.0, shear=(0, 0.4)))
    thick.SetAndObserveTransformNodeID(transform.GetID())
    voxels = builders.array(thick)
    for k in range(voxels.shape[0]):
        corner = builders.world(thick, (0, 0, k))
        along = [builders.world(thick, at) - corner for at in ((1, 0, k), (0, 1, k))]
        j, i = np.mgrid[: voxels.shape[1], : voxels.shape[2]]
        places = corner + i[..., None] * along[0] + j[..., None] * along[1]
        voxels[k] = places @ (3, -2, 5)
    return thick


def test_tilted_gantry_is_straightened(logic):
    thick = tilted()
    fine = logic.resample(thick, model="linear", spacing="factor", factor=2)
    assert fine.GetParentTransformNode() is None
    steps = geometry.matrix_of(fine)[:3, :3]
    assert np.abs(np.triu(steps.T @ steps, 1)).max() < 1e-4, "right angles"
    voxels = builders.array(fine)
    assert voxels.shape == (13, 40 + 5, 48)
    lowest, checked = builders.array(thick).min(), 0
    for k in range(13):
        for j in range(8, 37, 4):
            if voxels[k, j, 20] > lowest:
                expected = builders.world(fine, (20, j, k)) @ (3, -2, 5)
                assert voxels[k, j, 20] == pytest.approx(expected, abs=0.01)
                checked += 1
    assert checked > 80
    # A segmentation of the output comes back to the slices as scanned.
    drawn = builders.segmentation(fine, {"all": voxels > np.median(voxels)})
    back = logic.toOriginalSlices(drawn, fine)
    ids = back.GetSegmentation().GetSegmentIDs()
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(back, ids[0], thick)
    expected = builders.array(thick) > np.median(voxels)
    assert (mask.astype(bool) == expected).mean() > 0.97


def test_kept_tilt_leaves_known_slices_as_they_are(logic):
    thick = tilted()
    fine = logic.resample(thick, model="linear", spacing="factor", factor=2, keepTilt=True)
    assert builders.array(fine).shape == (13, 40, 48)
    for known in range(7):
        assert np.array_equal(builders.array(fine)[2 * known], builders.array(thick)[known])
        here = builders.world(fine, (5, 6, 2 * known))
        assert np.abs(here - builders.world(thick, (5, 6, known))).max() < 1e-5


def test_bent_slices_are_rejected(logic):
    thick = builders.volume()
    matrix = geometry.matrix_of(thick)

    def fan(k):
        return matrix[:3, 3] + k * matrix[:3, 2], matrix[:3, 0] * (1 + 0.02 * k), matrix[:3, 1]

    thick.SetAndObserveTransformNodeID(builders.grid_transform(thick, fan).GetID())
    with pytest.raises(geometry.GeometryError, match="bends its slices by up to"):
        logic.resample(thick, model="linear")


def test_reference_volume_under_a_non_linear_transform_is_rejected(logic):
    thick, like = builders.volume(), builders.volume(name="Like")
    transform = builders.grid_transform(like, stack(like, [0, 2, 4, 8, 10, 12, 14]))
    like.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(geometry.GeometryError, match="cannot be the grid"):
        logic.resample(thick, spacing="like", likeVolume=like, model="linear")


def test_hardening_the_transform_keeps_the_position(logic):
    """World coordinates do not depend on when the transform is hardened."""
    thick = builders.volume()
    thick.SetAndObserveTransformNodeID(builders.linear(builders.rigid()).GetID())
    fine = logic.resample(thick, model="linear")
    places = [builders.world(fine, (1, 2, k)) for k in range(25)]
    slicer.vtkSlicerTransformLogic.hardenTransform(fine)
    assert fine.GetParentTransformNode() is None
    assert (
        np.abs(np.array(places) - [builders.world(fine, (1, 2, k)) for k in range(25)]).max() < 1e-6
    )
