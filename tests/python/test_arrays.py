"""`hrinet.resample` on NumPy arrays: against the program, in place, of every voxel type."""

import tracemalloc

import numpy as np
import pytest

import hrinet
from conftest import IJK_TO_RAS, phantom

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES += ["float32", "float64"]


def linear(array, **settings):
    return hrinet.resample(array, IJK_TO_RAS, model="linear", threads=1, **settings)


@pytest.mark.parametrize(
    "settings, options",
    [
        ({}, []),
        ({"factor": 3}, ["--factor", "3"]),
        ({"spacing": 1.4}, ["--spacing", "1.4"]),
        ({"exact_spacing": 1.3}, ["--exact-spacing", "1.3"]),
        ({"factor": 2, "axis": "i"}, ["--factor", "2", "--axis", "i"]),
        ({"model": "linear"}, ["--model", "linear"]),
        ({"model": "hrinet-motion-small"}, ["--model", "hrinet-motion-small"]),
        ({"model": "hrinet-thin"}, ["--thin"]),
        ({"precision": "float32"}, ["--precision", "float32"]),
        ({"precision": "bfloat16"}, ["--precision", "bfloat16"]),
    ],
)
def test_voxels_equal_the_programs_bit_for_bit(ct, by_program, settings, options):
    fine = hrinet.resample(ct, IJK_TO_RAS, threads=1, device="cpu", **settings)
    assert np.array_equal(fine.array, by_program(ct, "--device", "cpu", *options))


def test_known_slices_are_kept_and_named(ct):
    fine = hrinet.resample(ct, IJK_TO_RAS)
    assert fine.array.shape == (21, 40, 48) and fine.array.dtype == ct.dtype
    known = {n: each.first for n, each in enumerate(fine.slices) if each.is_known}
    assert known == {4 * n: n for n in range(6)}
    assert np.array_equal(fine.array[::4], ct)
    assert fine.axis == 2 and fine.remark == "" and fine.warnings == []
    between = fine.slices[5]
    assert (between.first, between.second, between.fraction) == (1, 2, 0.25)
    for n, first in known.items():
        place, before = fine.ijk_to_ras @ [3, 5, n, 1], IJK_TO_RAS @ [3, 5, first, 1]
        assert np.allclose(place, before, rtol=0, atol=1e-9)


