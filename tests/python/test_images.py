"""Images of SimpleITK and NiBabel: places by the libraries' own functions, headers, scaling."""

import subprocess

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import hrinet
from conftest import IJK_TO_RAS, PROGRAM, phantom


def turn(seed):
    """A random rotation."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q if np.linalg.det(q) > 0 else -q


def itk_image(array, direction=None, spacing=(0.75, 0.7, 3.1), origin=(10.3, -200.7, 33.3)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection((np.eye(3) if direction is None else direction).flatten().tolist())
    return image


def nifti(array, matrix=IJK_TO_RAS, kind=nibabel.Nifti1Image):
    return kind(array.T, matrix)


def linear(image, **settings):
    return hrinet.resample_image(image, model="linear", threads=1, **settings)


@pytest.mark.parametrize("seed", range(8))
def test_itk_places_are_those_of_simpleitk(ct, seed):
    """Known slices are where they were; interpolated ones at their fraction between two."""
    image = itk_image(ct, turn(seed))
    done = linear(image, factor=3)
    fine = done.image
    assert fine.GetSize() == (48, 40, 16) and fine.GetPixelID() == image.GetPixelID()
    for n, each in enumerate(done.slices):
        for i, j in ((0, 0), (47, 0), (5, 39)):
            first, second = (
                np.array(image.TransformIndexToPhysicalPoint((i, j, k)))
                for k in (each.first, each.second)
            )
            place = fine.TransformIndexToPhysicalPoint((i, j, n))
            expected = first + each.fraction * (second - first)
            assert np.allclose(place, expected, rtol=0, atol=1e-9)
    assert np.array_equal(sitk.GetArrayViewFromImage(fine)[::3], ct)


def test_itk_numbers_of_the_plane_are_the_same_bit_for_bit(ct):
    image = itk_image(ct, turn(3))
    fine = linear(image, factor=3).image
    assert fine.GetSpacing()[:2] == image.GetSpacing()[:2]
    assert fine.GetSpacing()[2] == pytest.approx(3.1 / 3, rel=1e-15)
    assert fine.GetDirection() == image.GetDirection()
    assert fine.GetOrigin() == image.GetOrigin()


def test_itk_slices_along_another_axis_are_found(ct):
    image = itk_image(np.ascontiguousarray(ct.transpose(1, 2, 0)), spacing=(3.0, 0.75, 0.75))
    done = linear(image)
    assert done.axis == 0 and done.image.GetSize() == (21, 48, 40)
    assert done.image.GetSpacing() == (0.75, 0.75, 0.75)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nifti_places_are_those_of_nibabel(ct, kind):
    image = nifti(ct, kind=kind)
    done = linear(image, factor=3)
    assert type(done.image) is kind and done.image.shape == (48, 40, 16)
    for n, each in enumerate(done.slices):
        first, second = (
            nibabel.affines.apply_affine(image.affine, [7, 11, k])
            for k in (each.first, each.second)
        )
        place = nibabel.affines.apply_affine(done.image.affine, [7, 11, n])
        assert np.allclose(place, first + each.fraction * (second - first), rtol=0, atol=1e-9)
    assert np.array_equal(np.asarray(done.image.dataobj)[..., ::3], ct.T)


def test_nifti_header_is_kept(ct, tmp_path):
    image = nifti(ct)
    image.set_qform(IJK_TO_RAS, 1)
    image.set_sform(IJK_TO_RAS, 3)
    image.header["descrip"] = b"chest"
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(linear(image).image, tmp_path / "fine.nii.gz")
    header = nibabel.load(tmp_path / "fine.nii.gz").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 3)
    assert bytes(header["descrip"]).startswith(b"chest")
    assert header.get_data_dtype() == np.int16
    assert np.allclose(header.get_zooms(), (0.75, 0.75, 0.75))


def test_both_libraries_give_the_same_voxels_at_the_same_places(ct, tmp_path):
    nibabel.save(nifti(ct), tmp_path / "ct.nii")
    one = linear(nibabel.load(tmp_path / "ct.nii")).image
    two = linear(sitk.ReadImage(tmp_path / "ct.nii")).image
    assert np.array_equal(np.asarray(one.dataobj).T, sitk.GetArrayViewFromImage(two))
    again = linear(nibabel.load(tmp_path / "ct.nii"), like=two).image
    assert np.array_equal(np.asarray(again.dataobj), np.asarray(one.dataobj))
    for index in ((0, 0, 0), (47, 39, 20), (3, 17, 9)):
        ras = nibabel.affines.apply_affine(one.affine, index)
        lps = np.array(two.TransformIndexToPhysicalPoint(index))
        # float32 in the file
        assert np.allclose(ras, lps * [-1, -1, 1], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "slope, intercept, dtype", [(1.0, -1024.0, np.int16), (0.5, -1000.0, np.float64)]
)
def test_scaled_files_have_the_values_of_the_program(tmp_path, slope, intercept, dtype):
    stored = ((phantom() - intercept) / slope).astype(np.int16)
    image = nifti(stored)
    image.header.set_slope_inter(slope, intercept)
    nibabel.save(image, tmp_path / "ct.nii.gz")
    loaded = nibabel.load(tmp_path / "ct.nii.gz")
    assert (loaded.dataobj.slope, loaded.dataobj.inter) == (slope, intercept)
    done = hrinet.resample_image(loaded, threads=1, device="cpu")
    assert done.image.get_data_dtype() == np.asarray(done.image.dataobj).dtype == dtype
    assert np.array_equal(done.image.get_fdata()[..., ::4], loaded.get_fdata())
    nibabel.save(done.image, tmp_path / "python.nii.gz")
    command = [PROGRAM, "resample", "ct.nii.gz", "program.nii.gz", "--threads", "1"]
    subprocess.run([*command, "--device", "cpu"], cwd=tmp_path, check=True, capture_output=True)
    one, two = (nibabel.load(tmp_path / f"{name}.nii.gz") for name in ("python", "program"))
    assert np.array_equal(one.get_fdata(), two.get_fdata())
    assert np.allclose(one.affine, two.affine, atol=1e-5)


def test_files_of_the_other_byte_order_and_of_one_volume_in_four_dimensions_are_read(ct, tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    big = nibabel.Nifti1Image(ct.T[..., None], IJK_TO_RAS, header)
    nibabel.save(big, tmp_path / "big.nii")
    loaded = nibabel.load(tmp_path / "big.nii")
    assert loaded.dataobj.dtype.byteorder == ">" and loaded.shape == (48, 40, 6, 1)
    expected = np.asarray(linear(nifti(ct)).image.dataobj)
    assert np.array_equal(np.asarray(linear(loaded).image.dataobj), expected)


def test_files_are_read_in_place(ct, tmp_path):
    """A memory-mapped file, which is read-only, is not copied before."""
    nibabel.save(nifti(ct), tmp_path / "ct.nii")
    from hrinet import _nibabel, _simpleitk

    volume = _nibabel.volume_of(nibabel.load(tmp_path / "ct.nii"))
    assert isinstance(volume.array.base, np.memmap) or isinstance(volume.array, np.memmap)
    image = itk_image(ct)
    view = sitk.GetArrayViewFromImage(image)
    assert np.shares_memory(_simpleitk.volume_of(image).array, view)


@pytest.mark.parametrize("make", [itk_image, nifti])
def test_label_maps_errors_and_slices_of_another_image_come_as_images(ct, vessel, make):
    image, labels = make(ct), make(vessel)
    done = hrinet.resample_image(
        image, model="hrinet-motion", factor=2, labels=[labels], expected_error=True, threads=1
    )
    arrays = hrinet.resample(
        ct, IJK_TO_RAS, factor=2, labels=[vessel], expected_error=True, threads=1
    )

    def voxels(each):
        if make is nifti:
            return np.asarray(each.dataobj).T
        return sitk.GetArrayViewFromImage(each)

    assert np.array_equal(voxels(done.labels[0]), arrays.labels[0])
    assert np.array_equal(voxels(done.expected_error), arrays.expected_error)
    assert voxels(done.expected_error).dtype == np.float32
    assert voxels(done.labels[0]).dtype == np.uint8
    again = linear(image, like=done.image)
    assert np.array_equal(voxels(again.image), voxels(linear(image, factor=2).image))


def test_label_maps_on_another_grid_are_refused(ct, vessel):
    moved = itk_image(vessel, origin=(10.3, -200.7, 34.3))
    with pytest.raises(hrinet.HrinetError, match=r"labels\[0\] is on another grid"):
        linear(itk_image(ct), labels=[moved])
    with pytest.raises(hrinet.HrinetError, match=r"labels\[1\] is on another grid"):
        linear(itk_image(ct), labels=[itk_image(vessel), itk_image(vessel[:4])])


@pytest.mark.parametrize(
    "image, said",
    [
        (sitk.Image(8, 8, sitk.sitkInt16), "2 dimensions and 1 components"),
        (sitk.Image([8, 8, 8], sitk.sitkVectorInt16, 3), "3 dimensions and 3 components"),
        (nibabel.Nifti1Image(np.zeros((8, 8, 8, 2), np.int16), np.eye(4)), "must have 3 dim"),
        (np.zeros((8, 8, 8)), "numpy.ndarray is no image"),
        ("ct.nii.gz", "builtins.str is no image"),
    ],
)
def test_what_is_no_volume_is_refused(image, said):
    with pytest.raises(hrinet.HrinetError, match=said):
        linear(image)
