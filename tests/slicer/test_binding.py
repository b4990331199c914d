"""The binding of the C library, without a scene."""

import numpy as np
import pytest

from conftest import ROOT
from HRINetResampleLib.binding import declarations, hrinet

THICK = np.diag([0.5, 0.5, 2.0, 1.0])


def voxels(shape=(5, 24, 32), dtype=np.int16):
    return (np.random.default_rng(0).normal(0, 200, shape)).astype(dtype)


def linear(array, **choices):
    with hrinet.Plan(array, THICK, **choices) as plan, hrinet.Model("linear") as model:
        out = plan.empty()
        hrinet.resample(hrinet.Job(model, plan, array, out))
    return out


def test_arrays_are_passed_without_a_copy():
    """The library reads and writes the arrays in place, whatever their strides."""
    array = voxels()
    expected = linear(array)
    room = np.full((17, 24, 32, 2), -1, np.int16)
    with hrinet.Plan(array, THICK) as plan, hrinet.Model("linear") as model:
        hrinet.resample(hrinet.Job(model, plan, np.asfortranarray(array), room[..., 1]))
    assert np.array_equal(room[..., 1], expected)
    assert (room[..., 0] == -1).all()
    flipped = np.ascontiguousarray(array[::-1])[::-1]
    assert flipped.strides[0] < 0 and np.array_equal(linear(flipped), expected)


@pytest.mark.parametrize("factor", [2.5, -3, 0, 2**32, float("nan"), None, "two"])
def test_factors_that_are_no_whole_numbers_are_refused_by_name(factor):
    with pytest.raises(hrinet.HrinetError, match="factor=.*whole number"):
        hrinet.Plan(voxels(), THICK, hrinet.Options("factor", factor=factor))


def test_whole_factors_of_any_type_are_taken():
    for factor in (3, 3.0, np.int8(3), np.float32(3)):
        with hrinet.Plan(voxels(), THICK, hrinet.Options("factor", factor=factor)) as plan:
            assert plan.shape == (13, 24, 32)
    with hrinet.Plan(voxels(), THICK, hrinet.Options(factor=0)) as plan:
        assert plan.shape == (17, 24, 32), "not asked for"


def test_one_job_fills_all_outputs():
    array = voxels((5, 32, 32))
    labels = (array > 0).astype(np.uint8)
    progress = []
    with hrinet.Plan(array, THICK) as plan, hrinet.Model("hrinet-motion", "cpu") as model:
        jobs = [
            hrinet.LabelJob(labels, plan.empty(np.uint8), method) for method in hrinet.LABEL_METHODS
        ]
        job = hrinet.Job(
            model,
            plan,
            array,
            output=plan.empty(),
            expected_error=plan.empty(np.float32),
            labels=jobs,
            progress=lambda *counts: progress.append(counts),
        )
        hrinet.resample(job)
        assert np.array_equal(job.output[::4], array)
        assert not job.expected_error[::4].any() and job.expected_error[1].all()
        for each in jobs:
            assert np.array_equal(each.output[::4], labels)
        assert progress[-1] == (48, 48), "12 slices, of the volume and of each label map"
        errors = job.expected_error.copy()
        hrinet.resample(hrinet.Job(model, plan, array, expected_error=job.expected_error))
        assert np.array_equal(job.expected_error, errors)
        with pytest.raises(hrinet.HrinetError):
            hrinet.resample(hrinet.Job(model, plan, array))
        jobs[0].method = "smooth"
        with pytest.raises(hrinet.HrinetError, match="label method 'smooth' is unknown"):
            hrinet.resample(job)


def test_options_of_models_reach_the_library():
    first, second = voxels((2, 32, 32)).astype(np.float32)

    def between(**options):
        with hrinet.Model("hrinet-motion-small", "cpu", **options) as model:
            return model.between(first, second, [0.5])

    assert not np.array_equal(between(ensemble=True), between())
    exact, rounded, auto = (between(precision=name) for name in ("float32", "bfloat16", "auto"))
    assert 0 < np.abs(rounded - exact).mean() < 5
    assert np.array_equal(auto, exact) or np.array_equal(auto, rounded)
    assert np.array_equal(between(), auto)
    with pytest.raises(hrinet.HrinetError, match="precision 'float16' is unknown"):
        between(precision="float16")


def test_uneven_positions_are_planned():
    array = voxels()
    positions = [0.0, 1.0, 2.0, 4.0, 5.0]
    with hrinet.Plan(array, np.diag([1, 1, 1.25, 1]), positions=positions) as plan:
        assert plan.shape[0] == 6
        assert [each.first for each in plan.slices if each.is_known] == [0, 1, 2, 3, 4]
        between = plan.slices[3]
        assert (between.is_known, between.first, between.second) == (False, 2, 3)
        assert between.fraction == pytest.approx(0.5)
    with pytest.raises(hrinet.HrinetError, match="3 slice positions for 5 slices"):
        hrinet.Plan(array, THICK, positions=[0, 1, 2])


