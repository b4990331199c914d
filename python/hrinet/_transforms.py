"""What the transforms of TorchIO and MONAI share: channel-first arrays, and a kept model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .binding.hrinet import set_num_threads
from .binding.models import DEFAULT_MODEL, Model
from .resampling import Settings, resample

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ChannelResampler:
    """Settings of `resample`, for arrays [channel, i, j, k].

    The model is loaded at the first call in a process. Copies and pickles are without it, so that
    transforms reach the workers of a DataLoader. Workers compute on one thread, as PyTorch's do,
    since a forked process has no others.
    """

    def __init__(self, **settings: Unpack[Settings]) -> None:
        model = settings.get("model", DEFAULT_MODEL)
        if isinstance(model, Model):
            raise TypeError("a transform takes the name or the path of a model, not a Model")
        self.settings: Settings = {**settings, "model": os.fspath(model)}
        self._model: Model | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def __call__(
        self, image: np.ndarray, ijk_to_ras: np.ndarray, labels: Sequence[np.ndarray] = ()
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Resamples each channel of a CT, and all label maps with the first one.

        Returns the CT [channel, i, j, k], its matrix to RAS, and the label maps.
        """
        settings: Settings = {**self.settings, "model": self._loaded()}
        if torch.utils.data.get_worker_info() is not None:
            settings["threads"] = 1
        maps = [channel.T for each in labels for channel in each]
        first = resample(image[0].T, ijk_to_ras, labels=maps, **settings)
        others = [resample(channel.T, ijk_to_ras, **settings) for channel in image[1:]]
        fine_maps = iter(first.labels)
        return (
            np.stack([each.array.T for each in (first, *others)]),
            first.ijk_to_ras,
            [np.stack([next(fine_maps).T for _ in each]) for each in labels],
        )

    def _loaded(self) -> Model:
        if self._model is None:
            if torch.utils.data.get_worker_info() is not None:
                set_num_threads(1)
            settings = self.settings
            self._model = Model(
                settings["model"], settings.get("device", "auto"), settings.get("precision", "auto")
            )
        return self._model
