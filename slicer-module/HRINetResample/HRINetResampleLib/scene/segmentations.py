"""Segmentation nodes: segments as label maps on a volume's grid, and back."""

import contextlib

import numpy as np
import slicer
import vtk

from . import geometry, volumes

_LABELS_PER_LAYER = 255  # of uint8


class SegmentationError(RuntimeError):
    """A segmentation that cannot be used; the message says why."""


def layers_of(segmentation_node, volume_node, segment_ids=None):
    """Label maps of segments on the volume's grid: [(labels [k, j, i], {label: segment id})].

    All segments, or those of `segment_ids`. The labels are uint8. Overlapping segments are in
    different layers.
    """
    segmentation = segmentation_node.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0:
        raise SegmentationError(f"{segmentation_node.GetName()} has no segments")
    layers = []
    with _temporary_label_map() as label_map:
        for segment_id in segment_ids or list(segmentation.GetSegmentIDs()):
            mask = _mask_of(segmentation_node, segment_id, volume_node, label_map)
            for labels, ids in layers:
                if len(ids) < _LABELS_PER_LAYER and not labels[mask].any():
                    break
            else:
                labels, ids = np.zeros(mask.shape, np.uint8), {}
                layers.append((labels, ids))
            labels[mask] = len(ids) + 1
            ids[len(ids) + 1] = segment_id
    return layers


@contextlib.contextmanager
def _temporary_label_map():
    """Label map node that is removed afterwards, with the nodes that Slicer's export adds.

    These are a display node and a colour table for each segment, some of which `slicer.util`'s
    functions for a segment's array leave behind.
    """
    scene = slicer.mrmlScene
    before = _display_nodes()
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "HRINet temporary")
    try:
        yield node
    finally:
        scene.RemoveNode(node)
        for added in _display_nodes() - before:
            scene.RemoveNode(added)


def _display_nodes():
    return {
        node
        for class_name in ("vtkMRMLLabelMapVolumeDisplayNode", "vtkMRMLColorTableNode")
        for node in slicer.util.getNodesByClass(class_name)
    }


def _mask_of(segmentation_node, segment_id, volume_node, label_map):
    ids = vtk.vtkStringArray()
    ids.InsertNextValue(segment_id)
    exported = slicer.modules.segmentations.logic().ExportSegmentsToLabelmapNode(
        segmentation_node,
        ids,
        label_map,
        volume_node,
        slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY,
    )
    if not exported:
        raise SegmentationError(
            f"segment {segment_id} of {segmentation_node.GetName()} cannot be resampled to the "
            f"slices of {volume_node.GetName()}"
        )
    return volumes.array_of(label_map.GetImageData()) > 0


def fill(target_node, source_node, volume_node, layers):
    """Fills the target with the source's segments, names and colours, and the voxels of `layers`.

    `layers` are as those of `layers_of`, on the grid of `volume_node`.
    """
    source, target = source_node.GetSegmentation(), target_node.GetSegmentation()
    target.RemoveAllSegments()
    target_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    target_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    matrix = geometry.matrix_of(volume_node)
    labels_of = {
        segment_id: (labels, label) for labels, ids in layers for label, segment_id in ids.items()
    }
    for segment_id in list(source.GetSegmentIDs()):
        segment = slicer.vtkSegment()
        segment.DeepCopyMetadata(source.GetSegment(segment_id))
        target.AddSegment(segment, segment_id)
        labels, label = labels_of[segment_id]
        _set_mask(target_node, segment_id, labels == label, matrix)
    if target_node.GetDisplayNode() is None:
        target_node.CreateDefaultDisplayNodes()


def show(target_node, source_node, volume_node, layers):
    """Gives segments of `target_node` the voxels of `layers`, on the grid of `volume_node`.

    Both segmentations have the same parent transform. Segments that the target lacks are added with
    the names and colours of the source. Other segments, overlapping ones too, are not changed.
    """
    target, source = target_node.GetSegmentation(), source_node.GetSegmentation()
    to_world = geometry.matrix_to_world(volume_node.GetParentTransformNode())
    own_to_world = geometry.matrix_to_world(source_node.GetParentTransformNode())
    matrix = np.linalg.inv(own_to_world) @ to_world @ geometry.matrix_of(volume_node)
    for labels, ids in layers:
        for label, segment_id in ids.items():
            if target.GetSegment(segment_id) is None:
                segment = slicer.vtkSegment()
                segment.SetName(source.GetSegment(segment_id).GetName())
                segment.SetColor(source.GetSegment(segment_id).GetColor())
                target.AddSegment(segment, segment_id)
            _set_mask(target_node, segment_id, labels == label, matrix)


def _set_mask(segmentation_node, segment_id, mask, matrix):
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(volumes.empty_image(mask.shape, vtk.VTK_UNSIGNED_CHAR))
    volumes.array_of(image)[...] = mask
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        image,
        segmentation_node,
        segment_id,
        slicer.vtkSlicerSegmentationsModuleLogic.MODE_REPLACE,
    )


def select_slices(labels, axis, indices, offsets, shape):
    """Slices of a label map at `indices` across an axis (0 i, 1 j, 2 k).

    Of each slice the part that begins at its [column, row] of `offsets`; `shape` [k, j, i] is that
    of the result. Slices without offsets are whole.
    """
    if not offsets.any():
        return np.ascontiguousarray(np.take(labels, indices, axis=2 - axis))
    rows, columns = (side for at, side in enumerate(shape) if at != 2 - axis)
    slices = []
    for index, (column, row) in zip(indices, offsets):
        plane = np.take(labels, index, axis=2 - axis)
        slices.append(plane[row : row + rows, column : column + columns])
    return np.ascontiguousarray(np.stack(slices, axis=2 - axis))