def test_between_interpolates_two_slices():
    first, second = (np.full((16, 32), value, np.float32) for value in (100, 200))
    with hrinet.Model("linear") as model:
        interpolated = model.between(first, second, [1.0, 0.75, 0.0])
        assert interpolated.shape == (3, 16, 32)
        assert np.allclose(interpolated[:, 0, 0], [100, 125, 200])
        with pytest.raises(hrinet.HrinetError, match="two slices of one size"):
            model.between(first, second[:8], [0.5])


def test_model_from_memory_equals_the_shipped_one():
    content = (ROOT / "models" / "hrinet-motion.safetensors").read_bytes()
    with (
        hrinet.Model("hrinet-motion", "cpu") as one,
        hrinet.Model.from_bytes(content, "cpu") as two,
    ):
        assert one.system == two.system == "hrinet-motion" and one.checksum == two.checksum
        assert one.window_hu == (-1000, 1000) and one.device == "cpu"
        assert one.parameter_count > 100_000
        plan = hrinet.Plan(voxels(), THICK)
        assert plan.work_bytes(one) > plan.work_bytes() > 0
        assert plan.bytes == 17 * 24 * 32 * 2


def test_trainer_steps_saves_and_resumes(tmp_path):
    """Trains on ramps, with and without context slices."""
    ramp = np.linspace(-500, 500, 5, dtype=np.float32)
    groups = np.broadcast_to(ramp[None, :, None, None], (1, 5, 64, 64))
    with hrinet.Trainer("ae", size=64, iterations=20, seed=7, **{"lambda": 0.0}) as trainer:
        losses = [trainer.step(groups)["content"] for _ in range(8)]
        assert trainer.iterations == 8
        assert losses[-1] < losses[0]
        trainer.save(tmp_path / "ae.safetensors")
        with trainer.model() as model, hrinet.Trainer.load(tmp_path / "ae.safetensors") as again:
            assert model.system == "ae"
            assert again.iterations == 8
            assert again.step(groups)["content"] == trainer.step(groups)["content"]
    with pytest.raises(hrinet.HrinetError, match="no option 'speed'"):
        hrinet.Trainer("ae", speed=1)
    context = np.full((1, 2, 64, 64), np.nan)
    with hrinet.Model("hrinet-motion-small", "cpu") as small:

        def loss(*context_slices):
            with hrinet.Trainer("hrinet-motion", model=small) as trainer:
                return trainer.step(groups, *context_slices)["step_two"]

        assert loss(context) == pytest.approx(loss(), rel=1e-6)
        context[:, 0], context[:, 1] = 500, -500  # a ramp that folds back
        assert loss(context) != pytest.approx(loss(), rel=1e-6)
        with pytest.raises(hrinet.HrinetError, match=r"\(1, 2, 64, 64\), not \(1, 1, 64, 64\)"):
            loss(context[:, :1])
    with (
        hrinet.Model("linear") as linear_model,
        pytest.raises(hrinet.HrinetError, match="plain interpolator"),
    ):
        hrinet.Trainer("hrinet-motion", model=linear_model)


def test_errors_have_code_and_message():
    with pytest.raises(hrinet.HrinetError, match="no-such") as caught:
        hrinet.Model("no-such", "cpu")
    assert caught.value.code == declarations.HRINET_INVALID_ARGUMENT
    with pytest.raises(hrinet.HrinetError) as caught:
        hrinet.Plan(voxels((1, 8, 8)), THICK)
    assert caught.value.code == declarations.HRINET_INVALID_GEOMETRY
    with pytest.raises(hrinet.HrinetError, match="complex64 is not supported"):
        hrinet.Plan(np.zeros((4, 8, 8), np.complex64), THICK)
    with pytest.raises(hrinet.HrinetError, match="3 dimensions, not 2"):
        hrinet.Plan(np.zeros((4, 8), np.int16), THICK)


def test_false_from_the_callback_cancels():
    array = voxels((9, 64, 64))
    with hrinet.Plan(array, THICK) as plan, hrinet.Model("hrinet-motion", "cpu") as model:
        job = hrinet.Job(model, plan, array, plan.empty(), progress=lambda done, total: done < 3)
        with pytest.raises(hrinet.Cancelled):
            hrinet.resample(job)


def test_devices_and_log_lines():
    assert hrinet.devices()[0][0] == "cpu"
    lines = []
    hrinet.set_log(lambda level, line: lines.append((level, line)), 4)
    hrinet.Model("hrinet-motion", "cpu").close()
    hrinet.set_log(None)
    count = len(lines)
    hrinet.Model("hrinet-motion", "cpu").close()
    assert len(lines) == count
    assert all(isinstance(line, str) and 1 <= level <= 4 for level, line in lines)


def test_close_can_be_called_twice():
    model = hrinet.Model("linear")
    model.close()
    model.close()
