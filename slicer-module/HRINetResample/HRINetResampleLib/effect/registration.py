"""The effect's picture, and its place among Slicer's effects."""

import pathlib

_FOLDER = pathlib.Path(__file__).resolve().parent


def icon_file():
    """Picture on the effect's button: that of the module."""
    return _FOLDER.parents[1] / "Resources" / "Icons" / "HRINetResample.png"


def register_effect():
    """Adds the effect to Slicer's Segment Editor, where there is one."""
    try:
        import qSlicerSegmentationsEditorEffectsPythonQt as effects
    except ImportError:  # Slicer was built without it
        return
    effect = effects.qSlicerSegmentEditorScriptedEffect(None)
    effect.setPythonSource((_FOLDER / "HRINetFillEffect.py").as_posix())
    effects.qSlicerSegmentEditorEffectFactory.instance().registerEffect(effect)
