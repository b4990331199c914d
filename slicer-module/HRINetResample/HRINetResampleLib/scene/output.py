"""Puts the outputs of a resampling task into the scene."""

import dataclasses
import logging
from typing import Any

import slicer

from . import segmentations, sequences, volumes

log = logging.getLogger("HRINet")

SEGMENTATION_ROLE = "HRINet.Segmentation"
EXPECTED_ERROR_ROLE = "HRINet.ExpectedError"
MARKS_ROLE = "HRINet.InterpolatedSlices"


@dataclasses.dataclass
class Destination:
    """Nodes that the outputs belong to."""

    source: Any  # input volume
    volume: Any = None  # output volume; None: a new one
    parent: Any = None  # transform of the output
    segmentation: Any = None  # source segmentation; None: no segmentation
    segment_ids: Any = ()  # {label: segment id} of each label map of the task
    browser: Any = None  # sequence browser and sequence of the source, where all frames are wanted
    sequence: Any = None
    mark_interpolated: bool = False
    show: bool = False


def put(task, destination):
    """Fills the output nodes from a finished task, and returns the output volume."""
    source, scene = destination.source, slicer.mrmlScene
    if scene.GetNodeByID(source.GetID()) is not source:
        raise volumes.VolumeError(
            "the input volume was removed during the job; nothing was changed"
        )
    scene.SaveStateForUndo()
    output, is_new = _output_volume(destination)
    was_empty = output.GetImageData() is None
    if destination.browser is None:
        outcome = task.outcomes[0]
        volumes.fill(output, task.frames[0].image, outcome.ijk_to_ras, destination.parent)
    else:
        outcome = _put_sequence(task, destination, output)
    if was_empty:
        volumes.copy_display(output, source)
    if is_new:
        volumes.move_beside(output, source)
    volumes.describe(output, source, outcome)
    if destination.segmentation is not None:
        _put_segmentation(task, destination, output)
    if task.frames[0].expected_error is not None:
        _put_expected_error(task.frames[0].expected_error, destination, output, outcome)
    if destination.mark_interpolated:
        marks = _companion(
            output,
            MARKS_ROLE,
            "vtkMRMLLabelMapVolumeNode",
            f"{output.GetName()} interpolated slices",
        )
        volumes.mark_interpolated(marks, output, outcome)
    if destination.show:
        volumes.show(output)
    log.info(
        "HRINet: %s: %d slices, %d known, %d interpolated in %.1f s",
        output.GetName(),
        outcome.slice_count,
        len(outcome.known),
        outcome.interpolated_count,
        task.seconds,
    )
    return output


def _output_volume(destination):
    """Output volume, and whether it is new: none was named, or it was removed during the job."""
    scene, output = slicer.mrmlScene, destination.volume
    if output is not None and scene.GetNodeByID(output.GetID()) is output:
        return output, False
    source = destination.source
    name = scene.GenerateUniqueName(f"{source.GetName()} HRINet")
    return scene.AddNewNodeByClass(source.GetClassName(), name), True


def _put_sequence(task, destination, output):
    """Fills the output's sequence; returns the outcome of the frame that the browser shows."""
    nodes = []
    for frame, outcome in zip(task.frames, task.outcomes):
        node = slicer.vtkMRMLScalarVolumeNode()
        node.SetName(output.GetName())
        volumes.fill(node, frame.image, outcome.ijk_to_ras, None)
        nodes.append(node)
    browser = destination.browser
    current = max(0, browser.GetSelectedItemNumber())
    outcome = task.outcomes[current]
    volumes.fill(output, task.frames[current].image, outcome.ijk_to_ras, destination.parent)
    sequences.fill(browser, destination.sequence, nodes, output)
    return outcome


def _put_segmentation(task, destination, output):
    source = destination.segmentation
    name = f"{source.GetName()} HRINet"
    node = _companion(output, SEGMENTATION_ROLE, "vtkMRMLSegmentationNode", name)
    layers = list(zip(task.layers_output, destination.segment_ids))
    segmentations.fill(node, source, output, layers)
    volumes.move_beside(node, source)


def _put_expected_error(image, destination, output, outcome):
    name = f"{output.GetName()} expected error"
    node = _companion(output, EXPECTED_ERROR_ROLE, "vtkMRMLScalarVolumeNode", name)
    was_empty = node.GetImageData() is None
    volumes.fill(node, image, outcome.ijk_to_ras, destination.parent)
    volumes.describe(node, destination.source, outcome)
    node.SetAttribute(volumes.ATTRIBUTE + "Quantity", "expected absolute error in HU")
    if was_empty:
        volumes.set_expected_error_display(node)


def _companion(output, role, class_name, name):
    """Node that belongs to an output: that of an earlier run, or a new one beside it."""
    found = output.GetNodeReference(role)
    if found is None:
        scene = slicer.mrmlScene
        found = scene.AddNewNodeByClass(class_name, scene.GenerateUniqueName(name))
        output.SetNodeReferenceID(role, found.GetID())
        volumes.move_beside(found, output)
    return found
