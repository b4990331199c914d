"""What the panel and the scene keep of the user's choices."""

import enum
from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from . import adapting

DEFAULT_MODEL = "hrinet-motion"
SMALL_MODEL = "hrinet-motion-small"  # three times as fast
SHARP_MODEL = "hrinet-motion-sharp"  # as noisy as scanned slices
PLAIN_MODELS = ("linear", "cubic")
MODELS = (DEFAULT_MODEL, SMALL_MODEL, SHARP_MODEL, *PLAIN_MODELS)


class Spacing(enum.Enum):
    """How the output's slices are chosen; values are those of `hrinet.SPACINGS`."""

    ISOTROPIC = "isotropic"
    FACTOR = "factor"
    NEAREST = "nearest"
    EXACT = "exact"
    LIKE = "like"

    def label(self):
        """For the panel."""
        return {
            Spacing.ISOTROPIC: _("Isotropic, known slices kept"),
            Spacing.FACTOR: _("Factor, known slices kept"),
            Spacing.NEAREST: _("About this many mm, known slices kept"),
            Spacing.EXACT: _("Exactly this many mm"),
            Spacing.LIKE: _("Like another volume"),
        }[self]


class Axis(enum.Enum):
    """The slice axis; values are those of `hrinet.AXES`."""

    AUTO = "auto"
    I = "i"  # noqa: E741
    J = "j"
    K = "k"

    def label(self):
        """For the panel."""
        return _("Automatic: the largest spacing") if self is Axis.AUTO else self.value.upper()


class SegmentationMethod(enum.Enum):
    """How segments between two slices are made; values are those of `jobs.Settings.labels`."""

    AUTO = "auto"
    ANATOMY = "anatomy"
    SHAPE = "shape"
    NEAREST = "nearest"

    def label(self):
        """For the panel."""
        return {
            SegmentationMethod.AUTO: _("Automatic: with the tissue where the model finds motion"),
            SegmentationMethod.ANATOMY: _("Outlines that move with the tissue"),
            SegmentationMethod.SHAPE: _("Outlines alone"),
            SegmentationMethod.NEAREST: _("As in the nearer slice"),
        }[self]


@parameterNodeWrapper
class HRINetResampleParameterNode:
    """The controls of the panel, each by its `SlicerParameterName`."""

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
    segmentationMethod: SegmentationMethod = SegmentationMethod.AUTO
    separateProcess: bool = False
    markSynthetic: bool = False
    expectedError: bool = False
    allFrames: bool = False
    adaptSteps: Annotated[int, WithinRange(10, 5000)] = adapting.STEPS
