"""Images of SimpleITK, whose coordinates are LPS."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .binding.handles import invalid_argument
from .images import Grid, Volume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # and back


def grid_of(image: sitk.Image) -> Grid:
    """Shape [k, j, i] and matrix to RAS of an image of three dimensions."""
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise invalid_argument(
            f"an image of {image.GetDimension()} dimensions and "
            f"{image.GetNumberOfComponentsPerPixel()} components; it must have 3 and 1"
        )
    ijk_to_lps = np.eye(4)
    ijk_to_lps[:3, :3] = _directions(image) * image.GetSpacing()
    ijk_to_lps[:3, 3] = image.GetOrigin()
    return image.GetSize()[::-1], LPS_TO_RAS @ ijk_to_lps


def volume_of(image: sitk.Image) -> Volume:
    """Voxels [k, j, i] of an image, in place, and its geometry."""
    _, ijk_to_ras = grid_of(image)
    return Volume(sitk.GetArrayViewFromImage(image), ijk_to_ras)


def image_of(volume: Volume, template: sitk.Image) -> sitk.Image:
    """Image of a volume whose axes have the directions of `template`, as far as they are parallel.

    Axes that are the template's have its numbers exactly.
    """
    image = sitk.GetImageFromArray(volume.array)
    steps = (LPS_TO_RAS @ volume.ijk_to_ras)[:3]
    directions, spacing = _directions(template), np.array(template.GetSpacing())
    for axis, step in enumerate(steps[:, :3].T):
        direction = directions[:, axis]
        if np.array_equal(step, direction * spacing[axis]):
            continue
        along = step @ direction
        if np.linalg.norm(step - along * direction) < 1e-9 * along:
            spacing[axis] = along
        else:
            spacing[axis] = np.linalg.norm(step)
            directions[:, axis] = step / spacing[axis]
    image.SetSpacing(spacing.tolist())
    image.SetDirection(directions.flatten().tolist())
    image.SetOrigin(steps[:, 3].tolist())
    return image


def _directions(image: sitk.Image) -> np.ndarray:
    """Unit vectors of i, j and k in LPS, as columns."""
    return np.array(image.GetDirection()).reshape(3, 3)
