"""The line above Apply: what will come out, and what came out."""

import os

from slicer.i18n import tr as _

from .parameters import PLAIN_MODELS

# Seconds for a million pixels of made slices, on one core; measured runs replace them.
_NETWORK, _PLAIN = 2.0, 0.02
_measured = {}


def _key(model, device):
    return model, device


def expected_seconds(outcome, model, device, frames=1):
    """About how long the job takes; by this session's runs where there were some."""
    plain = model in PLAIN_MODELS
    cores = 1 if plain else max(1, (os.cpu_count() or 2) - 1)
    guess = (_PLAIN if plain else _NETWORK) / cores
    return _megapixels(outcome) * frames * _measured.get(_key(model, device), guess)


def remember(outcome, model, device, seconds, frames=1):
    """Keeps how fast a run was."""
    made = _megapixels(outcome) * frames
    if made > 0:
        _measured[_key(model, device)] = seconds / made


def _megapixels(outcome):
    across = [side for axis, side in enumerate(outcome.shape) if axis != 2 - outcome.axis]
    return outcome.made_count * across[0] * across[1] / 1e6


def duration(seconds):
    """For people."""
    if seconds < 1.5:
        return _("a second")
    if seconds < 90:
        return _("{count} s").format(count=int(round(seconds)))
    return _("{count} min").format(count=int(round(seconds / 60)))


def before(outcome, dtype, model, device, frames=1):
    """What will come out."""
    columns, rows, slices = reversed(outcome.shape)
    i, j, k = outcome.spacing
    megabytes = outcome.bytes_of(dtype) * frames / 2**20
    text = _("{size} voxels of {spacing} mm, {megabytes} MB: {kept} slices kept, {made} made, in about "
             "{time}").format(
        size=f"{columns} × {rows} × {slices}", spacing=f"{i:.3g} × {j:.3g} × {k:.3g}",
        megabytes=f"{megabytes:.3g}" if megabytes < 100 else f"{megabytes:.0f}",
        kept=len(outcome.known), made=outcome.made_count,
        time=duration(expected_seconds(outcome, model, device, frames)),
    )
    if frames > 1:
        text = _("{count} frames, each ").format(count=frames) + text
    if outcome.made_count == 0:
        text += ". " + _("Nothing is to be made: the slices lie as close together already")
    return text


def after(outcome, seconds, where):
    """What came out."""
    return _("Done: {kept} slices kept, {made} made in {time}, {where}").format(
        kept=len(outcome.known), made=outcome.made_count, time=duration(seconds), where=where
    )


def gained(adapted):
    """What adapting to a patient was measured to do, and what to make of it."""
    text = _("On {count} slices held out: {before} dB before, {after} dB after: {gain} dB.").format(
        count=adapted.measured, before=f"{adapted.psnrBefore:.2f}", after=f"{adapted.psnrAfter:.2f}",
        gain=f"{adapted.gain:+.2f}",
    )
    if adapted.helped:
        return text + " " + _("The adapted model is closer to this patient.")
    return text + " " + _("Adapting did not help: better discard it.")


def adapting(control):
    """The progress bar's text while a model is adapted."""
    return _under_way(control, _("adapting: {percent} %").format(percent=int(100 * control.fraction())))


def during(control):
    """The progress bar's text."""
    return _under_way(control, _("slice {done} of {total}").format(done=control.done, total=control.total))


def _under_way(control, text):
    left = control.seconds_left()
    if not control.total:
        return _("starting")
    return text if left is None else text + ", " + _("{time} left").format(time=duration(left))
