"""Transforms of MONAI, for an image and for a dictionary."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple

from ._transforms import ChannelResampler
from .binding.handles import invalid_argument
from .images import Volume
from .resampling import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["InterpolateSlices", "InterpolateSlicesd"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # and back


class InterpolateSlices(Transform):
    """Interpolates the slices of a CT: a MetaTensor [channel, i, j, k] in HU with its affine.

    transform = Compose([LoadImage(ensure_channel_first=True), InterpolateSlices(factor=4)])

    Known slices are kept bit for bit. Settings are those of `InterpolateSlicesd`.
    """

    def __init__(self, **settings: Unpack[Settings]) -> None:
        self.resampler = ChannelResampler(**settings)

    def __call__(self, img: MetaTensor) -> MetaTensor:
        """The CT with finer slices, on the device of the input."""
        voxels, affine, _ = self.resampler(_voxels("the image", img), _ijk_to_ras(img))
        return _like(img, voxels, affine)


class InterpolateSlicesd(MapTransform):
    """Interpolates the slices of CTs of a dictionary, and of label maps with the first of them.

    transform = InterpolateSlicesd(keys="image", label_keys="label", factor=4)
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_keys: KeysCollection = (),
        allow_missing_keys: bool = False,
        **settings: Unpack[Settings],
    ) -> None:
        """Takes the settings of `hrinet.resample`, but the name or path of a model.

        Args:
            keys: CTs, MetaTensors [channel, i, j, k] in HU.
            label_keys: label maps on the grid of the first CT.
            allow_missing_keys: whether a dictionary may lack keys.
            settings: `model`, `device`, `precision`, `factor`, `spacing`, `exact_spacing`, `axis`,
                `keep_tilt`, `window`, `label_method`, `threads`, `progress`.
        """
        super().__init__(keys, allow_missing_keys)
        self.label_keys = ensure_tuple(label_keys)
        self.resampler = ChannelResampler(**settings)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A dictionary with finer images under the same keys."""
        result = dict(data)
        label_keys = [key for key in self.label_keys if key in data or not self.allow_missing_keys]
        for key in self.key_iterator(result):
            image = data[key]
            volume = Volume(_voxels(key, image)[0].T, _ijk_to_ras(image))
            for label in label_keys:
                label_volume = Volume(_voxels(label, data[label])[0].T, _ijk_to_ras(data[label]))
                if not label_volume.has_grid_of(volume):
                    raise invalid_argument(
                        f"'{label}' is on another grid than '{key}'; resample it to that first"
                    )
            voxels, affine, labels = self.resampler(
                _voxels(key, image),
                volume.ijk_to_ras,
                [_voxels(label, data[label]) for label in label_keys],
            )
            result[key] = _like(image, voxels, affine)
            for label, array in zip(label_keys, labels):
                result[label] = _like(data[label], array, affine)
            label_keys = []
        return result


def _voxels(name: Hashable, image: Any) -> np.ndarray:
    """Voxels [channel, i, j, k] of an image, in place where it is on the CPU."""
    if not isinstance(image, MetaTensor):
        raise invalid_argument(
            f"{name} is a {type(image).__name__}; a MetaTensor, as LoadImage gives it, has the "
            "spacing in its affine"
        )
    if image.ndim != 4:
        raise invalid_argument(
            f"{name} has the shape {tuple(image.shape)}; it must be [channel, i, j, k]"
        )
    voxels: np.ndarray = image.detach().cpu().as_tensor().numpy()
    return voxels


def _ijk_to_ras(image: MetaTensor) -> np.ndarray:
    affine = np.asarray(image.affine.cpu(), float)
    return LPS_TO_RAS @ affine if _is_lps(image) else affine


def _like(template: MetaTensor, voxels: np.ndarray, ijk_to_ras: np.ndarray) -> MetaTensor:
    """An image with the metadata of `template` and another grid."""
    affine = LPS_TO_RAS @ ijk_to_ras if _is_lps(template) else ijk_to_ras
    image = MetaTensor(
        torch.from_numpy(voxels).to(template.device),
        affine=torch.from_numpy(affine),
        meta={key: value for key, value in template.meta.items() if key != MetaKeys.AFFINE},
        applied_operations=template.applied_operations,
    )
    image.meta[MetaKeys.SPATIAL_SHAPE] = np.array(voxels.shape[1:])
    return image


def _is_lps(image: MetaTensor) -> bool:
    return bool(image.meta.get(MetaKeys.SPACE) == SpaceKeys.LPS)
