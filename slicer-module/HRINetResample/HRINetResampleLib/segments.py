"""Segmentations: segments as label maps on a volume's grid, and back."""

import numpy as np
import slicer

_LAYER_LABELS = 255  # of uint8


class SegmentationError(RuntimeError):
    """A segmentation that cannot be used; the message says why."""


def layers_of(segmentation_node, volume_node):
    """The segments on the volume's grid: [(labels [k, j, i] in uint8, {label: segment id})].

    Segments that overlap get layers of their own.
    """
    segmentation = segmentation_node.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0:
        raise SegmentationError(f"{segmentation_node.GetName()} has no segments")
    layers = []
    for segment_id in list(segmentation.GetSegmentIDs()):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(
            segmentation_node, segment_id, volume_node
        ) > 0
        for labels, ids in layers:
            if len(ids) < _LAYER_LABELS and not labels[mask].any():
                break
        else:
            labels, ids = np.zeros(mask.shape, np.uint8), {}
            layers.append((labels, ids))
        labels[mask] = len(ids) + 1
        ids[len(ids) + 1] = segment_id
    return layers


def fill(target_node, source_node, volume_node, layers):
    """Makes the target hold the source's segments, names and colours with other voxels: `layers`
    as of `layers_of`, on the grid of `volume_node`."""
    source, target = source_node.GetSegmentation(), target_node.GetSegmentation()
    target.RemoveAllSegments()
    target_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    target_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    where = {segment_id: (labels, label) for labels, ids in layers for label, segment_id in ids.items()}
    for segment_id in list(source.GetSegmentIDs()):
        segment = slicer.vtkSegment()
        segment.DeepCopyMetadata(source.GetSegment(segment_id))
        target.AddSegment(segment, segment_id)
        labels, label = where[segment_id]
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            (labels == label).astype(np.uint8), target_node, segment_id, volume_node
        )
    if target_node.GetDisplayNode() is None:
        target_node.CreateDefaultDisplayNodes()


def kept(labels, axis, nearest):
    """Label slices at output indices `nearest` across an axis (0 i, 1 j, 2 k)."""
    return np.ascontiguousarray(np.take(labels, nearest, axis=2 - axis))
