"""API of the module, for scripts and for the panel.

    logic = slicer.util.getModuleLogic("HRINetResample")
    fine = logic.resample(slicer.util.getNode("CT"))

Names are camelCase here, as in Slicer's own logics.
"""

import dataclasses
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .binding import hrinet
from .binding.handles import whole_number
from .binding.models import DEFAULT_MODEL
from .compute import backend, derived_series, fine_tuning, preview, resampling
from .fine_tuning_task import FineTuningTask
from .panel.parameters import HRINetResampleParameterNode
from .program_tasks import DerivedSeriesTask, SelfCheckTask
from .scene import dicom_database, geometry, output, segmentations, sequences, volumes
from .task import Frame, ResampleTask


@dataclasses.dataclass
class ResampleChoices:
    """Choices of `resample` and `start`.

    outputVolume: node to fill; None: a new one, named after the input.
    segmentation: node to resample along with the volume; `segmentationOf(output)` returns the
        new one.
    segmentationMethod: "anatomy" (outlines follow the anatomy; needs a model with a flow), "shape"
        (outlines alone), "nearest", or "auto": "anatomy" if the model has a flow, else "shape".
    spacing: "isotropic", "factor" (with `factor`), "nearest" or "exact" (with `spacingMm`), or
        "like" (with `likeVolume`).
    axis: slice axis, "auto", "i", "j" or "k".
    keepTilt: leave the output of a tilted gantry sheared, with known slices bit for bit, instead of
        moving the slices in their plane onto a right-angled grid.
    model: a shipped model, "linear", "cubic", or the path of a checkpoint file.
    device: "auto", "cpu", "cuda" or "cuda:N".
    precision: "auto" (bfloat16 where the processor is faster in it), "float32" or "bfloat16", for
        networks.
    ensemble: interpolate every slice twice, with its neighbours in either order, and average:
        slightly more accurate in nearly twice the time.
    window: grey values (low, high) that a network sees as its own window, for volumes that are not
        in Hounsfield units.
    threads: CPU threads; 0: all cores but one.
    separateProcess: run in a subprocess, never on a thread of Slicer.
    markInterpolated: also a label map: 1 in interpolated slices, 0 in known ones.
    expectedError: also a volume of the expected absolute error of every voxel in HU, which
        `expectedErrorOf(output)` returns; the model must predict it.
    allFrames: resample all frames of the sequence that the volume shows.
    show: show the output in the slice views.
    """

    outputVolume: Any = None
    segmentation: Any = None
    segmentationMethod: str = "auto"
    spacing: str = "isotropic"
    factor: int = 2
    spacingMm: float = 1.0
    likeVolume: Any = None
    axis: str = "auto"
    keepTilt: bool = False
    model: str = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "auto"
    ensemble: bool = False
    window: Any = None
    threads: int = 0
    separateProcess: bool = False
    markInterpolated: bool = False
    expectedError: bool = False
    allFrames: bool = False
    show: bool = False


@dataclasses.dataclass
class FineTuningChoices:
    """Choices of `fineTune` and `startFineTuning`.

    model: a shipped hrinet-motion model, or the path of a checkpoint file of one.
    steps: training steps.
    seed: seed of the choice of training slices.
    axis, device, threads, separateProcess: as in `ResampleChoices`.
    """

    model: str = DEFAULT_MODEL
    steps: int = fine_tuning.STEPS
    axis: str = "auto"
    device: str = "auto"
    threads: int = 0
    separateProcess: bool = False
    seed: int = 0


