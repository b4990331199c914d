"""Images of SimpleITK and NiBabel: resampling with the geometry taken from them and given back."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from .binding.handles import invalid_argument
from .binding.models import Slice
from .resampling import Settings, resample

if TYPE_CHECKING:
    from typing_extensions import Unpack

Image = TypeVar("Image")
Grid = tuple[Sequence[int], np.ndarray]  # shape [k, j, i] and matrix to RAS
MAX_DISTANCE_MM = 1e-3  # between voxels of one grid, as two files of it may round them


@dataclasses.dataclass(frozen=True)
class Volume:
    """Voxels and geometry of an image, as `resample` takes them."""

    array: np.ndarray
    ijk_to_ras: np.ndarray
    rescale: tuple[float, float] = (1.0, 0.0)

    def has_grid_of(self, other: Volume) -> bool:
        """Whether all voxels are at the places of the other's."""
        if self.array.shape != other.array.shape:
            return False
        k, j, i = self.array.shape
        corners = np.array([[0, i, 0, 0], [0, 0, j, 0], [0, 0, 0, k], [1, 1, 1, 1]])
        apart = (self.ijk_to_ras - other.ijk_to_ras) @ corners
        return bool(np.abs(apart).max() < MAX_DISTANCE_MM)


@dataclasses.dataclass(frozen=True)
class ResampledImage(Generic[Image]):
    """Outputs of `resample_image`, images of the kind of the input; else as in `Resampled`."""

    image: Image
    expected_error: Image | None
    labels: list[Image]
    axis: int
    slices: list[Slice]
    remark: str
    warnings: list[str]


def resample_image(
    image: Image,
    *,
    like: Any = None,
    labels: Sequence[Image] = (),
    expected_error: bool = False,
    **settings: Unpack[Settings],
) -> ResampledImage[Image]:
    """Interpolates the slices of a CT image, and keeps every known slice bit for bit.

    Voxels are read in place. Origin and directions stay. A NiBabel image keeps its header, but
    holds its values without scale factors; a SimpleITK image loses its dictionary, as in
    SimpleITK's filters.

    Args:
        image: CT in HU, a SimpleITK image or a spatial image of NiBabel, of three dimensions.
        like: image, of either library, whose slices are wanted.
        labels: label maps on the grid of `image`, of the same library.
        expected_error: whether to compute it in HU, as float32; the model must predict it.
        settings: `model`, `device`, `precision`, `factor`, `spacing`, `exact_spacing`, `axis`,
            `keep_tilt`, `window`, `label_method`, `threads` and `progress` as in `resample`.

    Raises and warns as `resample`.
    """
    library = _library_of(image)
    volume: Volume = library.volume_of(image)
    label_volumes: list[Volume] = [_library_of(each).volume_of(each) for each in labels]
    for number, each in enumerate(label_volumes):
        if not each.has_grid_of(volume):
            raise invalid_argument(
                f"labels[{number}] is on another grid than the CT; resample it to the CT's first"
            )
    done = resample(
        volume.array,
        volume.ijk_to_ras,
        rescale=volume.rescale,
        like=None if like is None else _library_of(like).grid_of(like),
        labels=[each.array for each in label_volumes],
        expected_error=expected_error,
        **settings,
    )

    def made(array: np.ndarray, template: Any, rescale: tuple[float, float] = (1.0, 0.0)) -> Any:
        return library.image_of(Volume(array, done.ijk_to_ras, rescale), template)

    errors = done.expected_error
    return ResampledImage(
        made(done.array, image, volume.rescale),
        None if errors is None else made(errors, image),
        [
            made(array, template, each.rescale)
            for array, template, each in zip(done.labels, labels, label_volumes)
        ],
        done.axis,
        done.slices,
        done.remark,
        done.warnings,
    )


def _library_of(image: Any) -> ModuleType:
    """Module that translates images of the library of `image`, which is loaded then."""
    simpleitk, nibabel = sys.modules.get("SimpleITK"), sys.modules.get("nibabel")
    if simpleitk and isinstance(image, simpleitk.Image):
        from . import _simpleitk

        return _simpleitk
    if nibabel and isinstance(image, nibabel.spatialimages.SpatialImage):
        from . import _nibabel

        return _nibabel
    kind = f"{type(image).__module__}.{type(image).__name__}"
    raise invalid_argument(f"{kind} is no image of SimpleITK or NiBabel; use resample for arrays")
