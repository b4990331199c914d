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
    return _Writer(task, destination).put()


class _Writer:
    """Fills the output nodes of one task."""

    def __init__(self, task, destination):
        self._task, self._destination = task, destination
        self._created = []

    def put(self):
        task, destination = self._task, self._destination
        output = self._output_volume()
        is_new, was_empty = output in self._created, output.GetImageData() is None
        if destination.browser is None:
            outcome = task.outcomes[0]
            volumes.fill(output, task.frames[0].image, outcome.ijk_to_ras, destination.parent)
        else:
            outcome = self._put_sequence(output)
        if was_empty:
            volumes.copy_display(output, destination.source)
        if is_new:
            volumes.move_beside(output, destination.source)
        volumes.describe(output, destination.source, outcome)
        if destination.segmentation is not None:
            self._put_segmentation(output)
        if task.frames[0].expected_error is not None:
            self._put_expected_error(output, outcome)
        if destination.mark_interpolated:
            self._put_marks(output, outcome)
        if destination.show:
            volumes.show(output)
        self._enable_undo()
        for warning in outcome.warnings:
            log.warning("HRINet: %s: %s", output.GetName(), warning)
        log.info(
            "HRINet: %s: %d slices, %d known, %d interpolated in %.1f s",
            output.GetName(),
            outcome.slice_count,
            len(outcome.known),
            outcome.interpolated_count,
            task.seconds,
        )
        return output

    def _output_volume(self):
        """The chosen output; a new one if none was chosen, or if it was removed during the job."""
        chosen, source = self._destination.volume, self._destination.source
        if chosen is not None and slicer.mrmlScene.GetNodeByID(chosen.GetID()) is chosen:
            return chosen
        return self._create(source.GetClassName(), f"{source.GetName()} HRINet")

    def _put_sequence(self, output):
        """Fills the output's sequence; returns the outcome of the frame that the browser shows."""
        task, destination = self._task, self._destination
        nodes = []
        for frame, outcome in zip(task.frames, task.outcomes):
            node = slicer.vtkMRMLScalarVolumeNode()
            node.SetName(output.GetName())
            volumes.fill(node, frame.image, outcome.ijk_to_ras, None)
            nodes.append(node)
        current = max(0, destination.browser.GetSelectedItemNumber())
        outcome = task.outcomes[current]
        volumes.fill(output, task.frames[current].image, outcome.ijk_to_ras, destination.parent)
        sequences.fill(destination.browser, destination.sequence, nodes, output)
        return outcome

    def _put_segmentation(self, output):
        source = self._destination.segmentation
        name = f"{source.GetName()} HRINet"
        node = self._companion(output, SEGMENTATION_ROLE, "vtkMRMLSegmentationNode", name)
        layers = list(zip(self._task.layers_output, self._destination.segment_ids))
        segmentations.fill(node, source, output, layers)
        volumes.move_beside(node, source)

    def _put_expected_error(self, output, outcome):
        name = f"{output.GetName()} expected error"
        node = self._companion(output, EXPECTED_ERROR_ROLE, "vtkMRMLScalarVolumeNode", name)
        was_empty = node.GetImageData() is None
        image = self._task.frames[0].expected_error
        volumes.fill(node, image, outcome.ijk_to_ras, self._destination.parent)
        volumes.describe(node, self._destination.source, outcome)
        node.SetAttribute(volumes.ATTRIBUTE + "Quantity", "expected absolute error in HU")
        if was_empty:
            volumes.set_expected_error_display(node)

    def _put_marks(self, output, outcome):
        name = f"{output.GetName()} interpolated slices"
        node = self._companion(output, MARKS_ROLE, "vtkMRMLLabelMapVolumeNode", name)
        volumes.mark_interpolated(node, output, outcome)

    def _companion(self, output, role, class_name, name):
        """Node that belongs to an output: that of an earlier run, or a new one beside it."""
        found = output.GetNodeReference(role)
        if found is None:
            found = self._create(class_name, name)
            output.SetNodeReferenceID(role, found.GetID())
            volumes.move_beside(found, output)
        return found

    def _create(self, class_name, name):
        scene = slicer.mrmlScene
        node = scene.AddNewNodeByClass(class_name, scene.GenerateUniqueName(name))
        self._created.append(node)
        return node

    def _enable_undo(self):
        """Lets undo remove the new nodes, where undo is enabled for the input."""
        if not self._destination.source.GetUndoEnabled():
            return
        for node in self._created:
            node.SetUndoEnabled(True)
            for index in range(node.GetNumberOfDisplayNodes()):
                node.GetNthDisplayNode(index).SetUndoEnabled(True)
