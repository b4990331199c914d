"""Images of NiBabel, whose coordinates are RAS and whose arrays are [i, j, k]."""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.spatialimages import SpatialImage

from .binding.handles import invalid_argument
from .images import Grid, Volume


def grid_of(image: SpatialImage) -> Grid:
    """Shape [k, j, i] and matrix to RAS of an image of three dimensions, or of one volume."""
    shape = image.shape
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise invalid_argument(f"an image of the shape {shape}; it must have 3 dimensions")
    return shape[2::-1], np.asarray(image.affine)


def volume_of(image: SpatialImage) -> Volume:
    """Stored voxels [k, j, i] of an image, in place where they are in the machine's byte order."""
    shape, ijk_to_ras = grid_of(image)
    values: Any = image.dataobj
    rescale = (1.0, 0.0)
    if hasattr(values, "get_unscaled"):
        rescale = (float(values.slope), float(values.inter))
        values = values.get_unscaled()
    array = np.asanyarray(values).T.reshape(shape)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return Volume(native, ijk_to_ras, rescale)


def image_of(volume: Volume, template: Any) -> Any:
    """Image of a volume with the header of `template`, but without scale factors.

    Its values are exactly those after scaling: integers where the factors are whole, else float64.
    """
    stored = volume.array.T
    values = stored if volume.rescale == (1.0, 0.0) else _scaled(stored, *volume.rescale)
    header = template.header.copy()
    header.set_data_dtype(values.dtype)
    image = type(template)(values, volume.ijk_to_ras, header)
    for name in ("qform", "sform"):
        code = template.header[f"{name}_code"] if hasattr(image, f"set_{name}") else 0
        if code:
            set_form = getattr(image, f"set_{name}")
            set_form(volume.ijk_to_ras, int(code), update_affine=False)
    return image


def _scaled(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    values = stored * slope + intercept
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        ends = values.min(), values.max()
        for integers in (stored.dtype, *map(np.dtype, ("int16", "int32", "int64"))):
            if np.iinfo(integers).min <= ends[0] and ends[1] <= np.iinfo(integers).max:
                return values.astype(integers)
    return values
