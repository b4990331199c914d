"""The preview without Qt: pairs, their order and their voxels, which are those of the whole job."""

import dataclasses
import time

import numpy as np
import pytest

import builders
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.compute import preview, resampling
from HRINetResampleLib.compute.known_slices import KnownSlices
from HRINetResampleLib.compute.preview import Preview, Recipe, wanted_pairs

SMALL = "hrinet-motion-small"
SHAPE = (9, 24, 32)


def waves(shape=SHAPE):
    k, j, i = np.indices(shape)
    values = 400 * np.sin(i / 4 + k / 2) * np.cos(j / 5 + k / 3) - 200
    return (values + np.random.default_rng(0).normal(0, 20, shape)).astype(np.float32)


def tilted():
    """Matrix of a gantry that is tilted by 15 degrees."""
    matrix = builders.oblique()
    matrix[:3, 2] += np.tan(np.radians(15)) * 2.0 * matrix[:3, 1] / np.linalg.norm(matrix[:3, 1])
    return matrix


def recipe(voxels, matrix=None, positions=None, options=None, model="linear"):
    matrix = builders.oblique() if matrix is None else matrix
    grid = resampling.Grid(list(voxels.shape), matrix.tolist(), positions)
    return Recipe(grid, options or hrinet.Options(), model, "cpu", voxels=voxels)


def whole(wanted):
    """Outcome and voxels of the whole job of a recipe, on the grid of the known slices."""
    wanted.options.keep_tilt = True
    request = resampling.PlanRequest(wanted.grid, wanted.voxels.dtype, wanted.options)
    with resampling.make_plan(request) as plan:
        outcome, output = resampling.outcome_of(plan), plan.empty()
    settings = resampling.Settings(wanted.options, wanted.model, "cpu")
    arrays = resampling.Arrays(wanted.voxels, output)
    resampling.run(wanted.grid, settings, arrays, lambda *_: True)
    return outcome, output


def finish(running, pairs, seconds=30):
    """Slab of pairs, once all of them are done."""
    end = time.monotonic() + seconds
    while True:
        running.look_at(pairs)
        slab = running.poll()
        assert running.problem is None and time.monotonic() < end
        if slab is not None and running.progress == (len(pairs), len(pairs)):
            return slab
        time.sleep(0.005)


@pytest.mark.parametrize(
    "spans, expected",
    [
        ([(3.4, 3.4)], (3, 2, 4)),  # an axial view, with the pairs that one scrolls to next
        ([(0.0, 0.0)], (0,)),
        ([(8.0, 8.0)], (7,)),
        ([(-1, 9)], (3, 4, 2, 5, 1, 6, 0, 7)),  # a coronal view alone: its middle
        ([(-1, 9), (6.2, 6.2), (-1, 9)], (6, 5, 7, 4, 3, 2, 1, 0)),  # beside an axial one
        ([(-1, -1)], ()),  # beside the volume
        ([(9, 9)], ()),
        ([], ()),
    ],
)
def test_pairs_that_views_cross_are_wanted_nearest_first(spans, expected):
    assert wanted_pairs(spans, 8) == expected


def test_slab_is_limited():
    wanted = wanted_pairs([(0, 100), (50.5, 50.5)], 100, most=5)
    assert wanted[0] == 50 and sorted(wanted) == [48, 49, 50, 51, 52]


