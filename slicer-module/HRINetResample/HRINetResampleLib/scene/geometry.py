"""Geometry of volume nodes, under every parent transform.

A linear parent is kept: the output gets the same one. A non-linear parent (a grid transform) is
what Slicer's DICOM import creates for unevenly spaced slices or a tilted gantry. If it only shifts
whole slices along one line, it is read as their true positions, and the output is in world
coordinates; if it bends slices, the volume is rejected. Slices that lean (a tilted gantry) give a
sheared grid, which the library straightens.
"""

import numpy as np
import slicer
import vtk

from ..compute.resampling import Grid

# Tolerance in mm for the distance of a slice's points from a plain shift: the transform's rounding.
TOLERANCE_MM = 0.01
# Distance in mm of a slice from the line of the others that positions rounded to 0.1 mm explain.
ROUNDING_MM = 0.174
_SAMPLES = 5  # points along each side of a slice


class GeometryError(RuntimeError):
    """The geometry of a volume is not supported; the message says why and what to do."""


def matrix_of(volume_node):
    """IJK to RAS matrix, 4 x 4."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def shape_of(volume_node):
    """Shape [k, j, i] of a volume."""
    return list(reversed(volume_node.GetImageData().GetDimensions()))


def matrix_to_world(transform_node):
    """Matrix of a linear transform to world, 4 x 4; the identity for None."""
    matrix = vtk.vtkMatrix4x4()
    if transform_node is not None:
        transform_node.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def grid_of(volume_node, parent):
    """Grid of a volume, and the parent of the output: `parent`, or None for world coordinates."""
    shape, matrix = shape_of(volume_node), matrix_of(volume_node)
    if parent is None or parent.IsTransformToWorldLinear():
        return Grid(shape, matrix.tolist()), parent
    return _grid_in_world(volume_node.GetName(), shape, matrix, parent), None


def like_of(volume_node, parent):
    """Shape and matrix of another volume, relative to `parent`."""
    own = volume_node.GetParentTransformNode()
    for transform in (own, parent):
        if transform is not None and not transform.IsTransformToWorldLinear():
            raise GeometryError(
                f"{volume_node.GetName()} cannot be the grid: {transform.GetName()} is not linear; "
                "harden the transform (Transforms module) first"
            )
    to_world = matrix_to_world(own) @ matrix_of(volume_node)
    matrix = np.linalg.inv(matrix_to_world(parent)) @ to_world
    return shape_of(volume_node), matrix.tolist()


def offsets_of(output, original, axis):
    """For each slice of `original` the pixel of `output` at its first pixel: [[column, row]].

    They are zero unless the slices of a tilted gantry were moved in their plane.
    """
    grid, _parent = grid_of(original, original.GetParentTransformNode())
    start = np.array(grid.ijk_to_ras)
    count = grid.shape[2 - axis]
    steps = np.arange(count, dtype=float)
    if grid.positions is not None and axis == 2:
        steps = np.array(grid.positions) / np.linalg.norm(start[:3, axis])
    firsts = start[:3, 3] + np.outer(steps, start[:3, axis])
    ijk = np.column_stack([firsts, np.ones(count)]) @ np.linalg.inv(matrix_of(output)).T
    plane = [other for other in range(3) if other != axis]
    return np.rint(ijk[:, plane]).astype(int)


def nearest_slices(output, original, axis, known):
    """For each slice of `original` the index of the nearest slice of `output`, across an axis.

    `known` maps output slices to the slices of `original` that they are copies of.
    """
    grid, _parent = grid_of(original, original.GetParentTransformNode())
    start, end = np.array(grid.ijk_to_ras), matrix_of(output)
    step = end[:3, axis]
    count = grid.shape[2 - axis]
    spacing = np.linalg.norm(start[:3, axis])
    positions = np.arange(count) * spacing
    if grid.positions is not None and axis == 2:
        positions = np.array(grid.positions)
    origin = (start[:3, 3] - end[:3, 3]) @ step / (step @ step)
    indices = origin + positions * ((start[:3, axis] / spacing) @ step) / (step @ step)
    last = shape_of(output)[2 - axis] - 1
    nearest = np.clip(np.rint(indices), 0, last).astype(int)
    for output_slice, input_slice in known.items():
        if input_slice < count:
            nearest[input_slice] = output_slice
    return nearest


def _grid_in_world(name, shape, matrix, parent):
    """Grid of slices that a non-linear transform shifts along one line; raises for others."""
    count = shape[0]
    i, j = (np.linspace(0, side - 1, _SAMPLES) for side in (shape[2], shape[1]))
    plane = np.stack([axis.ravel() for axis in np.meshgrid(i, j)], axis=1)
    placed = np.stack([_to_world(parent, _points(plane, k, matrix)) for k in range(count)])

    # The first slice as a plane: point = origin + a i + b j.
    unknowns = np.column_stack([np.ones(len(plane)), plane])
    fit = np.linalg.lstsq(unknowns, placed[0], rcond=None)[0]
    shifts = (placed - unknowns @ fit).mean(axis=1)
    bending = np.abs(placed - unknowns @ fit - shifts[:, None]).max()
    along = shifts[-1] - shifts[0]
    length = np.linalg.norm(along)
    if count < 2 or length == 0:
        raise GeometryError(f"{name} has a single slice; at least two are needed")
    direction = along / length
    positions = (shifts - shifts[0]) @ direction
    beside = np.abs(shifts - shifts[0] - np.outer(positions, direction)).max()
    if beside > ROUNDING_MM:
        bending = max(bending, beside)
    if bending > TOLERANCE_MM:
        raise GeometryError(
            f"{name} is under {parent.GetName()}, which bends its slices by up to "
            f"{bending:.2f} mm; resample it along straight slices first (Transforms module: "
            "harden; then Resample Scalar/Vector/DWI Volume), or choose the untransformed volume"
        )
    if (np.diff(positions) <= 0).any():
        raise GeometryError(f"{name}: {parent.GetName()} changes the order of its slices")
    world = np.eye(4)
    world[:3, 0], world[:3, 1], world[:3, 3] = fit[1], fit[2], fit[0] + shifts[0]
    world[:3, 2] = along / (count - 1)
    return Grid(shape, world.tolist(), positions.tolist())


def _points(plane, k, matrix):
    ijk = np.column_stack([plane, np.full(len(plane), k), np.ones(len(plane))])
    return (ijk @ matrix.T)[:, :3]


def _to_world(parent, points):
    transform = vtk.vtkGeneralTransform()
    parent.GetTransformToWorld(transform)
    return np.array([transform.TransformPoint(point) for point in points.tolist()])
