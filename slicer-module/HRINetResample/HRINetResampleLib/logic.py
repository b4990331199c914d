"""Everything the module does, for scripts and for the panel.

    logic = slicer.util.getModuleLogic("HRINetResample")
    fine = logic.resample(slicer.util.getNode("CT"))
"""

import logging

import numpy as np
import slicer
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from . import adaptation, adapting, geometry, hrinet, jobs, placement, segments, sequences, task
from . import volumes
from .parameters import DEFAULT_MODEL, HRINetResampleParameterNode

log = logging.getLogger("HRINet")
SEGMENTATION_ROLE = "HRINet.Segmentation"
ERRORS_ROLE = "HRINet.ExpectedError"
MARKS_ROLE = "HRINet.SyntheticSlices"


class HRINetResampleLogic(ScriptedLoadableModuleLogic):
    """Works without a GUI."""

    def getParameterNode(self):
        """The module's parameters in the scene."""
        return HRINetResampleParameterNode(super().getParameterNode())

    def resample(self, volumeNode, **choices):
        """Makes the slices in between and gives the output node; the application stays alive.

        `choices` are those of `start`. Raises `hrinet.Cancelled` where the task was cancelled, and
        another error, whose message is for the user, where it could not be done; the scene is then
        as it was.
        """
        work = self.start(volumeNode, **choices)
        work.wait()
        return work.finish()

    def start(
        self,
        volumeNode,
        outputVolume=None,
        segmentation=None,
        segmentationMethod="auto",
        spacing="isotropic",
        factor=2,
        spacingMm=1.0,
        likeVolume=None,
        axis="auto",
        model=DEFAULT_MODEL,
        device="auto",
        threads=0,
        separateProcess=False,
        markSynthetic=False,
        confidence=False,
        allFrames=False,
        show=False,
    ):
        """Begins, and gives a task: `finished`, `cancel()`, `finish()` (the output node).

        outputVolume: the node to fill; a new one, named after the input, where None.
        segmentation: comes along; the one made is found by `segmentationOf(output)`.
        segmentationMethod: "anatomy" (outlines move with the tissue; needs a model that finds motion),
        "shape", "nearest", or "auto": "anatomy" where the model finds motion, else "shape".
        spacing: "isotropic", "factor" (with `factor`), "nearest" or "exact" (with `spacingMm`),
        "like" (with `likeVolume`). axis: "auto", "i", "j", "k". model: a shipped name, "linear",
        "cubic", or a checkpoint file. device: "auto", "cpu", "cuda:0"... threads: 0 for all cores
        but one. separateProcess: never on a thread of Slicer. markSynthetic: also a label map that
        is 1 in slices that were made. confidence: also a volume of the expected absolute error of
        every voxel in HU, found by `expectedErrorOf(output)`; the model must have learnt it. allFrames: of the sequence that `volumeNode` shows.
        show: in the slice views.
        """
        if outputVolume is not None and outputVolume is volumeNode:
            raise volumes.VolumeError("input and output are the same volume; choose another output")
        options = self.optionsFor(volumeNode, spacing, factor, spacingMm, likeVolume, axis)
        settings = jobs.Settings(options, model, device, threads, segmentationMethod)
        browser, sequence = sequences.browser_of(volumeNode) if allFrames else (None, None)
        if allFrames and sequence is None:
            raise volumes.VolumeError(f"{volumeNode.GetName()} shows no sequence")
        if confidence and sequence is not None:
            raise volumes.VolumeError("expected errors are of one volume; choose no sequence with them")
        sources = sequences.frames_of(sequence) if sequence else [volumeNode]
        transform = volumeNode.GetParentTransformNode()
        frames, parent = [], None
        for source in sources:
            frame, parent = self._frame(source, transform, options, len(sources), confidence)
            frames.append(frame)
        layers = segments.layers_of(segmentation, volumeNode) if segmentation else []

        def finish(done):
            return self._finish(done, volumeNode, outputVolume, parent, segmentation, layers,
                                (browser, sequence), markSynthetic, show)

        return task.Task(frames, settings, separateProcess, [labels for labels, _ in layers], finish)

    def adapt(self, volumeNode, modelPath=None, **choices):
        """Adapts the model to a volume and measures what that gains; the application stays alive.

        Gives an answer with `psnrBefore`, `psnrAfter`, `gain` (dB, on slices held out), `measured`
        (how many), `checksum` and `modelPath`, a file that `resample(volumeNode, model=...)` takes:
        `modelPath` where given, else one in the user's folder. Where `gain` is not positive, the
        shipped model is the better one: `discard()` removes the file. `choices` are those of
        `startAdapting`. Raises as `resample` does; then there is no file.
        """
        work = self.startAdapting(volumeNode, **choices)
        work.wait()
        adapted = work.finish()
        adapted.keep(modelPath)
        return adapted

    def startAdapting(self, volumeNode, model=DEFAULT_MODEL, steps=adapting.STEPS, axis="auto",
                      device="auto", threads=0, separateProcess=False, seed=0):
        """Begins, and gives a task: `finished`, `cancel()`, `finish()` (as `adapt`'s answer, its file
        not kept yet: `keep()` or `discard()`).

        steps: of training. seed: of the choice of slices; the other choices are those of `start`.
        """
        if int(steps) < 1:
            raise volumes.VolumeError(f"{steps} steps of training are too few; it takes at least 1")
        voxels = volumes.voxels_of(volumeNode)
        grid, _parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
        request = adapting.Request(str(model), device, threads, axis, int(steps), seed)
        return adaptation.AdaptTask(grid, request, voxels, volumeNode.GetName(), separateProcess)

    def optionsFor(self, volumeNode, spacing="isotropic", factor=2, spacingMm=1.0, likeVolume=None,
                   axis="auto"):
        """The library's options; raises where the volume cannot be worked on."""
        volumes.voxels_of(volumeNode)
        options = hrinet.Options(spacing, factor, spacingMm, axis)
        if spacing == "like":
            volumes.voxels_of(likeVolume)
            _, parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
            options.like_shape, options.like_ijk_to_ras = geometry.like_of(likeVolume, parent)
        return options

    def question(self, volumeNode, **choices):
        """(grid, dtype, options): what `placement.outcome` needs to tell what will come out."""
        options = self.optionsFor(volumeNode, **choices)
        grid, _parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
        return grid, volumes.voxels_of(volumeNode).dtype, options

    def _frame(self, node, transform, options, count, confidence=False):
        voxels = volumes.voxels_of(node)
        grid, parent = geometry.grid_of(node, transform)
        promised = placement.outcome(grid, voxels.dtype, options)
        errors = promised.bytes_of(np.float32) if confidence else 0
        jobs.check_memory((promised.bytes_of(voxels.dtype) + errors) * count)
        image = volumes.empty_image(promised.shape, node.GetImageData().GetScalarType())
        frame = task.Frame(grid, voxels, promised, image)
        if confidence:
            frame.errors = volumes.empty_image(promised.shape, vtk.VTK_FLOAT)
        return frame, parent

    def _finish(self, done, source, output, parent, segmentation, layers, sequence, mark, show):
        scene = slicer.mrmlScene
        if scene.GetNodeByID(source.GetID()) is not source:
            raise volumes.VolumeError("the input volume was removed meanwhile; nothing was changed")
        scene.SaveStateForUndo()
        if output is not None and scene.GetNodeByID(output.GetID()) is not output:
            output = None
        is_new = output is None
        if is_new:
            output = scene.AddNewNodeByClass(
                source.GetClassName(), scene.GenerateUniqueName(f"{source.GetName()} HRINet")
            )
        was_empty = output.GetImageData() is None
        browser, frames = sequence
        outcome = done.outcomes[0]
        if browser is not None:
            outcome = self._finish_sequence(done, output, parent, browser, frames, source)
        else:
            volumes.put(output, done.frames[0].image, outcome.ijk_to_ras, parent)
        if was_empty:
            volumes.look_like(output, source)
        if is_new:
            volumes.put_beside(output, source)
        volumes.describe(output, source, outcome)
        if segmentation is not None:
            self._finish_segmentation(done, output, segmentation, layers)
        if done.frames[0].errors is not None:
            self._finish_errors(done.frames[0].errors, output, source, outcome, parent)
        if mark:
            marks = self._companion(output, MARKS_ROLE, "vtkMRMLLabelMapVolumeNode", "synthetic slices")
            volumes.mark_synthetic(marks, output, outcome)
        if show:
            volumes.show(output)
        log.info("HRINet: %s: %d slices, %d kept, %d made in %.1f s", output.GetName(),
                 outcome.slice_count, len(outcome.known), outcome.made_count, done.seconds)
        return output

    def _finish_sequence(self, done, output, parent, browser, frames, source):
        nodes = []
        for frame, outcome in zip(done.frames, done.outcomes):
            node = slicer.vtkMRMLScalarVolumeNode()
            node.SetName(output.GetName())
            volumes.put(node, frame.image, outcome.ijk_to_ras, None)
            nodes.append(node)
        current = max(0, browser.GetSelectedItemNumber())
        volumes.put(output, done.frames[current].image, done.outcomes[current].ijk_to_ras, parent)
        sequences.put(browser, frames, nodes, output)
        return done.outcomes[current]

    def _finish_segmentation(self, done, output, segmentation, layers):
        made = self._companion(output, SEGMENTATION_ROLE, "vtkMRMLSegmentationNode", None,
                               f"{segmentation.GetName()} HRINet")
        brought = [(labels, ids) for labels, (_, ids) in zip(done.layers_made, layers)]
        segments.fill(made, segmentation, output, brought)
        volumes.put_beside(made, segmentation)

    def _finish_errors(self, image, output, source, outcome, parent):
        errors = self._companion(output, ERRORS_ROLE, "vtkMRMLScalarVolumeNode", "expected error")
        was_empty = errors.GetImageData() is None
        volumes.put(errors, image, outcome.ijk_to_ras, parent)
        volumes.describe(errors, source, outcome)
        errors.SetAttribute(volumes.ATTRIBUTE + "Quantity", "expected absolute error in HU")
        if was_empty:
            volumes.look_like_errors(errors)

    def _companion(self, output, role, class_name, what, name=None):
        """The node that belongs to an output: that of an earlier run, or a new one."""
        found = output.GetNodeReference(role)
        if found is None:
            found = slicer.mrmlScene.AddNewNodeByClass(
                class_name, slicer.mrmlScene.GenerateUniqueName(name or f"{output.GetName()} {what}")
            )
            output.SetNodeReferenceID(role, found.GetID())
            if what:
                volumes.put_beside(found, output)
        return found

    def expectedErrorOf(self, outputVolume):
        """The volume of expected errors that came along with an output; None where there is none."""
        return outputVolume.GetNodeReference(ERRORS_ROLE)

    def segmentationOf(self, outputVolume):
        """The segmentation that came along with an output; None where there is none."""
        return outputVolume.GetNodeReference(SEGMENTATION_ROLE)

    def toOriginalSlices(self, segmentation, outputVolume, originalVolume=None):
        """A segmentation drawn on the output, on the slices of the input: a new segmentation node.

        Known slices give theirs; where an original slice is not in the output, the nearest does.
        """
        original = originalVolume or outputVolume.GetNodeReference(volumes.INPUT_ROLE)
        if original is None:
            raise volumes.VolumeError(
                f"{outputVolume.GetName()} does not say which volume it was made from; name it"
            )
        axis = "ijk".find(outputVolume.GetAttribute(volumes.ATTRIBUTE + "SliceAxis") or "k")
        nearest = self._nearest(outputVolume, original, axis)
        layers = [(segments.kept(labels, axis, nearest), ids)
                  for labels, ids in segments.layers_of(segmentation, outputVolume)]
        expected = tuple(geometry.shape_of(original))
        if layers[0][0].shape != expected:
            raise volumes.VolumeError(
                f"{original.GetName()} is not what {outputVolume.GetName()} was made from: "
                f"its size is {expected[::-1]}"
            )
        made = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode",
            slicer.mrmlScene.GenerateUniqueName(f"{segmentation.GetName()} on original slices"),
        )
        segments.fill(made, segmentation, original, layers)
        volumes.put_beside(made, segmentation)
        return made

    def _nearest(self, output, original, axis):
        """For each original slice the output's index: the same slice, else the nearest."""
        grid, parent = geometry.grid_of(original, original.GetParentTransformNode())
        start, end = np.array(grid.ijk_to_ras), geometry.matrix_of(output)
        step = end[:3, axis]
        count = grid.shape[2 - axis]
        spacing = np.linalg.norm(start[:3, axis])
        positions = np.arange(count) * spacing
        if grid.positions is not None and axis == 2:
            positions = np.array(grid.positions)
        origin = (start[:3, 3] - end[:3, 3]) @ step / (step @ step)
        places = origin + positions * ((start[:3, axis] / spacing) @ step) / (step @ step)
        last = geometry.shape_of(output)[2 - axis] - 1
        nearest = np.clip(np.rint(places), 0, last).astype(int)
        for made, first in volumes.known_slices(output).items():
            if first < count:
                nearest[first] = made
        return nearest
