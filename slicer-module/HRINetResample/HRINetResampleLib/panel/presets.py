"""Presets: the models by their purpose."""

import dataclasses

from slicer.i18n import tr as _

from ..binding.models import DEFAULT_MODEL

SMALL_MODEL = "hrinet-motion-small"
SHARP_MODEL = "hrinet-motion-sharp"
THIN_MODEL = "hrinet-thin"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A model, its name in the panel, and one sentence about it."""

    model: str  # empty: a checkpoint file
    label: str
    description: str


PRESETS = (
    Preset(
        DEFAULT_MODEL,
        _("Measure"),
        _("Closest to the true values; interpolated slices are less noisy than scanned ones."),
    ),
    Preset(
        SHARP_MODEL,
        _("Read"),
        _("Interpolated slices are as noisy as scanned ones, and less accurate."),
    ),
    Preset(
        SMALL_MODEL,
        _("Fast"),
        _("About three times as fast as Measure, and slightly less accurate."),
    ),
    Preset(
        THIN_MODEL,
        _("Thin slices"),
        _("Thinner as well as closer, for slices side by side: known slices are not kept."),
    ),
    Preset("cubic", _("Plain: cubic"), _("Cubic spline through the known slices, no network.")),
    Preset(
        "linear", _("Plain: linear"), _("Weighted mean of the two neighbouring slices, no network.")
    ),
    Preset("", _("Custom file"), _("A model from a checkpoint file.")),
)
CUSTOM = len(PRESETS) - 1
MODELS = tuple(preset.model for preset in PRESETS if preset.model)


def index_of(model):
    """Index of the preset of a model."""
    return MODELS.index(model) if model in MODELS else CUSTOM


def preview_model(model, is_network, is_thin=False):
    """Model that previews the output of a model: a fast network for networks, but thin slices are
    previewed as they will be."""
    return SMALL_MODEL if is_network and not is_thin else model
