"""Slicer's base class of effects that complete segmentations, as far as this module uses it.

Without buttons: `onPreview`, `onApply` and `onCancel` are what they call. The real class follows
the segmentation, waits for a moment without changes, and then calls `onPreview` again.
"""

import sys
import types

import slicer

ROLE = "SegmentationResultPreview"


class Timer:
    """The timer that waits for a moment without changes."""

    interval = 1000

    def stop(self):
        """Stops it."""


class AutoCompleteEffect:
    """Preview node, its owner and its opacity."""

    def __init__(self, scriptedEffect):
        scriptedEffect.perSegment = False
        self.scriptedEffect = scriptedEffect
        self.selectedSegmentIds = None
        self.delayedAutoUpdateTimer = Timer()
        self.observed, self.opacity = False, None

    def setupOptionsFrame(self):
        """Adds buttons."""

    def setMRMLDefaults(self):
        """Sets defaults of parameters."""
        self.scriptedEffect.setParameterDefault("AutoUpdate", "1")

    def getPreviewNode(self):
        """Node of the preview; None if there is none."""
        return self.scriptedEffect.references.get(ROLE)

    def updateGUIFromMRML(self):
        """Follows the segmentation while there is a preview."""
        self.observeSegmentation(self.getPreviewNode() is not None)

    def observeSegmentation(self, on):
        """Follows the segmentation."""
        self.observed = on

    def setPreviewOpacity(self, opacity):
        """Shows inputs and results at once."""
        self.opacity = opacity

    def onPreview(self):
        """The button, or a change of the segmentation."""
        self.preview()

    def onCancel(self):
        """The button."""
        self.reset()

    def reset(self):
        """Ends the preview."""
        self.observeSegmentation(False)
        node = self.scriptedEffect.references.pop(ROLE, None)
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
        self.selectedSegmentIds = None
        self.updateGUIFromMRML()


class Editor:
    """The C++ side of an effect, and the editor around it."""

    def __init__(self, segmentation, volume):
        self.references, self.common, self.parameters, self.widgets = {}, {}, {}, []
        self.undo = []  # masks before each change
        self._segmentation, self._volume = segmentation, volume

    def parameterSetNode(self):
        """Node that has segmentation and volume."""
        return types.SimpleNamespace(
            GetSegmentationNode=lambda: self._segmentation, GetSourceVolumeNode=lambda: self._volume
        )

    def addOptionsWidget(self, widget):
        """Adds a widget."""
        self.widgets.append(widget)

    def setParameterDefault(self, name, value):
        """Sets a parameter that is not set."""
        self.parameters.setdefault(name, value)

    def setParameter(self, name, value):
        """Sets a parameter."""
        self.parameters[name] = str(value)

    def integerParameter(self, name):
        """A parameter as a number."""
        return int(self.parameters[name])

    def setCommonNodeReference(self, role, node):
        """Sets a node."""
        self.references[role] = node

    def setCommonParameter(self, name, value):
        """Sets a parameter of all effects."""
        self.common[name] = value

    def saveStateForUndo(self):
        """Keeps the segments."""
        kept = slicer.vtkSegmentation()
        kept.DeepCopy(self._segmentation.GetSegmentation())
        self.undo.append(kept)


def install():
    """Installs the module of the base classes."""
    sys.modules["SegmentEditorEffects"] = types.SimpleNamespace(
        AbstractScriptedSegmentEditorAutoCompleteEffect=AutoCompleteEffect,
        ResultPreviewNodeReferenceRole=ROLE,
    )
