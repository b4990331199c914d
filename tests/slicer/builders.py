"""Builds volumes, transforms and segmentations for the tests."""

import numpy as np
import slicer
import vtk


def oblique(spacing=(0.5, 0.5, 2.0), origin=(10, 20, -30)):
    """IJK to RAS matrix of a grid that is rotated about two axes."""
    a, b = np.radians(20), np.radians(-35)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag(spacing)
    matrix[:3, 3] = origin
    return matrix


def volume(shape=(7, 40, 48), matrix=None, name="Thick", seed=0, dtype=np.int16):
    """Volume node of smooth shapes with some noise."""
    k, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    voxels = 400 * np.sin(i / 5 + k / 3) * np.cos(j / 7) - 200
    voxels += np.random.default_rng(seed).normal(0, 20, shape)
    return slicer.util.addVolumeFromArray(
        voxels.astype(dtype), ijkToRAS=oblique() if matrix is None else matrix, name=name
    )


def read(path, name):
    """Volume node of a file; exits if it cannot be read."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    reader = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    reader.SetFileName(path)
    if not reader.ReadData(node):
        raise SystemExit(f"{path} cannot be read")
    return node


def linear(matrix, name="Linear"):
    """Linear transform node."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def rigid():
    """Matrix of a rotation and a translation."""
    return oblique(spacing=(1, 1, 1), origin=(-7, 3, 11))


def grid_transform(node, targets, name="Acquisition"):
    """Transform as Slicer's DICOM import creates it: displacements at the corners of every slice.

    `targets(k)`: RAS position of the slice's first voxel, and its steps along i and j.
    """
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    start = slicer.util.arrayFromVTKMatrix(matrix)
    columns, rows, slices = node.GetImageData().GetDimensions()
    field = vtk.vtkImageData()
    field.SetDimensions(2, 2, slices)
    spacing = np.linalg.norm(start[:3, :3], axis=0)
    field.SetOrigin(*start[:3, 3])
    field.SetSpacing((columns - 1) * spacing[0], (rows - 1) * spacing[1], spacing[2])
    field.AllocateScalars(vtk.VTK_DOUBLE, 3)
    transform = slicer.vtkOrientedGridTransform()
    directions = np.eye(4)
    directions[:3, :3] = start[:3, :3] / spacing
    transform.SetGridDirectionMatrix(slicer.util.vtkMatrixFromArray(directions))
    transform.SetInterpolationModeToLinear()
    for k in range(slices):
        origin, along_i, along_j = targets(k)
        for j in (0, 1):
            for i in (0, 1):
                corner = np.array([i * (columns - 1), j * (rows - 1), k, 1.0])
                source = (start @ corner)[:3]
                target = origin + corner[0] * along_i + corner[1] * along_j
                for axis in range(3):
                    field.SetScalarComponentFromDouble(i, j, k, axis, (target - source)[axis])
    transform.SetDisplacementGridData(field)
    transform_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", name)
    transform_node.SetAndObserveTransformToParent(transform)
    return transform_node


def segmentation(reference, masks, name="Segments"):
    """Segmentation node of masks [k, j, i] by name."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    for index, (segment, mask) in enumerate(masks.items()):
        node.GetSegmentation().AddEmptySegment(segment, segment.title(), (0.1 * index, 0.5, 0.3))
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            mask.astype(np.uint8), node, segment, reference
        )
    return node


def array(node):
    """Voxels [k, j, i] of a node."""
    return slicer.util.arrayFromVolume(node)


def world(node, ijk):
    """World coordinates of a voxel, through all transforms."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    point = slicer.util.arrayFromVTKMatrix(matrix) @ np.array([*ijk, 1.0])
    parent = node.GetParentTransformNode()
    if parent is None:
        return point[:3]
    transform = vtk.vtkGeneralTransform()
    parent.GetTransformToWorld(transform)
    return np.array(transform.TransformPoint(point[:3].tolist()))


def contents():
    """Class, ID and name of every node of the scene."""
    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return sorted((n.GetClassName(), n.GetID(), n.GetName()) for n in nodes)
