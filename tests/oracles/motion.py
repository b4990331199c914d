"""HRINet-Motion with slices beyond the pair, computed by NumPy and SciPy from the text of its docs.

Usage: motion.py FILE.safetensors

The file holds weights (weights.*), the number of shared levels, slices, alpha, whether the outer
slices are present, and the output to compare; the values above the window in the pair, their sum
with the output's grey values and their expected error added to one of 1/8. Prints the largest
difference.
"""

import sys

import numpy as np
from safetensors.numpy import load_file
from scipy.ndimage import map_coordinates
from scipy.signal import correlate

file = {name: value.astype(np.float64) for name, value in load_file(sys.argv[1]).items()}
weight = lambda name: file["weights." + name]
has = lambda name: f"weights.{name}.weight" in file


def convolution(x, name, stride=1):
    kernel = weight(name + ".weight")
    padding = (kernel.shape[2] - 1) // 2
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    planes = [correlate(x, one, mode="valid")[0] for one in kernel]
    return np.stack(planes)[:, ::stride, ::stride] + weight(name + ".bias")[:, None, None]


def prelu(x, name):
    return np.where(x > 0, x, weight(name + ".slope")[:, None, None] * x)


def unit(x, name, stride=1):
    return prelu(convolution(x, name, stride), name)


