"""Parameters that the panel and the scene keep."""

import dataclasses
import enum
from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from ..binding.models import DEFAULT_MODEL
from ..compute import fine_tuning
from ..scene import dicom_database, sequences


class Spacing(enum.Enum):
    """Choice of the output slices; the values are those of `hrinet.SPACINGS`."""

    ISOTROPIC = "isotropic"
    FACTOR = "factor"
    NEAREST = "nearest"
    EXACT = "exact"
    LIKE = "like"

    def label(self):
        """Text in the panel."""
        return {
            Spacing.ISOTROPIC: _("Isotropic, known slices kept"),
            Spacing.FACTOR: _("Factor, known slices kept"),
            Spacing.NEAREST: _("About this many mm, known slices kept"),
            Spacing.EXACT: _("Exactly this many mm"),
            Spacing.LIKE: _("Like another volume"),
        }[self]


class Axis(enum.Enum):
    """Slice axis; the values are those of `hrinet.AXES`."""

    AUTO = "auto"
    I = "i"  # noqa: E741
    J = "j"
    K = "k"

    def label(self):
        """Text in the panel."""
        return _("Automatic: that of the scan") if self is Axis.AUTO else self.value.upper()


class SegmentationMethod(enum.Enum):
    """Interpolation of segments; the values are those of `resampling.Settings.label_method`."""

    AUTO = "auto"
    ANATOMY = "anatomy"
    SHAPE = "shape"
    NEAREST = "nearest"

    def label(self):
        """Text in the panel."""
        return {
            SegmentationMethod.AUTO: _("Automatic: follow the anatomy if the model can"),
            SegmentationMethod.ANATOMY: _("Outlines follow the anatomy"),
            SegmentationMethod.SHAPE: _("Outlines alone"),
            SegmentationMethod.NEAREST: _("Copy of the nearer slice"),
        }[self]


@parameterNodeWrapper
class HRINetResampleParameterNode:
    """Controls of the panel, each by its `SlicerParameterName`."""

    inputVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    outputVolume: vtkMRMLScalarVolumeNode
    spacing: Spacing = Spacing.ISOTROPIC
    factor: Annotated[int, WithinRange(1, 100)] = 2
    spacingMm: Annotated[float, WithinRange(0.05, 50.0)] = 1.0
    likeVolume: vtkMRMLScalarVolumeNode
    model: str = DEFAULT_MODEL
    device: str = "auto"
    axis: Axis = Axis.AUTO
    keepTilt: bool = False
    segmentationMethod: SegmentationMethod = SegmentationMethod.AUTO
    separateProcess: bool = False
    markInterpolated: bool = False
    expectedError: bool = False
    allFrames: bool = False
    fineTuningSteps: Annotated[int, WithinRange(10, 5000)] = fine_tuning.STEPS


def choices_of(parameters, choices):
    """Copy of `choices`, a dataclass of the logic, with the values that have parameters' names."""
    values = {}
    for field in dataclasses.fields(choices):
        if hasattr(parameters, field.name):
            value = getattr(parameters, field.name)
            values[field.name] = value.value if isinstance(value, enum.Enum) else value
    return dataclasses.replace(choices, **values)


def sequence_of(parameters):
    """Sequence that the input volume shows; None if there is none."""
    volume = parameters.inputVolume
    return None if volume is None else sequences.browser_of(volume)[1]


def frame_count(parameters):
    """Number of volumes that Apply resamples."""
    sequence = sequence_of(parameters) if parameters.allFrames else None
    return 1 if sequence is None else sequence.GetNumberOfDataNodes()


def dicom_problem(parameters):
    """Why no DICOM series can be derived from the input's; None if one can."""
    volume = parameters.inputVolume
    if volume is None:
        return _("Load and choose a CT with thick slices")
    if parameters.spacing is Spacing.LIKE:
        return _("Choose another slice spacing: a DICOM series has slices of its own")
    if parameters.axis not in (Axis.AUTO, Axis.K):
        return _("Choose the automatic slice axis: a DICOM series has the slices of its source")
    return dicom_database.problem(volume)
