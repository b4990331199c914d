"""Where a volume's voxels lie, under every parent transform.

Linear parents are carried over: the output gets the same one. A non-linear parent is what Slicer's
DICOM import makes for slices at uneven distances or a tilted gantry (a grid transform). Where it only
moves whole slices along one line, it is read as their true positions, and the output stands in world
coordinates; where it tilts or bends them, the volume is refused.
"""

import numpy as np
import slicer
import vtk

from . import jobs

# What a slice's points may be off a plain shift, in mm: the transform's own rounding.
TOLERANCE_MM = 0.01
_SAMPLES = 5  # points along each side of a slice


class GeometryError(RuntimeError):
    """The volume cannot be worked on as it lies; the message says why and what to do."""


def matrix_of(volume_node):
    """IJK to RAS, 4 x 4."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def shape_of(volume_node):
    """[k, j, i]."""
    return list(reversed(volume_node.GetImageData().GetDimensions()))


def to_world_of(transform_node):
    """The linear transform to world, 4 x 4; the unit matrix for None."""
    matrix = vtk.vtkMatrix4x4()
    if transform_node is not None:
        transform_node.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def grid_of(volume_node, parent):
    """The grid, and the parent that the output gets: `parent`, or None for world coordinates."""
    shape, matrix = shape_of(volume_node), matrix_of(volume_node)
    if parent is None or parent.IsTransformToWorldLinear():
        return jobs.Grid(shape, matrix.tolist()), parent
    return _straightened(volume_node.GetName(), shape, matrix, parent), None


def like_of(volume_node, parent):
    """Shape and matrix of another volume as seen under `parent`."""
    own = volume_node.GetParentTransformNode()
    for transform in (own, parent):
        if transform is not None and not transform.IsTransformToWorldLinear():
            raise GeometryError(
                f"{volume_node.GetName()} cannot be the grid: {transform.GetName()} is not linear; "
                "harden the transform (Transforms module) first"
            )
    matrix = np.linalg.inv(to_world_of(parent)) @ to_world_of(own) @ matrix_of(volume_node)
    return shape_of(volume_node), matrix.tolist()


def _straightened(name, shape, matrix, parent):
    count = shape[0]
    i, j = (np.linspace(0, side - 1, _SAMPLES) for side in (shape[2], shape[1]))
    plane = np.stack([axis.ravel() for axis in np.meshgrid(i, j)], axis=1)
    placed = np.stack([_to_world(parent, _points(plane, k, matrix)) for k in range(count)])

    # The first slice as a plane: point = origin + a i + b j.
    unknowns = np.column_stack([np.ones(len(plane)), plane])
    fit = np.linalg.lstsq(unknowns, placed[0], rcond=None)[0]
    shifts = (placed - unknowns @ fit).mean(axis=1)
    bent = np.abs(placed - unknowns @ fit - shifts[:, None]).max()
    along = shifts[-1] - shifts[0]
    length = np.linalg.norm(along)
    if count < 2 or length == 0:
        raise GeometryError(f"{name} has a single slice; there is nothing between slices")
    direction = along / length
    positions = (shifts - shifts[0]) @ direction
    bent = max(bent, np.abs(shifts - shifts[0] - np.outer(positions, direction)).max())
    if bent > TOLERANCE_MM:
        raise GeometryError(
            f"{name} is under {parent.GetName()}, which bends its slices by up to {bent:.2f} mm; "
            "resample it along straight slices first (Transforms module: harden; then Resample "
            "Scalar/Vector/DWI Volume), or choose the untransformed volume"
        )
    normal = np.cross(fit[1], fit[2])
    tilt = np.degrees(np.arccos(min(1.0, abs(normal @ direction) / np.linalg.norm(normal))))
    if np.sin(np.radians(tilt)) * length > TOLERANCE_MM:
        raise GeometryError(
            f"{name}: the slices are tilted by {tilt:.1f} degrees (gantry tilt, corrected by "
            f"{parent.GetName()}); slices are made along straight stacks only: harden the transform "
            "(Transforms module) first"
        )
    steps = np.diff(positions)
    if (steps <= 0).any():
        raise GeometryError(f"{name}: {parent.GetName()} brings its slices out of order")
    world = np.eye(4)
    world[:3, 0], world[:3, 1], world[:3, 3] = fit[1], fit[2], fit[0] + shifts[0]
    world[:3, 2] = along / (count - 1)
    return jobs.Grid(shape, world.tolist(), positions.tolist())


def _points(plane, k, matrix):
    ijk = np.column_stack([plane, np.full(len(plane), k), np.ones(len(plane))])
    return (ijk @ matrix.T)[:, :3]


def _to_world(parent, points):
    transform = vtk.vtkGeneralTransform()
    parent.GetTransformToWorld(transform)
    return np.array([transform.TransformPoint(point) for point in points.tolist()])
