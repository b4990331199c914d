"""The module HRINet Resample: interpolates slices of a CT with thick slices.

Slicer finds the module's classes by their names in this file; they are implemented in
HRINetResampleLib.
"""

import pathlib

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from HRINetResampleLib.compute import thread
from HRINetResampleLib.effect.registration import register_effect
from HRINetResampleLib.logic import HRINetResampleLogic
from HRINetResampleLib.panel.parameters import HRINetResampleParameterNode
from HRINetResampleLib.panel.widget import HRINetResampleWidget
from HRINetResampleLib.scene.sample_data import register_samples
from HRINetResampleLib.selftest import HRINetResampleTest

__all__ = [
    "HRINetResample",
    "HRINetResampleLogic",
    "HRINetResampleParameterNode",
    "HRINetResampleTest",
    "HRINetResampleWidget",
]

PICTURE = pathlib.Path(__file__).resolve().parent / "Resources" / "Pictures" / "slices.png"


class HRINetResample(ScriptedLoadableModule):
    """Entry of Slicer's module list."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("HRINet Resample")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering")]
        self.parent.dependencies = []
        self.parent.contributors = ["The HRINet developers"]
        self.parent.helpText = (
            _(
                "Increases the through-plane resolution of CT by interpolating slices: choose a CT "
                "with thick slices, press Apply, and look at smooth coronal and sagittal views. "
                "Scanned slices are kept bit for bit at their positions; segmentations are "
                "resampled along with the volume. Interpolated slices are an estimate that looks "
                "like a scan: not for diagnosis or treatment."
            )
            + f'<p><img src="{PICTURE.as_uri()}" width="420"></p>'
        )
        self.parent.acknowledgementText = _(
            "After Li, Koh and Lee, HRINet: alternative supervision network for high-resolution CT "
            "image interpolation."
        )
        # Modules are created during startup; the Sample Data module may follow this one.
        slicer.app.connect("startupCompleted()", register_samples)
        slicer.app.connect("startupCompleted()", register_effect)
        # libtorch must not be unloaded while a thread uses it.
        slicer.app.connect("aboutToQuit()", thread.shutdown)
