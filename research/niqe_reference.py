"""NIQE of three patterns by iqa-torch 1.2.1 (Apache 2.0), for tests/it/metrics/niqe.rs.

Usage: niqe_reference.py FILE.json

Writes sizes, checksums and scores. iqa-torch follows the MATLAB release of NIQE's authors, and
brings its parameters, which were fitted on photographs.
"""

import hashlib
import importlib
import importlib.util
import json
import pathlib
import sys
import types

import numpy as np
import torch


def niqe_of_package():
    """Its function, without the other metrics of the package and what they import."""
    place = importlib.util.find_spec("iqa").submodule_search_locations[0]
    for name, folder in (("iqa", place), ("iqa.niqe", place + "/niqe")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [folder]
    return importlib.import_module("iqa.niqe.niqe_core")._apply_niqe


def noise(rows, columns, state):
    """Bytes 24 to 31 of a linear congruential generator, row by row."""
    pixels = np.zeros(rows * columns, np.uint8)
    for index in range(pixels.size):
        state = (1664525 * state + 1013904223) % 2**32
        pixels[index] = state >> 24
    return pixels.reshape(rows, columns)


def waves(rows, columns):
    """Waves, two areas with edges, and grain."""
    y, x = np.mgrid[:rows, :columns].astype(float)
    level = 128 + 60 * np.sin(x**2 / 2200) * np.cos(y / 7)
    level += (noise(rows, columns, 2024) - 127.5) / 8
    level[(y - 60) ** 2 + (x - 40) ** 2 < 400] += 50
    level[(y > 100) & (y < 140) & (x > 60) & (x < 90)] -= 60
    return np.floor(np.clip(level, 0, 255) + 0.5).astype(np.uint8)


def blurred(pixels):
    """Means of 3 x 3 pixels, rounded down; beyond the border those at the other side."""
    sums = sum(
        np.roll(pixels.astype(int), (down, across), (0, 1))
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    )
    return (sums // 9).astype(np.uint8)


images = {
    "noise": noise(192, 288, 12345),
    "waves": waves(310, 485),
    "blurred waves": blurred(waves(310, 485)),
}
niqe = niqe_of_package()
found = {
    name: {
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        "niqe": niqe(torch.from_numpy(pixels)),
    }
    for name, pixels in images.items()
}
report = {"source": "iqa-torch 1.2.1, by research/niqe-reference", "images": found}
text = json.dumps(report, indent=1)
pathlib.Path(sys.argv[1]).write_text(text + "\n")
