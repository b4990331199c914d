"""`hrinet.fill` on NumPy arrays."""

import subprocess

import numpy as np
import pytest

import hrinet
from conftest import IJK_TO_RAS, PROGRAM


def tube(shape=(13, 40, 48)):
    """A tube that leans, in an image that shows it with noise."""
    k, j, i = np.indices(shape)
    inside = (j - 20) ** 2 + (i - 12 - 1.5 * k) ** 2 <= 49
    image = 300.0 * inside + np.random.default_rng(0).normal(0, 20, shape)
    return image.astype(np.float32), inside


def drawn(inside, gap=4, label=3):
    labels = np.where(inside, label, 0).astype(np.uint8)
    labels[np.arange(len(labels)) % gap > 0] = 0
    return labels


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_slices_between_are_filled_and_drawn_ones_kept():
    image, inside = tube()
    labels = drawn(inside)
    filled = hrinet.fill(image, labels, IJK_TO_RAS)
    assert filled.dtype == labels.dtype and set(np.unique(filled)) == {0, 3}
    assert np.array_equal(filled[::4], labels[::4])
    assert dice(filled > 0, inside) > 0.97
    out = np.empty_like(labels)
    assert hrinet.fill(image[::-1], labels[::-1], IJK_TO_RAS, out=out) is out
    assert dice(out[::-1] > 0, inside) > 0.97
    assert np.array_equal(hrinet.fill(image, labels > 0, IJK_TO_RAS), filled > 0)


def test_labels_equal_the_programs(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image, inside = tube()
    for name, array in (("image", image), ("labels", drawn(inside))):
        nibabel.save(nibabel.Nifti1Image(array.T, IJK_TO_RAS), tmp_path / f"{name}.nii")
    command = [PROGRAM, "fill", "image.nii", "labels.nii", "out.nii", "--ends", "stop"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = np.asarray(nibabel.load(tmp_path / "out.nii").dataobj).T
    expected = hrinet.fill(image, drawn(inside), IJK_TO_RAS, ends="stop")
    assert np.array_equal(found, expected)


def test_slices_and_ends_are_chosen():
    image, inside = tube()
    labels = drawn(inside)
    labels[[0, 12]] = 0
    whole = hrinet.fill(image, labels, IJK_TO_RAS)
    assert whole[3].any() and whole[9].any()
    filled = hrinet.fill(image, labels, IJK_TO_RAS, ends="stop", slices=(2, 6))
    assert np.flatnonzero(filled.any((1, 2))).tolist() == [4, 5, 8]


def test_mistakes_are_named_and_work_is_cancelled():
    image, inside = tube()
    labels = drawn(inside)
    for settings, words in (
        ({"axis": "z"}, "axis 'z' is unknown"),
        ({"ends": "open"}, "ends 'open' is unknown"),
        ({"slices": (5, 5)}, "slices="),
        ({"slices": (5, 20)}, "there are 13"),
        ({"out": np.empty((13, 40, 48), np.int16)}, "out is int16"),
        ({"out": labels}, "overlaps labels"),
    ):
        with pytest.raises(hrinet.HrinetError, match=words):
            hrinet.fill(image, labels, IJK_TO_RAS, **settings)
    with pytest.raises(hrinet.HrinetError, match="48 x 40 x 12"):
        hrinet.fill(image[1:], labels, IJK_TO_RAS)
    with pytest.raises(hrinet.Cancelled):
        hrinet.fill(image, labels, IJK_TO_RAS, progress=lambda done, total: done < 3)