MISSING = [0, 2, 4, 8, 10, 12, 14, 18, 20.0]
CASES = {
    "isotropic": {},
    "factor": {"options": hrinet.Options("factor", factor=3)},
    "left-handed": {"matrix": builders.oblique() @ np.diag([1, 1, -1, 1])},
    "along i": {"options": hrinet.Options("factor", factor=2, axis="i")},
    "slices missing": {"positions": MISSING},
    "positions rounded": {"positions": [0, 2.0, 4.01, 6, 7.99, 10, 12, 14.01, 16.0]},
    "exact": {"options": hrinet.Options("exact", spacing_mm=0.7)},
    "coarser than the input": {"options": hrinet.Options("exact", spacing_mm=4.5)},
    "tilted gantry": {"matrix": tilted()},
    "network": {"model": SMALL},
    "network, slices missing": {"model": SMALL, "positions": MISSING},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_voxels_are_those_of_the_whole_job(case):
    wanted = recipe(waves(), **case)
    outcome, output = whole(wanted)
    running = Preview()
    running.ask(wanted)
    count = wanted.grid.shape[2 - outcome.axis] - 1
    slab = finish(running, tuple(range(2, min(count, 6))))
    known = running.known_slices
    at = known.outputs(*slab.pairs)
    array = np.zeros(slab.shape, output.dtype)
    slab.write(array)
    expected = output[known.across(at.start, at.stop)]
    assert array.shape == expected.shape
    assert np.allclose(array, expected, atol=0.01)
    # The slab lies where the whole output has these slices.
    start = np.zeros(4)
    start[3], start[outcome.axis] = 1, at.start
    placed = np.asarray(outcome.ijk_to_ras) @ start
    assert np.allclose(slab.ijk_to_ras[:3, 3], placed[:3], atol=1e-9)
    assert np.allclose(slab.ijk_to_ras[:3, :3], np.asarray(outcome.ijk_to_ras)[:3, :3])


def test_spline_is_that_of_the_whole_job():
    wanted = recipe(waves((40, 16, 16)), model="cubic")
    _, output = whole(wanted)
    running = Preview()
    running.ask(wanted)
    slab = finish(running, (20,))
    array = np.zeros(slab.shape, output.dtype)
    slab.write(array)
    at = running.known_slices.outputs(20, 21)
    assert np.allclose(array, output[at], atol=0.01)


@pytest.mark.parametrize("positions", [None, MISSING])
@pytest.mark.parametrize("matrix", [builders.oblique(), tilted()], ids=["straight", "tilted"])
def test_slice_coordinates_count_known_slices(matrix, positions):
    wanted = recipe(waves(), matrix, positions)
    wanted.options.keep_tilt = True
    request = resampling.PlanRequest(wanted.grid, wanted.voxels.dtype, wanted.options)
    with resampling.make_plan(request) as plan:
        known = KnownSlices(wanted.grid, resampling.outcome_of(plan))
    # A point of slice 4 and one of slice 5, beside the axis; their middle; and outside.
    column = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    along = np.arange(9) * np.linalg.norm(matrix[:3, 2]) if positions is None else positions
    four, five = (
        (matrix @ [7, 3, 0, 1])[:3] + along[index] * column + beside * matrix[:3, 0]
        for index, beside in ((4, 0), (5, 9))
    )
    far = matrix[:3, 3] + 1000 * column
    found = known.coordinates([four, five, (four + five) / 2, far, matrix[:3, 3] - 1000 * column])
    assert np.allclose(found, [4, 5, 4.5, 9, -1], atol=1e-6)


class Counted:
    """Stands in for `resampling.run`: counts, and waits while `hold` is set."""

    def __init__(self):
        self.firsts, self.hold, self.cancelled = [], False, 0

    def __call__(self, grid, settings, arrays, progress):
        self.firsts.append(tuple(np.asarray(settings.options.like_ijk_to_ras)[:3, 3].round(6)))
        while self.hold:
            if not progress(0, 1):
                self.cancelled += 1
                raise hrinet.Cancelled()
            time.sleep(0.002)
        arrays.output[...] = len(self.firsts)


def test_pairs_are_computed_once_in_the_wanted_order():
    run = Counted()
    running = Preview(run_here=run, threads=1)
    wanted = recipe(waves())
    running.ask(wanted)
    slab = finish(running, (4, 3, 5))
    assert slab.pairs == (3, 6) and len(run.firsts) == 3
    array = np.zeros(slab.shape, int)
    slab.write(array)
    assert [array[index].max() for index in (1, 5, 9)] == [2, 1, 3]
    assert running.poll() is slab
    assert finish(running, (4,)) is not slab and len(run.firsts) == 3  # kept
    running.ask(recipe(wanted.voxels))  # an equal recipe
    finish(running, (3, 2))
    assert len(run.firsts) == 4
    running.ask(recipe(wanted.voxels, model="cubic"))
    finish(running, (3,))
    assert len(run.firsts) == 5


def test_slab_waits_for_the_first_wanted_pair():
    run = Counted()
    running = Preview(run_here=run, threads=1)
    running.ask(recipe(waves()))
    finish(running, (1,))
    run.hold = True
    running.look_at((5, 1))
    assert running.poll() is None and running.progress == (1, 2)
    run.hold = False
    assert finish(running, (5, 1)).pairs == (5, 6)


def test_another_recipe_cancels_the_work():
    run = Counted()
    running = Preview(run_here=run, threads=1)
    running.ask(recipe(waves()))
    run.hold = True
    while not run.firsts:
        running.look_at((0,))
        running.poll()
    running.ask(None)
    end = time.monotonic() + 10
    while not run.cancelled:
        assert time.monotonic() < end
    assert running.poll() is None and running.known_slices is None


def test_old_pairs_are_forgotten(monkeypatch):
    run = Counted()
    monkeypatch.setattr(preview, "CACHE_BYTES", 4 * 24 * 32 * 4 * 5)  # 4 pairs of 5 slices
    running = Preview(run_here=run, threads=1)
    running.ask(recipe(waves()))
    for pair in range(6):
        finish(running, (pair,))
    finish(running, (5, 4, 3, 2))
    assert len(run.firsts) == 6
    finish(running, (0,))
    assert len(run.firsts) == 7


def test_failure_is_reported_once():
    def fail(*_arguments):
        raise RuntimeError("no memory for this")

    running = Preview(run_here=fail)
    running.ask(recipe(waves()))
    end = time.monotonic() + 10
    while running.problem is None:
        running.look_at((0,))
        running.poll()
        assert time.monotonic() < end
    assert running.problem == "no memory for this"
    single = waves((1, 8, 8))
    running.ask(recipe(single))
    while running.problem is None:
        running.poll()
        assert time.monotonic() < end
    assert "single slice" in running.problem


def test_subprocess_computes_neighbouring_pairs_at_once():
    here, apart = Counted(), Counted()
    running = Preview(here, apart, threads=1)
    wanted = recipe(waves())
    running.ask(Recipe(wanted.grid, wanted.options, "linear", "cpu", True, voxels=wanted.voxels))
    assert finish(running, (4, 3, 5)).pairs == (3, 6)
    assert (len(here.firsts), len(apart.firsts)) == (0, 1)


def test_place_looked_at_comes_first_alone_and_others_together():
    run = Counted()
    running = Preview(run_here=run, threads=2)
    running.ask(recipe(waves()))
    assert finish(running, (4, 3, 5, 2, 6)).pairs == (2, 7) and len(run.firsts) == 3


def test_subprocess_gives_the_same_voxels():
    wanted = recipe(waves(), model=SMALL)
    slabs = []
    for separate in (False, True):
        running = Preview(threads=1)
        running.ask(dataclasses.replace(wanted, separate=separate))
        slabs.append(finish(running, (3, 4), 120))
    arrays = [np.zeros(slab.shape, np.float32) for slab in slabs]
    for slab, array in zip(slabs, arrays):
        slab.write(array)
    assert np.array_equal(*arrays) and np.array_equal(*(slab.ijk_to_ras for slab in slabs))
