"""Transforms of TorchIO and MONAI, beside PyTorch's own libtorch.

scripts/test --full installs PyTorch (2.5 GB) and runs these; elsewhere they are skipped.
"""

import pickle

import numpy as np
import pytest

import hrinet
from conftest import IJK_TO_RAS, blocks_of_the_guide, phantom

torch = pytest.importorskip("torch", reason="PyTorch is not installed; scripts/test --full does")
tio = pytest.importorskip("torchio", reason="TorchIO is not installed; scripts/test --full does")
monai = pytest.importorskip("monai", reason="MONAI is not installed; scripts/test --full does")

from monai.data import MetaTensor  # noqa: E402
from monai.transforms import Compose, LoadImage, LoadImaged  # noqa: E402

import hrinet.monai  # noqa: E402
import hrinet.torchio  # noqa: E402

SETTINGS = {"model": "hrinet-motion-small", "device": "cpu", "factor": 2, "threads": 1}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def channels(array, dtype=None):
    """Tensor [1, i, j, k]."""
    return torch.from_numpy(np.ascontiguousarray(array.T[None]).astype(dtype or array.dtype))


@pytest.fixture
def expected(ct, vessel):
    return hrinet.resample(ct, IJK_TO_RAS, labels=[vessel], **SETTINGS)


def subject(ct, vessel):
    return tio.Subject(
        ct=tio.ScalarImage(tensor=channels(ct), affine=IJK_TO_RAS),
        vessel=tio.LabelMap(tensor=channels(vessel), affine=IJK_TO_RAS),
        name="somebody",
    )


def test_torchio_subject_gets_finer_images(ct, vessel, expected):
    before = subject(ct, vessel)
    fine = hrinet.torchio.InterpolateSlices(**SETTINGS)(before)
    assert before.ct.shape == (1, 48, 40, 6) and fine.name == "somebody"
    assert torch.equal(fine.ct.data, channels(expected.array))
    assert torch.equal(fine.vessel.data, channels(expected.labels[0]))
    assert np.allclose(fine.ct.affine, expected.ijk_to_ras)
    assert np.allclose(fine.vessel.affine, expected.ijk_to_ras)
    fine.check_consistent_space()


def test_torchio_places_are_those_of_torchios_own_resampling(ct, vessel, expected):
    """Through SimpleITK, which TorchIO uses for places."""
    fine = hrinet.torchio.InterpolateSlices(**SETTINGS)(subject(ct, vessel)).ct.as_sitk()
    before = subject(ct, vessel).ct.as_sitk()
    for n, each in enumerate(expected.slices):
        if each.is_known:
            place = fine.TransformIndexToPhysicalPoint((4, 5, n))
            same = before.TransformIndexToPhysicalPoint((4, 5, each.first))
            assert np.allclose(place, same, rtol=0, atol=1e-6)


def test_torchio_history_repeats_the_transform(ct, vessel):
    fine = hrinet.torchio.InterpolateSlices(**SETTINGS)(subject(ct, vessel))
    (done,) = fine.get_applied_transforms()
    again = done(subject(ct, vessel))
    assert torch.equal(again.ct.data, fine.ct.data)
    assert "factor=2" in repr(done)


def test_torchio_images_can_be_excluded_and_combined(ct, vessel):
    transform = tio.Compose(
        [hrinet.torchio.InterpolateSlices(exclude=["vessel"], **SETTINGS), tio.RandomFlip(0, p=1)]
    )
    fine = transform(subject(ct, vessel))
    assert fine.ct.shape == (1, 48, 40, 11) and fine.vessel.shape == (1, 48, 40, 6)


def test_torchio_label_map_without_a_ct_is_refused(ct, vessel):
    alone = tio.Subject(vessel=tio.LabelMap(tensor=channels(vessel), affine=IJK_TO_RAS))
    with pytest.raises(hrinet.HrinetError, match="on the grid of no CT"):
        hrinet.torchio.InterpolateSlices(**SETTINGS)(alone)


def test_torchio_channels_are_all_interpolated(ct):
    two = torch.cat([channels(ct), channels(phantom()[::-1].copy())])
    image = tio.ScalarImage(tensor=two, affine=IJK_TO_RAS)
    fine = hrinet.torchio.InterpolateSlices(**SETTINGS)(image)
    each = [hrinet.resample(array, IJK_TO_RAS, **SETTINGS).array for array in (ct, ct[::-1])]
    assert torch.equal(fine.data, torch.cat([channels(array) for array in each]))


def test_monai_image_gets_finer_slices(ct, expected):
    image = MetaTensor(channels(ct, np.float32), affine=torch.from_numpy(IJK_TO_RAS))
    image.meta["patient"] = "somebody"
    fine = hrinet.monai.InterpolateSlices(**SETTINGS)(image)
    assert isinstance(fine, MetaTensor) and fine.dtype == torch.float32
    assert fine.meta["patient"] == "somebody" and list(fine.meta["spatial_shape"]) == [48, 40, 11]
    assert np.allclose(fine.affine, expected.ijk_to_ras)
    assert torch.allclose(fine.as_tensor(), channels(expected.array, np.float32), atol=0.5)
    assert torch.equal(fine.as_tensor()[..., ::2], image.as_tensor())


