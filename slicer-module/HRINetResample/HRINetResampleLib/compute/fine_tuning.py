"""Fine-tunes a network on one volume, and measures the gain on held-out slices.

Every fifth slice is held out. The network trains on groups of neighbours among the other slices;
the inner slices of a group are its targets. Then each held-out slice is interpolated from the
slices before and after it, with the weights before and after fine-tuning, and compared with the
true one.

(Holding out every second slice leaves only groups of twice the distance to train on, which was
measured to cost 0.3 dB where this gains 0.2 dB.)
"""

import dataclasses

import numpy as np

from ..binding import declarations, hrinet
from ..binding.models import MOTION_SYSTEM
from . import resampling

STEPS = 300
LEARNING_RATE = 1e-4  # larger rates do harm: see docs/how-to/training.md
WARM_UP = 20
BATCH = 4
MAX_CROP = 96  # pixels; a multiple of MULTIPLE
MULTIPLE = 16
PERIOD = 5  # one of so many slices is held out
GAPS = (2, 3)  # slice steps from first to last of a group, which fits between two held-out slices
MIN_SLICES = 16  # three of which are held out
MAX_COMPARED = 24  # held-out slices, spread over the volume
TRAINING_BYTES = 400 << 20
# Cost of a pixel in training, relative to interpolation: forward and backward.
STEP_COST = 3


@dataclasses.dataclass
class Request:
    """Model to fine-tune, and how."""

    model: str = MOTION_SYSTEM
    device: str = "auto"
    threads: int = 0  # 0: all cores but one
    axis: str = "auto"
    steps: int = STEPS
    seed: int = 0


@dataclasses.dataclass
class Gain:
    """Mean PSNR in dB over held-out slices, in the model's grey window, before and after."""

    psnr_before: float
    psnr_after: float
    compared: int  # number of held-out slices that were compared
    steps: int
    checksum: str  # SHA-256 of the fine-tuned weights
    device: str

    @property
    def gain(self):
        """Difference in dB; positive if fine-tuning helped."""
        return self.psnr_after - self.psnr_before


def run(grid, request, voxels, path, progress):
    """Fine-tunes on the calling thread, writes a checkpoint to `path` and returns the `Gain`.

    `progress(done, total)` counts work; it cancels by returning False, and leaves an unusable file.
    """
    hrinet.set_num_threads(resampling.Settings(threads=request.threads).thread_count())
    options = hrinet.Options(axis=request.axis)
    plan_request = resampling.PlanRequest(grid, voxels.dtype, options)
    with (
        resampling.make_plan(plan_request) as plan,
        hrinet.Model(request.model, request.device, "float32") as model,
    ):
        slices = slices_of(grid, voxels, plan.axis)
        check_system(model.system)
        hrinet.check_memory(TRAINING_BYTES + plan.work_bytes(model))
        return _fine_tune(slices, model, request, path, progress)


def check_system(system):
    """Raises if networks of `system` cannot be fine-tuned."""
    if system != MOTION_SYSTEM:
        raise hrinet.HrinetError(
            f"'{system}' cannot be adapted; choose {MOTION_SYSTEM}, or a checkpoint of it",
            declarations.HRINET_INVALID_ARGUMENT,
        )


def slices_of(grid, voxels, axis):
    """View of the slices [slice, row, column] across an axis; raises if they do not suffice."""
    slices = np.moveaxis(voxels, 2 - axis, 0)
    problem = None
    if len(slices) < MIN_SLICES:
        problem = f"{len(slices)} slices are too few to adapt to; at least {MIN_SLICES} are needed"
    elif grid.positions is not None and axis == 2:
        problem = "the slices are unevenly spaced; adapting needs even spacing"
    elif min(slices.shape[1:]) < MULTIPLE:
        problem = (
            f"slices of {slices.shape[2]} x {slices.shape[1]} pixels are too small to adapt to; "
            f"at least {MULTIPLE} x {MULTIPLE} are needed"
        )
    if problem:
        raise hrinet.HrinetError(problem, declarations.HRINET_INVALID_GEOMETRY)
    return slices


def held_out(count):
    """Indices of the held-out slices: 4, 9, 14, ..., each with a neighbour on either side."""
    return np.arange(PERIOD - 1, count - 1, PERIOD)


def compared(count):
    """Indices of the held-out slices that are compared: at most MAX_COMPARED, spread evenly."""
    indices = held_out(count)
    if len(indices) <= MAX_COMPARED:
        return indices
    return indices[np.linspace(0, len(indices) - 1, MAX_COMPARED).round().astype(int)]


def crop_sides(shape):
    """Rows and columns of the training crops, for slices [slice, row, column]."""
    return [min(MAX_CROP, side // MULTIPLE * MULTIPLE) for side in shape[1:]]


def groups(slices, seed):
    """Yields batches [group, slice, row, column] without end; none contains a held-out slice."""
    random = np.random.default_rng(seed)
    count, sides = len(slices), crop_sides(slices.shape)
    hidden = np.isin(np.arange(count), held_out(count))
    firsts = {
        gap: [first for first in range(count - gap) if not hidden[first : first + gap + 1].any()]
        for gap in GAPS
    }
    while True:
        gap = int(random.choice(GAPS))
        batch = np.empty((BATCH, gap + 1, *sides), np.float32)
        for group in batch:
            first = int(random.choice(firsts[gap]))
            row, column = (
                int(random.integers(0, whole - side + 1))
                for whole, side in zip(slices.shape[1:], sides)
            )
            rows, columns = slice(row, row + sides[0]), slice(column, column + sides[1])
            group[...] = slices[first : first + gap + 1, rows, columns]
        yield batch


def psnr(truth, interpolated, window):
    """PSNR in dB of an interpolated slice, both in HU, in a grey window (low, high)."""
    low, high = window
    difference = np.clip(truth, low, high).astype(np.float64) - np.clip(interpolated, low, high)
    return 20 * np.log10((high - low) / max(np.sqrt(np.mean(difference**2)), 1e-3))


def _fine_tune(slices, model, request, path, progress):
    indices, sides = compared(len(slices)), crop_sides(slices.shape)
    slice_cost, step_cost = slices[0].size, STEP_COST * BATCH * sides[0] * sides[1]
    total = 2 * len(indices) * slice_cost + request.steps * step_cost
    done = 0

    def advance(cost):
        nonlocal done
        done += cost
        if not progress(done, total):
            raise hrinet.Cancelled()

    def measure(network):
        scores = []
        for index in indices:
            (interpolated,) = network.between(slices[index - 1], slices[index + 1], [0.5])
            scores.append(psnr(slices[index], interpolated, network.window_hu))
            advance(slice_cost)
        return float(np.mean(scores))

    advance(0)
    before = measure(model)
    options = {
        "iterations": request.steps,
        "warm_up": min(WARM_UP, request.steps // 2),
        "learning_rate": LEARNING_RATE,
        "seed": request.seed,
        "size": min(sides),
    }
    with hrinet.Trainer(MOTION_SYSTEM, model=model, **options) as trainer:
        for _, batch in zip(range(request.steps), groups(slices, request.seed)):
            trainer.step(batch)
            advance(step_cost)
        trainer.save(path)
    # The file will be used, so the file is measured.
    with hrinet.Model(path, request.device, "float32") as tuned:
        after, checksum = measure(tuned), tuned.checksum
    return Gain(before, after, len(indices), request.steps, checksum, model.device)
