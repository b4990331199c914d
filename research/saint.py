"""SAINT (Peng et al., CVPR 2020), a network that makes slices from sagittal and coronal planes."""

import importlib
import importlib.util
import sys
import types
from types import SimpleNamespace

import numpy as np
import torch

AIR_HU = -1024  # the network's zero
RANGE_HU = (-1024, 4000)  # what its authors clip planes to, before and after it


class Saint:
    """The networks as py-SAINT 1.6.0 brings them, called as its scripts call them."""

    def __init__(self):
        folder = importlib.util.find_spec("py_SAINT").submodule_search_locations[0]
        sizes = SimpleNamespace(scale=[1], G0=64, RDNkSize=3, RDNconfig="C")
        self.planes = network("STAGE1", folder, sizes)
        self.fusion = network("STAGE2", folder, sizes)

    @torch.inference_mode()
    def __call__(self, hu, gap, spacing):
        """Makes the volume of every slice from every `gap`-th of `hu` `[slices, rows, columns]`.

        `spacing` is that of `hu` in mm, columns first.
        """
        known = np.moveaxis(hu[::gap] - AIR_HU, 0, -1)  # rows, columns, slices
        distances = through_plane_distances(gap, spacing)
        coronal = self.view(known, distances)
        sagittal = self.view(known.transpose(1, 0, 2), distances).transpose(1, 0, 2)
        both = torch.from_numpy(np.stack([coronal, sagittal])[None]).float()
        slices = [self.fusion(both[..., k : k + 1])[0, 0, ..., 0] for k in range(both.shape[-1])]
        made = rounded(torch.stack(slices).numpy()) + AIR_HU
        return made[: len(hu)].astype(float)

    def view(self, known, distances):
        """Slices between those of `known` `[planes, pixels, slices]`, plane by plane."""
        gap = distances.shape[1]
        planes, pixels, slices = known.shape
        made = np.zeros((planes, pixels, slices * gap))
        beside = np.pad(known, ((1, 1), (0, 0), (0, 0)))  # a plane sees its two neighbours
        for plane in range(planes):
            three = torch.from_numpy(beside[plane : plane + 3][None]).float()
            phases = self.planes(three, distances)[0].numpy()
            for phase in range(gap):
                made[plane, :, phase::gap] = phases[phase]
        return rounded(made)


def network(stage, folder, sizes):
    """A network of the package with its weights, without the package's own imports."""
    name = f"py_SAINT.{stage}.model"
    for package in ("py_SAINT", f"py_SAINT.{stage}", name):
        module = types.ModuleType(package)
        module.__path__ = [f"{folder}/{'/'.join(package.split('.')[1:])}"]
        sys.modules.setdefault(package, module)
    made = importlib.import_module(f"{name}.meta_multi").make_model(sizes).eval()
    weights = torch.load(f"{folder}/{stage}/model_best.pt", map_location="cpu", weights_only=True)
    made.load_state_dict(weights)
    return made


def through_plane_distances(gap, spacing):
    """Distances in mm `[1, gap, 3, 3]` of the plane at each phase of a gap from three known slices,
    straight (the middle column) and from the pixels beside."""
    _, pixel, slice_ = spacing
    distances = np.zeros((1, gap, 3, 3))
    for phase in range(gap):
        for row, steps in enumerate((gap + phase, phase, gap - phase)):
            straight = steps * slice_
            aslant = np.hypot(pixel, straight)
            distances[0, phase, row] = aslant, straight, aslant
    return torch.from_numpy(distances).float()


def rounded(grey):
    """Whole HU within the range that the package stores."""
    return np.clip(grey, *RANGE_HU).round()