def test_monai_dictionary_is_loaded_and_interpolated(ct, vessel, expected, tmp_path):
    import nibabel

    for name, array in (("ct", ct), ("vessel", vessel)):
        nibabel.save(nibabel.Nifti1Image(array.T, IJK_TO_RAS), tmp_path / f"{name}.nii")
    transform = Compose(
        [
            LoadImaged(["ct", "vessel"], ensure_channel_first=True, dtype=None),
            hrinet.monai.InterpolateSlicesd("ct", "vessel", **SETTINGS),
        ]
    )
    fine = transform({"ct": tmp_path / "ct.nii", "vessel": tmp_path / "vessel.nii", "age": 61})
    assert fine["age"] == 61
    assert torch.equal(fine["ct"].as_tensor(), channels(expected.array))
    assert torch.equal(fine["vessel"].as_tensor(), channels(expected.labels[0]))
    assert np.allclose(fine["vessel"].affine, expected.ijk_to_ras, atol=1e-5)


def test_monai_coordinates_may_be_lps(ct, tmp_path):
    """ITK's reader gives LPS where it is told to; voxels and places are the same."""
    import nibabel

    nibabel.save(nibabel.Nifti1Image(ct.T, IJK_TO_RAS), tmp_path / "ct.nii")
    load = LoadImage(reader="NibabelReader", ensure_channel_first=True, dtype=None)
    ras = load(tmp_path / "ct.nii")
    lps = MetaTensor(
        ras.as_tensor(), affine=torch.from_numpy(LPS_TO_RAS) @ ras.affine, meta={"space": "LPS"}
    )
    transform = hrinet.monai.InterpolateSlices(**SETTINGS)
    one, two = transform(ras), transform(lps)
    assert torch.equal(one.as_tensor(), two.as_tensor()) and two.meta["space"] == "LPS"
    assert np.allclose(one.affine, LPS_TO_RAS @ np.asarray(two.affine))


@pytest.mark.parametrize(
    "image, said",
    [
        (torch.zeros(1, 8, 8, 8), "is a Tensor; a MetaTensor"),
        (MetaTensor(torch.zeros(8, 8, 8)), r"\(8, 8, 8\); it must be \[channel, i, j, k\]"),
    ],
)
def test_monai_images_without_geometry_or_channels_are_refused(image, said):
    with pytest.raises(hrinet.HrinetError, match=said):
        hrinet.monai.InterpolateSlices()(image)
    with pytest.raises(hrinet.HrinetError, match=said):
        hrinet.monai.InterpolateSlicesd("image")({"image": image})


def test_monai_label_map_on_another_grid_is_refused(ct, vessel):
    image, labels = (
        MetaTensor(channels(array), affine=torch.from_numpy(matrix))
        for array, matrix in ((ct, IJK_TO_RAS), (vessel, np.eye(4)))
    )
    with pytest.raises(hrinet.HrinetError, match="'labels' is on another grid than 'image'"):
        hrinet.monai.InterpolateSlicesd("image", "labels")({"image": image, "labels": labels})


class Cts(torch.utils.data.Dataset):
    """Two subjects, each interpolated where it is loaded."""

    def __init__(self, transform, ct, vessel):
        self.transform, self.ct, self.vessel = transform, ct, vessel

    def __len__(self):
        return 2

    def __getitem__(self, _):
        return self.transform(subject(self.ct, self.vessel)).ct.data


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_transforms_work_in_the_workers_of_a_data_loader(ct, vessel, context):
    """The transform has been used before; forked workers compute on one thread."""
    transform = hrinet.torchio.InterpolateSlices(**{**SETTINGS, "threads": None})
    cts = Cts(transform, ct, vessel)
    here = cts[0]
    loader = torch.utils.data.DataLoader(
        cts, batch_size=None, num_workers=1, multiprocessing_context=context
    )
    for fine in loader:
        assert torch.equal(fine[..., ::2], channels(ct))
        assert (fine - here).abs().max() <= 1


def test_transforms_take_names_of_models_and_can_be_pickled(ct, vessel):
    with hrinet.Model("linear") as model, pytest.raises(TypeError, match="not a Model"):
        hrinet.torchio.InterpolateSlices(model=model)
    transform = hrinet.torchio.InterpolateSlices(**SETTINGS)
    fine = transform(subject(ct, vessel))
    again = pickle.loads(pickle.dumps(transform))(subject(ct, vessel))
    assert torch.equal(fine.ct.data, again.ct.data)


@pytest.mark.parametrize("block", blocks_of_the_guide(of_torch=True))
def test_code_of_the_guide_runs(block, ct, vessel, tmp_path, monkeypatch):
    import nibabel

    monkeypatch.chdir(tmp_path)
    nibabel.save(nibabel.Nifti1Image(ct.T, IJK_TO_RAS), "ct.nii.gz")
    nibabel.save(nibabel.Nifti1Image(vessel.T, IJK_TO_RAS), "organs.nii.gz")
    names = {"hrinet": hrinet}
    exec(block, names)
    if "torchio" in block:
        assert names["fine"].ct.shape == names["fine"].organs.shape == (1, 48, 40, 21)
    else:
        fine = names["transform"]({"image": "ct.nii.gz", "label": "organs.nii.gz"})
        assert fine["image"].shape == fine["label"].shape == (1, 48, 40, 21)
