"""Texts of the status line and the progress bar."""

import dataclasses
import os
from typing import Any

from slicer.i18n import tr as _

# Seconds per million interpolated pixels on one core; replaced by the rates of measured runs.
_NETWORK_RATE, _PLAIN_RATE = 2.0, 0.02
_measured_rates = {}


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything that the duration of a job depends on."""

    outcome: Any
    model: str
    device: str
    frames: int = 1
    is_network: bool = True

    @property
    def megapixels(self):
        """Interpolated pixels of all frames, in millions."""
        slice_axis = 2 - self.outcome.axis
        rows, columns = (s for axis, s in enumerate(self.outcome.shape) if axis != slice_axis)
        return self.outcome.interpolated_count * rows * columns / 1e6 * self.frames

    def expected_seconds(self):
        """Estimated duration, by the runs of this session if there were any."""
        cores = max(1, (os.cpu_count() or 2) - 1) if self.is_network else 1
        rate = (_NETWORK_RATE if self.is_network else _PLAIN_RATE) / cores
        return self.megapixels * _measured_rates.get((self.model, self.device), rate)

    def record(self, seconds):
        """Records the duration of a run for later estimates."""
        if self.megapixels > 0:
            _measured_rates[self.model, self.device] = seconds / self.megapixels


def duration(seconds):
    """Duration as a text."""
    if seconds < 1.5:
        return _("a second")
    if seconds < 90:
        return _("{count} s").format(count=int(round(seconds)))
    return _("{count} min").format(count=int(round(seconds / 60)))


def describe_plan(run, dtype):
    """Output of a planned run, for voxels of `dtype`."""
    outcome = run.outcome
    columns, rows, slices = reversed(outcome.shape)
    i, j, k = outcome.spacing
    megabytes = outcome.bytes_of(dtype) * run.frames / 2**20
    text = _(
        "{size} voxels of {spacing} mm, {megabytes} MB of voxel data: {known} known slices, "
        "{interpolated} interpolated, in about {time}"
    ).format(
        size=f"{columns} × {rows} × {slices}",
        spacing=f"{i:.3g} × {j:.3g} × {k:.3g}",
        megabytes=f"{megabytes:.3g}" if megabytes < 100 else f"{megabytes:.0f}",
        known=len(outcome.known),
        interpolated=outcome.interpolated_count,
        time=duration(run.expected_seconds()),
    )
    if run.frames > 1:
        text = _("{count} frames, each ").format(count=run.frames) + text
    text = _with_remarks(text, outcome)
    if outcome.interpolated_count == 0:
        text += ". " + _("There is nothing to interpolate: the slices are that close already")
    return text


def describe_result(outcome, seconds, backend):
    """Output of a finished run."""
    text = _("Done: {known} known slices, {interpolated} interpolated in {time}, {where}").format(
        known=len(outcome.known),
        interpolated=outcome.interpolated_count,
        time=duration(seconds),
        where=backend,
    )
    return _with_remarks(text, outcome)


def _with_remarks(text, outcome):
    remark = [_("Note: {text}").format(text=outcome.remark)] if outcome.remark else []
    warnings = [_("Warning: {text}").format(text=warning) for warning in outcome.warnings]
    return ". ".join([text, *remark, *warnings])


def describe_series(series, seconds):
    """Series that was added to the DICOM database."""
    text = _(
        "Added a series to the DICOM database: {known} known slices, {interpolated} interpolated, "
        "in {time}"
    ).format(
        known=series.known_count, interpolated=series.interpolated_count, time=duration(seconds)
    )
    return ". ".join([text, *(_("Warning: {text}").format(text=w) for w in series.warnings)])


def describe_self_check(check):
    """Scores of a self-check, and advice."""
    scores = ", ".join(
        _("{model} {psnr} dB ({error} HU)").format(
            model=os.path.basename(model),
            psnr=f"{score.psnr:.1f}",
            error=f"{score.mean_absolute_hu:.1f}",
        )
        for model, score in sorted(check.scores.items(), key=lambda each: -each[1].psnr)
    )
    text = _(
        "{count} slices left out and made again, from neighbours twice as far apart as in use: "
        "{scores}. "
    ).format(count=check.slice_count, scores=scores)
    best = os.path.basename(check.best)
    if check.best == check.model:
        return text + _("{model} is the best on this volume.").format(model=best)
    return text + _(
        "Warning: {best} is better on this volume; choose it. Networks fall behind where slices "
        "overlap or are tilted and their grain is sharp."
    ).format(best=best)


def describe_gain(model):
    """Measured gain of a fine-tuned model, and advice."""
    text = _("On {count} held-out slices: {before} dB before, {after} dB after: {gain} dB.").format(
        count=model.compared,
        before=f"{model.psnrBefore:.2f}",
        after=f"{model.psnrAfter:.2f}",
        gain=f"{model.gain:+.2f}",
    )
    if model.helped:
        return text + " " + _("The adapted model is closer to this patient.")
    return text + " " + _("Adapting did not help: better discard it.")


def fine_tuning_progress(control):
    """Text of the progress bar while a model is fine-tuned."""
    percent = int(100 * control.fraction())
    return _progress(control, _("adapting: {percent} %").format(percent=percent))


def resampling_progress(control):
    """Text of the progress bar while a volume is resampled."""
    text = _("slice {done} of {total}").format(done=control.done, total=control.total)
    return _progress(control, text)


def self_check_progress(_control):
    """Text of the progress bar during a self-check."""
    return _("checking")


def _progress(control, text):
    if not control.total:
        return _("starting")
    left = control.seconds_left()
    return text if left is None else text + ", " + _("{time} left").format(time=duration(left))
