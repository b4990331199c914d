"""Transform of TorchIO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torchio as tio

from ._transforms import ChannelResampler
from .binding.handles import invalid_argument
from .images import Volume
from .resampling import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["InterpolateSlices"]


class InterpolateSlices(tio.SpatialTransform):
    """Interpolates the slices of the CTs of a subject, in HU, and its label maps with them.

    transform = hrinet.torchio.InterpolateSlices(factor=4)
    fine = transform(tio.Subject(ct=tio.ScalarImage(path), organs=tio.LabelMap(labels_path)))

    Known slices are kept bit for bit. A label map goes with the first CT on its grid.
    """

    def __init__(
        self,
        *,
        p: float = 1,
        copy: bool = True,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        keep: dict[str, str] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        """Takes arguments of `torchio.Transform` and settings of `hrinet.resample`.

        Args:
            p: probability of the transform.
            copy: whether the input is copied before.
            include: names of the only images to interpolate.
            exclude: names of images to leave alone.
            keep: names of images to keep as they were, and their new names.
            settings: `model` (name or path), `device`, `precision`, `factor`, `spacing`,
                `exact_spacing`, `axis`, `keep_tilt`, `window`, `label_method`, `threads`,
                `progress`.
        """
        super().__init__(p=p, copy=copy, include=include, exclude=exclude, keep=keep)
        self.resampler = ChannelResampler(**settings)
        # TorchIO reads the arguments of its history from attributes.
        for name, value in self.resampler.settings.items():
            setattr(self, name, value)
        self.args_names = [name for name in self.resampler.settings if name != "progress"]

    def apply_transform(self, subject: tio.Subject) -> tio.Subject:
        """Resamples the images of a subject in place."""
        images = self.get_images(subject)
        label_maps = [each for each in images if isinstance(each, tio.LabelMap)]
        for ct in (each for each in images if not isinstance(each, tio.LabelMap)):
            with_it = [each for each in label_maps if _volume(each).has_grid_of(_volume(ct))]
            label_maps = [each for each in label_maps if each not in with_it]
            voxels, ijk_to_ras, labels = self.resampler(
                ct.numpy(), ct.affine, [each.numpy() for each in with_it]
            )
            for image, array in zip([ct, *with_it], [voxels, *labels]):
                image.set_data(torch.from_numpy(array))
                image.affine = ijk_to_ras
        if label_maps:
            raise invalid_argument(
                f"a label map of the shape {label_maps[0].shape} is on the grid of no CT of the "
                "subject; resample it to the CT's grid first, or exclude it"
            )
        return subject


def _volume(image: tio.Image) -> Volume:
    """First channel of an image, whose grid is compared."""
    return Volume(image.numpy()[0].T, np.asarray(image.affine))