class HRINetResampleLogic(ScriptedLoadableModuleLogic):
    """Logic of the module; works without a GUI."""

    def getParameterNode(self):
        """Parameter node of the module in the scene."""
        return HRINetResampleParameterNode(super().getParameterNode())

    def resample(self, volumeNode, choices=None, **fields):
        """Resamples a volume and returns the output node; the application stays responsive.

        `choices` is a `ResampleChoices`; its fields can be given by name instead. Raises
        `hrinet.Cancelled` if the task is cancelled, and other errors with a message for the user;
        the scene is then unchanged.
        """
        task = self.start(volumeNode, choices, **fields)
        task.wait()
        return task.finish()

    def start(self, volumeNode, choices=None, **fields):
        """Starts resampling and returns a task: `finished`, `cancel()`, `finish()` (output node).

        `choices` is a `ResampleChoices`; its fields can be given by name instead.
        """
        choices = dataclasses.replace(choices or ResampleChoices(), **fields)
        if choices.outputVolume is not None and choices.outputVolume is volumeNode:
            raise volumes.VolumeError("input and output are the same volume; choose another output")
        options = self._options(volumeNode, choices)
        settings = self._settings(options, choices)
        destination = output.Destination(
            volumeNode,
            choices.outputVolume,
            segmentation=choices.segmentation,
            mark_interpolated=choices.markInterpolated,
            show=choices.show,
        )
        sources = [volumeNode]
        if choices.allFrames:
            destination.browser, destination.sequence = self._sequence(volumeNode, choices)
            sources = sequences.frames_of(destination.sequence)
        transform = volumeNode.GetParentTransformNode()
        frames = []
        for source in sources:
            frame, destination.parent = self._frame(
                source, transform, options, len(sources), choices.expectedError
            )
            frames.append(frame)
        label_maps = []
        if choices.segmentation is not None:
            layers = segmentations.layers_of(choices.segmentation, volumeNode)
            label_maps = [labels for labels, _ in layers]
            destination.segment_ids = [ids for _, ids in layers]
        return ResampleTask(
            frames,
            settings,
            choices.separateProcess,
            label_maps,
            lambda task: output.put(task, destination),
        )

    def fineTune(self, volumeNode, modelPath=None, choices=None, **fields):
        """Fine-tunes a model on a volume and measures the gain; the application stays responsive.

        Returns an object with `psnrBefore`, `psnrAfter` and `gain` (dB, on held-out slices),
        `compared` (how many), `checksum`, and `modelPath`, a file for `resample(volumeNode,
        model=...)`: the argument `modelPath`, or a file in the user's folder. If `gain` is not
        positive, the shipped model is better: `discard()` removes the file. `choices` is a
        `FineTuningChoices`; its fields can be given by name instead. Raises as `resample` does;
        then there is no file.
        """
        task = self.startFineTuning(volumeNode, choices, **fields)
        task.wait()
        model = task.finish()
        model.keep(modelPath)
        return model

    def startFineTuning(self, volumeNode, choices=None, **fields):
        """Starts fine-tuning and returns a task: `finished`, `cancel()`, `finish()`.

        `finish` returns an object like that of `fineTune`, whose file is temporary: call its
        `keep()` or `discard()`. `choices` is a `FineTuningChoices`; its fields can be given by
        name instead.
        """
        choices = dataclasses.replace(choices or FineTuningChoices(), **fields)
        if int(choices.steps) < 1:
            raise volumes.VolumeError(
                f"{choices.steps} training steps are too few; at least 1 is needed"
            )
        steps = whole_number("steps", choices.steps)
        voxels = volumes.voxels_of(volumeNode)
        grid, _parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
        request = fine_tuning.Request(
            str(choices.model),
            choices.device,
            choices.threads,
            volumes.slice_axis_of(volumeNode, choices.axis),
            steps,
            choices.seed,
        )
        return FineTuningTask(grid, request, voxels, volumeNode.GetName(), choices.separateProcess)

    def toDicomDatabase(self, volumeNode, choices=None, **fields):
        """Derives a DICOM series and adds it to the database; the application stays responsive.

        The series is what `resample` makes of the volume's files in Slicer's DICOM database, in the
        same study. Returns an object with `series_uid`, `file_count`, `known_count`,
        `interpolated_count` and `warnings`. `choices` is a `ResampleChoices`, of which spacing,
        model and what concerns the computation are used. Raises as `resample` does.
        """
        task = self.startDerivedSeries(volumeNode, choices, **fields)
        task.wait()
        return task.finish()

    def startDerivedSeries(self, volumeNode, choices=None, **fields):
        """Starts deriving a DICOM series and returns a task: `finished`, `cancel()`, `finish()`.

        `finish` adds the series to the database, and returns what `toDicomDatabase` does.
        """
        choices = dataclasses.replace(choices or ResampleChoices(), **fields)
        files = dicom_database.files_of(volumeNode)
        settings = self._settings(self._options(volumeNode, choices), choices)
        derived_series.arguments_of(settings)
        return DerivedSeriesTask(files, settings)

    def selfCheck(self, volumeNode, choices=None, **fields):
        """Measures how well the model works on a volume; the application stays responsive.

        Every second slice is left out and made again, by the model and by plain interpolation.
        Returns an object with `scores` (`psnr` in dB and `mean_absolute_hu` by model), `best` and
        `slice_count`. `choices` is a `ResampleChoices`. Raises as `resample` does.
        """
        task = self.startSelfCheck(volumeNode, choices, **fields)
        task.wait()
        return task.finish()

    def startSelfCheck(self, volumeNode, choices=None, **fields):
        """Starts a check and returns a task: `finished`, `cancel()`, `finish()` as `selfCheck`."""
        choices = dataclasses.replace(choices or ResampleChoices(), **fields)
        options = hrinet.Options(axis=volumes.slice_axis_of(volumeNode, choices.axis))
        voxels = volumes.voxels_of(volumeNode)
        grid, _parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
        axis = backend.outcome(resampling.PlanRequest(grid, voxels.dtype, options)).axis
        return SelfCheckTask(grid, axis, self._settings(options, choices), voxels)

    def planRequest(self, volumeNode, choices=None, **fields):
        """Request for `backend.outcome`, which returns what `start` would compute and warn of.

        Raises if the volume cannot be used.
        """
        choices = dataclasses.replace(choices or ResampleChoices(), **fields)
        options = self._options(volumeNode, choices)
        grid, _parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
        voxels = volumes.voxels_of(volumeNode)
        return resampling.PlanRequest(grid, voxels.dtype, options, str(choices.model), voxels)

    def previewRecipe(self, volumeNode, choices=None, **fields):
        """`preview.Recipe` of what `start` would compute, and the parent transform of its output.

        Raises if the volume cannot be used.
        """
        choices = dataclasses.replace(choices or ResampleChoices(), **fields)
        options = self._options(volumeNode, choices)
        grid, parent = geometry.grid_of(volumeNode, volumeNode.GetParentTransformNode())
        recipe = preview.Recipe(
            grid,
            options,
            str(choices.model),
            choices.device,
            choices.separateProcess,
            stamp=volumes.stamp_of(volumeNode),
            voxels=volumes.voxels_of(volumeNode),
        )
        return recipe, parent

    def expectedErrorOf(self, outputVolume):
        """Volume of expected errors that belongs to an output; None if there is none."""
        return outputVolume.GetNodeReference(output.EXPECTED_ERROR_ROLE)

    def segmentationOf(self, outputVolume):
        """Segmentation that belongs to an output; None if there is none."""
        return outputVolume.GetNodeReference(output.SEGMENTATION_ROLE)

    def toOriginalSlices(self, segmentation, outputVolume, originalVolume=None):
        """Resamples a segmentation of the output to the slices of the input, as a new node.

        An input slice that is not in the output gets the segments of the nearest output slice.
        """
        original = originalVolume or outputVolume.GetNodeReference(volumes.INPUT_ROLE)
        if original is None:
            raise volumes.VolumeError(
                f"{outputVolume.GetName()} has no reference to its input volume; name the volume"
            )
        axis = "ijk".find(outputVolume.GetAttribute(volumes.ATTRIBUTE + "SliceAxis") or "k")
        known = volumes.known_slices(outputVolume)
        nearest = geometry.nearest_slices(outputVolume, original, axis, known)
        offsets = geometry.offsets_of(outputVolume, original, axis)
        expected = tuple(geometry.shape_of(original))
        layers = [
            (segmentations.select_slices(labels, axis, nearest, offsets, expected), ids)
            for labels, ids in segmentations.layers_of(segmentation, outputVolume)
        ]
        if layers[0][0].shape != expected:
            raise volumes.VolumeError(
                f"{original.GetName()} is not the input of {outputVolume.GetName()}: "
                f"its size is {expected[::-1]}"
            )
        scene = slicer.mrmlScene
        name = scene.GenerateUniqueName(f"{segmentation.GetName()} on original slices")
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        segmentations.fill(node, segmentation, original, layers)
        volumes.move_beside(node, segmentation)
        return node

    def _settings(self, options, choices):
        return resampling.Settings(
            options,
            str(choices.model),
            choices.device,
            choices.precision,
            choices.ensemble,
            choices.threads,
            choices.segmentationMethod,
            None if choices.window is None else [float(end) for end in choices.window],
        )

    def _options(self, volume_node, choices):
        """Options of the library; raises if the volume cannot be used."""
        volumes.voxels_of(volume_node)
        axis = volumes.slice_axis_of(volume_node, choices.axis)
        options = hrinet.Options(choices.spacing, choices.factor, choices.spacingMm, axis)
        options.keep_tilt = bool(choices.keepTilt)
        if choices.spacing == "like":
            volumes.voxels_of(choices.likeVolume)
            _, parent = geometry.grid_of(volume_node, volume_node.GetParentTransformNode())
            options.like_shape, options.like_ijk_to_ras = geometry.like_of(
                choices.likeVolume, parent
            )
        return options

    def _sequence(self, volume_node, choices):
        """Browser and sequence of a volume; raises if all its frames cannot be resampled."""
        browser, sequence = sequences.browser_of(volume_node)
        if sequence is None:
            raise volumes.VolumeError(f"{volume_node.GetName()} does not show a sequence")
        if choices.expectedError:
            raise volumes.VolumeError(
                "expected errors are available for a single volume, not for a sequence"
            )
        return browser, sequence

    def _frame(self, node, transform, options, count, expected_error):
        """Frame of a volume, one of `count`, and the parent transform of its output."""
        voxels = volumes.voxels_of(node)
        grid, parent = geometry.grid_of(node, transform)
        planned = backend.outcome(resampling.PlanRequest(grid, voxels.dtype, options))
        error_bytes = planned.bytes_of(np.float32) if expected_error else 0
        hrinet.check_memory((planned.bytes_of(voxels.dtype) + error_bytes) * count)
        image = volumes.empty_image(planned.shape, node.GetImageData().GetScalarType())
        frame = Frame(grid, voxels, planned, image)
        if expected_error:
            frame.expected_error = volumes.empty_image(planned.shape, vtk.VTK_FLOAT)
        return frame, parent
