"""Adapts a network to one volume, and measures on slices that it did not see whether that helped.

Every fifth slice is held out. The network trains on groups of neighbours among the others, the slices
within a group being what it should make; then the held-out slices are made from the ones before and
after, with the weights as they were and as they became, and compared with the true ones. (Holding out
every second slice would leave groups of twice the distance to train on: that was measured to cost 0.3 dB
where this gains 0.2.)
"""

import dataclasses

import numpy as np

from . import declarations, hrinet, jobs

STEPS = 300
LEARNING_RATE = 1e-4  # larger ones do harm: see docs/how-to/training.md
WARM_UP = 20
BATCH = 4
CROP = 96  # pixels, at most; a multiple of MULTIPLE
MULTIPLE = 16
PERIOD = 5  # one slice of so many is held out
GAPS = (2, 3)  # slices from first to last of a group: they fit between two that are held out
LEAST_SLICES = 16  # three are held out
MOST_MEASURED = 24  # held-out slices, spread over the volume
SYSTEM = hrinet.MOTION_SYSTEM
TRAINING_BYTES = 400 << 20
# A pixel of a step costs this many of a slice that is made: forward and backward.
STEP_COST = 3


@dataclasses.dataclass
class Request:
    """What to adapt, and how."""

    model: str = SYSTEM
    device: str = "auto"
    threads: int = 0  # 0: all cores but one
    axis: str = "auto"
    steps: int = STEPS
    seed: int = 0


@dataclasses.dataclass
class Gain:
    """What was measured: mean PSNR in dB over held-out slices, in the model's grey window."""

    psnrBefore: float
    psnrAfter: float
    measured: int  # held-out slices that were compared
    steps: int
    checksum: str  # SHA-256 of the adapted weights
    device: str

    @property
    def gain(self):
        """dB; positive where adapting helped."""
        return self.psnrAfter - self.psnrBefore


def run(grid, request, voxels, path, progress):
    """Adapts on the calling thread and writes a checkpoint to `path`; gives the `Gain`.

    `progress(done, total)` counts work; False from it cancels: what is at `path` then is of no use.
    """
    hrinet.set_num_threads(jobs.Settings(threads=request.threads).thread_count())
    with jobs.make_plan(grid, voxels.dtype, hrinet.Options(axis=request.axis)) as plan, \
            hrinet.Model(request.model, request.device) as model:
        slices = slices_of(grid, voxels, plan.axis)
        check_system(model.system)
        jobs.check_memory(TRAINING_BYTES + plan.work_bytes(model))
        return _adapt(slices, model, request, path, progress)


def check_system(system):
    """Refuses networks that this does not train."""
    if system != SYSTEM:
        raise hrinet.HrinetError(f"'{system}' cannot be adapted; choose {SYSTEM}, or a checkpoint of it",
                                 declarations.HRINET_INVALID_ARGUMENT)


def slices_of(grid, voxels, axis):
    """The slices [slice, row, column] across an axis, not copied; refuses what cannot be adapted to."""
    slices = np.moveaxis(voxels, 2 - axis, 0)
    said = None
    if len(slices) < LEAST_SLICES:
        said = f"{len(slices)} slices are too few to adapt to; it takes {LEAST_SLICES}"
    elif grid.positions is not None and axis == 2:
        said = "the slices lie unevenly; adapting takes slices at equal distances"
    elif min(slices.shape[1:]) < MULTIPLE:
        said = (f"slices of {slices.shape[2]} x {slices.shape[1]} pixels are too small to adapt to; "
                f"it takes {MULTIPLE} x {MULTIPLE}")
    if said:
        raise hrinet.HrinetError(said, declarations.HRINET_INVALID_GEOMETRY)
    return slices


def held_out(count):
    """Indices of the slices that are held out: 4, 9, 14, ..., all with a neighbour on either side."""
    return np.arange(PERIOD - 1, count - 1, PERIOD)


def compared(count):
    """Indices of the held-out slices that are compared: all, or some spread over the volume."""
    every = held_out(count)
    if len(every) <= MOST_MEASURED:
        return every
    return every[np.linspace(0, len(every) - 1, MOST_MEASURED).round().astype(int)]


def crop_sides(shape):
    """Rows and columns of what is trained on, of slices [slice, row, column]."""
    return [min(CROP, side // MULTIPLE * MULTIPLE) for side in shape[1:]]


def groups(slices, seed):
    """Batches [group, slice, row, column] without end; no held-out slice is in any."""
    random = np.random.default_rng(seed)
    count, sides = len(slices), crop_sides(slices.shape)
    hidden = np.isin(np.arange(count), held_out(count))
    firsts = {gap: [first for first in range(count - gap) if not hidden[first : first + gap + 1].any()]
              for gap in GAPS}
    while True:
        gap = int(random.choice(GAPS))
        batch = np.empty((BATCH, gap + 1, *sides), np.float32)
        for group in batch:
            first = int(random.choice(firsts[gap]))
            row, column = (int(random.integers(0, whole - side + 1))
                           for whole, side in zip(slices.shape[1:], sides))
            group[...] = slices[first : first + gap + 1, row : row + sides[0], column : column + sides[1]]
        yield batch


def psnr(truth, made, window):
    """dB between two slices in HU, in the grey window."""
    low, high = window
    difference = np.clip(truth, low, high).astype(np.float64) - np.clip(made, low, high)
    return 20 * np.log10((high - low) / max(np.sqrt(np.mean(difference**2)), 1e-3))


def _adapt(slices, model, request, path, progress):
    indices, sides = compared(len(slices)), crop_sides(slices.shape)
    of_slice, of_step = slices[0].size, STEP_COST * BATCH * sides[0] * sides[1]
    total = 2 * len(indices) * of_slice + request.steps * of_step
    done = 0

    def worked(pixels):
        nonlocal done
        done += pixels
        if not progress(done, total):
            raise hrinet.Cancelled()

    def measure(network):
        found = []
        for index in indices:
            (made,) = network.between(slices[index - 1], slices[index + 1], [0.5])
            found.append(psnr(slices[index], made, network.window_hu))
            worked(of_slice)
        return float(np.mean(found))

    worked(0)
    before = measure(model)
    choices = {"iterations": request.steps, "warm_up": min(WARM_UP, request.steps // 2),
               "learning_rate": LEARNING_RATE, "seed": request.seed, "size": min(sides)}
    with hrinet.Trainer(SYSTEM, model=model, **choices) as trainer:
        for _, batch in zip(range(request.steps), groups(slices, request.seed)):
            trainer.step(batch)
            worked(of_step)
        trainer.save(path)
    # The file is what will be used, so the file is what is measured.
    with hrinet.Model(path, request.device) as adapted:
        after, checksum = measure(adapted), adapted.checksum
    return Gain(before, after, len(indices), request.steps, checksum, model.device)
