"""Section of "Preview" and "Compare": what will come out, in the slice views."""

import qt
import slicer
from slicer.i18n import tr as _

from ..compute.preview import Preview, wanted_pairs
from ..logic import ResampleChoices
from ..scene import slice_views, volumes
from ..scene.preview_volume import PreviewVolume
from .parameters import choices_of
from .presets import preview_model
from .widgets import Availability, set_quietly

TOGGLE_KEY = "Ctrl+Shift+B"


class PreviewSection:
    """Shows a preview of the output around the place that one looks at, and before beside after."""

    def __init__(self, ui, logic, shortcut_parent):
        self.ui, self._logic = ui, logic
        self._preview, self._volume = Preview(), PreviewVolume()
        self._views = slice_views.BeforeAndAfter()
        self.is_on = False  # the preview
        self._parameters, self._info = None, None
        self._source, self._parent, self._stamp = None, None, None  # of what is previewed
        self._problem = None  # why there is no preview
        self._preview_button = Availability(ui.previewButton)
        self._compare_button = Availability(ui.compareButton)
        ui.previewButton.toggled.connect(self._on_preview)
        ui.compareButton.toggled.connect(self._on_compare)
        self.shortcut = qt.QShortcut(shortcut_parent)
        self.shortcut.setKey(qt.QKeySequence(TOGGLE_KEY))
        self.shortcut.activated.connect(self.toggle)
        ui.previewLabel.setVisible(False)

    def show(self, parameters, info):
        """Follows the parameters; `info`: that of the chosen model."""
        self._parameters, self._info = parameters, info
        source = parameters.inputVolume
        if source is not self._source:
            self.stop()
        self._source = source
        problem = None if source is not None else _("Load and choose a CT with thick slices")
        self._preview_button.set(problem)
        self._compare_button.set(problem)
        output = parameters.outputVolume
        made = output is not None and output.GetNodeReference(volumes.INPUT_ROLE) is source
        self._views.source, self._views.output = source, output if made else None
        if self.is_on:
            self._ask()
        if self.is_on or self._views.comparing:
            self._views.update()

    def toggle(self, *_arguments):
        """Switches the views between before and after."""
        self._views.shows_after = not self._views.shows_after
        self._views.update()

    def stop(self):
        """Ends preview and comparison, and gives the slice views back."""
        set_quietly(self.ui.compareButton, "setChecked", False)
        self._views.compare(False)
        self.end_preview()
        self._preview.ask(None)

    def close(self):
        """Ends all that the section shows, and its key."""
        self.stop()
        self.shortcut.setEnabled(False)
        self.shortcut.deleteLater()

    def end_preview(self):
        """Gives the slice views back; they may show the output instead."""
        self.is_on = False
        set_quietly(self.ui.previewButton, "setChecked", False)
        self.ui.previewLabel.setVisible(False)
        self._views.preview = None
        if self._views.comparing:
            self._views.update()
        else:
            self._views.release()
        self._volume.remove()
        self._preview.look_at(())

    def poll(self, is_busy):
        """Continues the preview; a run (`is_busy`) pauses it."""
        if not self.is_on:
            return
        if self._source is None or not slicer.mrmlScene.IsNodePresent(self._source):
            self.stop()
            return
        if self._stamp != self._stamp_of_source():
            self._ask()
        known = self._preview.known_slices
        if known is not None:
            spans = [] if is_busy else slice_views.spans(known, self._parent)
            self._preview.look_at(wanted_pairs(spans, known.pair_count))
        text = self._text(is_busy)  # of what is shown at least
        slab = self._preview.poll()
        if slab is not None and self._volume.show(slab, self._source, self._parent):
            self._views.preview = self._volume.node
            self._views.update()
        self._volume.follow(self._source)
        self.ui.previewLabel.setText(text)

    def _ask(self):
        """Asks for the preview of the parameters."""
        if self._info is None:
            return  # `show` is called again when the model is read
        self._stamp = self._stamp_of_source()
        failed = isinstance(self._info, Exception)
        is_network = not failed and self._info.is_network
        is_thin = not failed and self._info.is_thin
        choices = choices_of(self._parameters, ResampleChoices())
        choices.model = preview_model(choices.model, is_network, is_thin)
        self._problem = None
        try:
            recipe, self._parent = self._logic.previewRecipe(self._source, choices)
        except RuntimeError as error:
            self._problem = str(error)
            self._preview.ask(None)
            return
        self._preview.ask(recipe)

    def _stamp_of_source(self):
        """Value that changes when the source is moved or gets other voxels."""
        return self._source.GetMTime(), volumes.stamp_of(self._source)

    def _text(self, is_busy):
        problem = self._problem or self._preview.problem
        if problem:
            return problem
        if is_busy:
            return _("The preview waits for the run")
        done, wanted = self._preview.progress
        if self._preview.known_slices is None:
            return _("Preparing the preview")
        if wanted == 0:
            return _("No slice view shows a place between two slices of the input volume")
        return _(
            "Preview by {model}: {done} of {wanted} pairs of known slices ({key}: the input)"
        ).format(model=self._preview.recipe.model, done=done, wanted=wanted, key=TOGGLE_KEY)

    def _on_preview(self, is_on):
        if not is_on:
            self.end_preview()
            return
        self.is_on, self._views.shows_after = True, True
        self.ui.previewLabel.setVisible(True)
        self._ask()

    def _on_compare(self, is_on):
        self._views.shows_after = True
        self._views.compare(bool(is_on))
        if is_on and self._views.output is None and not self.is_on:
            self.ui.previewButton.setChecked(True)