def upsampling(x, name):
    """Transposed 4 x 4 convolution of stride 2 and padding 1: every input pixel adds its kernel."""
    kernel = weight(name + ".weight")
    _, rows, columns = x.shape
    out = np.zeros((kernel.shape[1], 2 * rows + 2, 2 * columns + 2))
    for row in range(rows):
        for column in range(columns):
            out[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += np.einsum(
                "i,iokl->okl", x[:, row, column], kernel
            )
    return out[:, 1:-1, 1:-1] + weight(name + ".bias")[:, None, None]


def warp(x, motion):
    rows, columns = np.mgrid[: x.shape[1], : x.shape[2]]
    places = [rows + motion[1], columns + motion[0]]
    return np.stack([map_coordinates(plane, places, order=1, mode="nearest") for plane in x])


def doubled(motion):
    """Bilinear, pixel centres at (i + 0.5) / 2 - 0.5; motion in pixels doubles."""
    _, rows, columns = motion.shape
    centres = [(np.arange(2 * side) + 0.5) / 2 - 0.5 for side in (rows, columns)]
    places = np.meshgrid(*centres, indexing="ij")
    return 2 * np.stack([map_coordinates(m, places, order=1, mode="nearest") for m in motion])


def trusted(first, second):
    """Weight of the motion above the window: the mean squared difference d over 16 x 16 pixels,
    every 8 pixels, as d / (d + 0.01^2); bilinear in between."""
    squares = (first - second) ** 2
    rows, columns = (np.arange(side // 8) for side in squares.shape)
    window = lambda at: slice(max(8 * at - 4, 0), 8 * at + 12)
    mean = lambda row, column: squares[window(row), window(column)].mean()
    means = np.array([[mean(row, column) for column in columns] for row in rows])
    centres = [(np.arange(side) + 0.5) / 8 - 0.5 for side in squares.shape]
    places = np.meshgrid(*centres, indexing="ij")
    return map_coordinates(means / (means + 0.01**2), places, order=1, mode="nearest")


def encode(x):
    maps = [x]
    for stride in (2, 4, 8, 16):
        first = unit(maps[-1], f"encoder.stride{stride}.first", 2)
        maps.append(unit(first, f"encoder.stride{stride}.second"))
    return maps


def outlook(maps, stride):
    return convolution(maps[int(np.log2(stride))], f"outlook.stride{stride}")


def correlation(first, second, radius):
    """Cosines of the channels of a pixel in the first maps and its neighbours in the second."""
    unit_length = lambda maps: maps / np.sqrt((maps**2).sum(0) + 1e-6)
    first = unit_length(first)
    second = np.pad(unit_length(second), ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(second, first.shape[1:], axis=(1, 2))
    return np.einsum("cyx,cvuyx->vuyx", first, windows).reshape(-1, *first.shape[1:])


def level(x, context, maps, name):
    entry = convolution(x, name + ".entry")
    if has(name + ".correlation"):
        places = weight(name + ".correlation.weight").shape[1]
        alike = correlation(*maps, (int(np.sqrt(places)) - 1) // 2)
        entry = entry + convolution(alike, name + ".correlation")
    if context is not None:
        entry = entry + convolution(context, name + ".context")
    entry = prelu(entry, name + ".entry")
    total = entry + unit(unit(entry, name + ".residual.first"), name + ".residual.second")
    for block in (f"{name}.deeper{number}" for number in (1, 2)):
        if has(block + ".first"):
            total = total + unit(unit(total, block + ".first"), block + ".second")
    return upsampling(total, name + ".upsampling")


def decode(slices, alpha, there):
    before, first, second, after = [encode(slice[None]) for slice in slices]
    before, after = before if there[0] else first, after if there[1] else second
    shared = int(file["shared"][0])
    plane = lambda like, place=1 - alpha: np.full((1, *like.shape[1:]), place)

    def beyond(motion, look):
        step = motion[:2] - motion[2:]
        outer = [motion[:2] + there[0] * step, motion[2:] - there[1] * step]
        return np.concatenate([warp(look(before), outer[0]), warp(look(after), outer[1])])

    def context(stride, motion):
        if not has(f"outlook.stride{stride}"):
            return None
        if motion is None:
            return np.concatenate([outlook(before, stride), outlook(after, stride)])
        return beyond(motion, lambda maps: outlook(maps, stride))

    def at(level):
        """Where a level finds motion, counted from the first slice."""
        return 0.5 if level < shared else 1 - alpha

    def moved_on(level, motion):
        """From halfway to the plane, after the last level that is shared."""
        if level != shared:
            return motion
        return np.concatenate([motion[:2] * (1 - alpha) / 0.5, motion[2:] * alpha / 0.5])

    seen = np.concatenate([first[4], second[4], plane(first[4], at(0))])
    found = level(seen, context(16, None), (first[4], second[4]), "decoder.stride16")
    motion, hidden = found[:4], found[4:]
    for number, stride in ((3, 8), (2, 4), (1, 2)):
        coarse = hidden
        motion = moved_on(4 - number, motion)
        warped = [warp(first[number], motion[:2]), warp(second[number], motion[2:])]
        seen = np.concatenate([hidden, *warped, motion, plane(hidden, at(4 - number))])
        found = level(seen, context(stride, motion), warped, f"decoder.stride{stride}")
        motion, hidden = doubled(motion) + found[:4], found[4:]
    mask, residual, hidden = hidden[:1], hidden[1:2], hidden[2:]
    moved = [warp(first[0], motion[:2]), warp(second[0], motion[2:])]
    share = np.clip(alpha, 0.01, 0.99)
    mask = 1 / (1 + np.exp(-(mask + np.log(share / (1 - share)))))
    merged = mask * moved[0] + (1 - mask) * moved[1]
    standing, trust = file["above"][:, 0], trusted(*file["above"][:, 0])
    gone = [warp(file["above"][0], motion[:2])[0], warp(file["above"][1], motion[2:])[0]]
    above = [still + trust * (moved - still) for still, moved in zip(standing, gone)]
    whole = merged + residual
    if has("refinement.1"):
        linear = alpha * first[0] + (1 - alpha) * second[0]
        seen = np.concatenate([*moved, linear, first[0], second[0], merged, plane(linear), hidden])
        refined = convolution(seen, "refinement.1")
        if has("refinement.context"):
            outer = beyond(motion, lambda maps: maps[0])
            refined = refined + convolution(outer, "refinement.context")
        refined = prelu(refined, "refinement.1")
        refined = unit(unit(refined, "refinement.2"), "refinement.3")
        whole = whole + convolution(refined, "refinement.exit")
    if has("through_plane.entry"):
        standing4 = np.concatenate([before[0], first[0], second[0], after[0]])
        outer = beyond(motion, lambda maps: maps[0])
        moved4 = np.concatenate([outer[:1], *moved, outer[1:]])
        whole = whole + through_plane(whole, standing4, moved4, 1 - alpha, there, coarse)
    return whole[0], above, mask[0]


def polynomial(place, there):
    """Weights of slices at -1, 0, 1 and 2 in the polynomial through those that are there."""
    at = [k for k, known in zip((-1, 0, 1, 2), (there[0], 1, 1, there[1])) if known]
    powers = np.linalg.solve(np.vander(at).astype(float), np.eye(len(at)))
    weights = dict(zip(at, np.vander([place], len(at))[0] @ powers))
    return np.array([weights.get(k, 0.0) for k in (-1, 0, 1, 2)])


def subpixels(x):
    """The pixels of each 2 x 2 square as channels, rows first."""
    return np.concatenate([[c[v::2, u::2] for v in (0, 1) for u in (0, 1)] for c in x])


def whole_pixels(x):
    channels, rows, columns = x.shape
    out = np.zeros((channels // 4, 2 * rows, 2 * columns))
    for k, (v, u) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        out[:, v::2, u::2] = x[k::4]
    return out


def through_plane(slices, known, moved, place, there, hidden):
    """What the through-plane branch adds to slices."""
    weights = polynomial(place, there)
    cubics = [np.einsum("k,kyx->yx", weights, four)[None] - slices for four in (known, moved)]
    seen = subpixels(np.concatenate([known - slices, moved - slices, *cubics, slices]))
    planes = np.broadcast_to(weights[:, None, None], (4, *seen.shape[1:]))
    total = unit(np.concatenate([seen, planes, hidden]), "through_plane.entry")
    for block in ("through_plane.residual1", "through_plane.residual2"):
        total = total + unit(unit(total, block + ".first"), block + ".second")
    residual, *shares = whole_pixels(convolution(total, "through_plane.exit"))[:, None]
    return residual + shares[0] * cubics[0] + shares[1] * cubics[1]


largest = 0
for case, (alpha, there) in enumerate(zip(file["alpha"], file["there"])):
    made, (first, second), mask = decode(file["slices"], alpha, there)
    assert np.abs(made - alpha * file["slices"][1] - (1 - alpha) * file["slices"][2]).max() > 0.05
    saturation = np.clip((np.minimum(first, second) - 0.05) / 0.05, 0, 1)
    assert 0.01 < (saturation == 1).mean() < 0.9
    made_up = np.clip(made, 0, 1) * (1 - saturation) + saturation
    carried = made_up + mask * first + (1 - mask) * second
    doubt = 0.125 * (1 - saturation) + 0.5 * np.abs(first - second)
    largest = max(
        largest,
        np.abs(made - file["output"][case][0]).max(),
        np.abs(carried - file["carried"][case][0]).max(),
        np.abs(doubt - file["doubts"][case][0]).max(),
    )
print(largest)
