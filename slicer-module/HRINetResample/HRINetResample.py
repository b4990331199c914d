"""The module HRINet Resample: makes the slices in between of a thick-slice CT.

Slicer finds the classes by their names here; what they do stands in HRINetResampleLib.
"""

import pathlib

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from HRINetResampleLib import worker
from HRINetResampleLib.logic import HRINetResampleLogic  # noqa: F401 (Slicer looks for it here)
from HRINetResampleLib.parameters import HRINetResampleParameterNode  # noqa: F401
from HRINetResampleLib.samples import register_samples
from HRINetResampleLib.selftest import HRINetResampleTest  # noqa: F401
from HRINetResampleLib.widget import HRINetResampleWidget  # noqa: F401

PICTURE = pathlib.Path(__file__).resolve().parent / "Resources" / "Pictures" / "slices.png"


class HRINetResample(ScriptedLoadableModule):
    """What Slicer's module list says."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("HRINet Resample")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering")]
        self.parent.dependencies = []
        self.parent.contributors = ["The HRINet developers"]
        self.parent.helpText = _(
            "Makes the slices in between: choose a CT with thick slices, press Apply, and look at smooth "
            "coronal and sagittal views. Slices that were scanned are kept, bit for bit, at their "
            "places; segmentations come along. New slices are a guess that looks like a scan: not for "
            "diagnosis or treatment."
        ) + f'<p><img src="{PICTURE.as_uri()}" width="420"></p>'
        self.parent.acknowledgementText = _(
            "After Li, Koh and Lee, HRINet: alternative supervision network for high-resolution CT "
            "image interpolation."
        )
        # Modules are made before Slicer has started; the Sample Data module may come later than this one.
        slicer.app.connect("startupCompleted()", register_samples)
        # Leaving while a job runs: libtorch must not be unloaded under the thread that works.
        slicer.app.connect("aboutToQuit()", worker.shutdown)