def test_thin_slices_are_all_interpolated(ct):
    fine = hrinet.resample(ct, IJK_TO_RAS, model="hrinet-thin")
    assert fine.array.shape == (21, 40, 48) and not np.array_equal(fine.array[::4], ct)
    assert not any(each.is_known for each in fine.slices)
    with hrinet.Model("hrinet-thin", "cpu") as thin, hrinet.Model("linear") as linear:
        assert thin.is_thin and not linear.is_thin


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_voxel_type_is_read_and_written_in_place(dtype):
    """The voxels are 1.3 MB or more; NumPy reports what it allocates to tracemalloc."""
    array = np.abs(phantom((6, 200, 240)) // 16).astype(dtype)
    array.flags.writeable = False
    with hrinet.plan(array, IJK_TO_RAS, factor=2) as plan, hrinet.Model("linear") as model:
        out = plan.empty()
        tracemalloc.start()
        fine = hrinet.resample(array, IJK_TO_RAS, factor=2, model=model, out=out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100_000 < array.nbytes
    assert fine.array is out and out.dtype == dtype
    assert np.array_equal(out[::2], array)
    middle = (array[:-1].astype(float) + array[1:]) / 2
    assert np.abs(out[1::2] - middle).max() <= 0.5


def test_strided_outputs_are_written_in_place(ct):
    room = np.full((3, 48, 40, 21), -1, np.int16)  # [c, i, j, k], as TorchIO and MONAI have it
    fine = linear(ct, out=room[1].T)
    assert np.array_equal(room[1].T, linear(ct).array)
    assert fine.array.base is room
    assert (room[[0, 2]] == -1).all()


@pytest.mark.parametrize(
    "turned",
    [
        lambda ct: np.asfortranarray(ct),
        lambda ct: np.ascontiguousarray(ct[::-1, :, ::-1])[::-1, :, ::-1],
        lambda ct: np.frombuffer(b"\0" + ct.tobytes(), ct.dtype, offset=1).reshape(ct.shape),
    ],
    ids=["fortran", "flipped", "unaligned"],
)
def test_arrays_of_any_layout_give_the_same(ct, turned):
    array = turned(ct)
    assert np.array_equal(array, ct)
    assert np.array_equal(linear(array).array, linear(ct).array)


def test_broadcast_arrays_are_taken(ct):
    stack = np.broadcast_to(ct[2], ct.shape)
    assert np.array_equal(linear(stack).array, np.broadcast_to(ct[2], (21, 40, 48)))


@pytest.mark.parametrize(
    "out, said",
    [
        (np.empty((21, 40, 48), np.float32), "out is float32 of the shape .*the output is int16"),
        (np.empty((20, 40, 48), np.int16), r"\(20, 40, 48\); the output .* \(21, 40, 48\)"),
        (np.broadcast_to(np.int16(0), (21, 40, 48)), "read-only"),
    ],
)
def test_unfit_outputs_are_refused(ct, out, said):
    with pytest.raises(hrinet.HrinetError, match=said):
        linear(ct, out=out)


def test_output_over_the_input_is_refused():
    room = np.zeros((21, 40, 48), np.int16)
    room[:6] = phantom()
    with pytest.raises(hrinet.HrinetError, match="overlaps input"):
        linear(room[:6], out=room)


def test_stored_values_are_rescaled(ct):
    """0.5 * stored - 1024 are HU: the network sees the same, and the output is stored the same."""
    hu = ct.astype(np.float32)
    stored = ((hu + 1024) * 2).astype(np.int32)
    fine = hrinet.resample(stored, IJK_TO_RAS, rescale=(0.5, -1024), threads=1)
    assert np.array_equal(fine.array[::4], stored) and fine.warnings == []
    in_hu = hrinet.resample(hu, IJK_TO_RAS, threads=1).array
    assert np.abs(0.5 * fine.array - 1024 - in_hu).max() <= 0.26


def test_slices_of_another_grid_are_taken(ct):
    matrix = IJK_TO_RAS @ np.diag([1, 1, 0.5, 1])
    fine = linear(ct, like=((11, 40, 48), matrix))
    assert fine.array.shape == (11, 40, 48)
    assert np.allclose(fine.ijk_to_ras, matrix)
    assert np.array_equal(fine.array, linear(ct, factor=2).array)


def test_uneven_slices_are_taken(ct):
    fine = linear(ct, positions=[0, 3, 6, 12, 15, 18], factor=1)
    assert fine.array.shape[0] == 7
    assert [each.first for each in fine.slices if each.is_known] == [0, 1, 2, 3, 4, 5]


def test_label_maps_equal_the_programs(ct, vessel, by_program):
    for method in ("auto", "nearest", "shape", "anatomy"):
        fine = hrinet.resample(
            ct, IJK_TO_RAS, labels=[vessel, vessel == 3], label_method=method, threads=1
        )
        numbers, mask = fine.labels
        option = [] if method == "auto" else ["--labels-method", method]
        assert np.array_equal(numbers, by_program(ct, *option, labels=vessel)), method
        assert mask.dtype == bool and np.array_equal(mask, numbers == 3)


def test_label_method_follows_the_model(ct, vessel):
    auto, shape = (
        linear(ct, labels=[vessel], label_method=method).labels[0] for method in ("auto", "shape")
    )
    assert np.array_equal(auto, shape)
    with pytest.raises(hrinet.HrinetError, match="flow"):
        linear(ct, labels=[vessel], label_method="anatomy")


def test_expected_error_is_zero_in_known_slices(ct):
    fine = hrinet.resample(ct, IJK_TO_RAS, expected_error=True)
    assert fine.expected_error.dtype == np.float32
    assert not fine.expected_error[::4].any() and fine.expected_error[2].min() > 0
    assert hrinet.resample(ct, IJK_TO_RAS).expected_error is None


def test_grey_window_replaces_hounsfield_units(ct):
    """Values mapped from -1000..1000 to 0..1, with that window, give the same slices."""
    mapped = (ct.astype(np.float64) + 1000) / 2000
    fine = hrinet.resample(mapped, IJK_TO_RAS, window=(0, 1), threads=1)
    in_hu = hrinet.resample(ct.astype(np.float64), IJK_TO_RAS, threads=1)
    assert fine.warnings == []
    assert np.allclose(fine.array * 2000 - 1000, in_hu.array, rtol=0, atol=0.05)


def test_one_model_serves_many_calls(ct):
    with hrinet.Model("hrinet-motion-small", "cpu") as model:
        first = hrinet.resample(ct, IJK_TO_RAS, model=model, threads=1).array
        again = hrinet.resample(ct, IJK_TO_RAS, model=model, threads=1).array
        assert np.array_equal(first, again)
        assert model.system == "hrinet-motion"


def test_trained_model_resamples(ct, tmp_path):
    groups = ct[None, :5, :32, :32].astype(np.float32)
    with hrinet.Model("hrinet-motion-small", "cpu") as small:
        trainer = hrinet.Trainer(model=small, iterations=2, size=32, learning_rate=1e-3)
    with trainer, trainer.model() as before:
        trainer.step(groups)
        trainer.save(tmp_path / "tuned.safetensors")
        with trainer.model() as after, hrinet.Trainer.load(tmp_path / "tuned.safetensors") as again:
            assert before.checksum != after.checksum
            assert again.iterations == 1
            outputs = [hrinet.resample(ct, IJK_TO_RAS, model=m).array for m in (before, after)]
    assert not np.array_equal(*outputs)


def test_threads_are_restored(ct):
    hrinet.set_num_threads(2)
    linear(ct)
    assert hrinet.num_threads() == 2
