"""Derives a DICOM series from the files of another one, by the library's program."""

import collections
import dataclasses
import json
import os
import shutil
from typing import List

from . import program

_SPACING_ARGUMENTS = {
    "isotropic": lambda options: ["--isotropic"],
    "factor": lambda options: ["--factor", str(options.factor)],
    "nearest": lambda options: ["--spacing", repr(float(options.spacing_mm))],
    "exact": lambda options: [f"--exact-spacing={float(options.spacing_mm)!r}"],
}


@dataclasses.dataclass
class DerivedSeries:
    """A written series: the folder of its files, its UID, and what a run reports."""

    folder: str
    series_uid: str
    file_count: int
    known_count: int
    interpolated_count: int
    warnings: List[str]


def run(files, settings, folder, progress):
    """Writes the series derived from the files of a CT series below an empty `folder`.

    `settings` is a `resampling.Settings`. `progress(done, total)` counts slices; it cancels by
    returning False.
    """
    source = os.path.join(folder, "source")
    report = os.path.join(folder, "report.json")
    target = os.path.join(folder, "series", "")
    _gather(files, source)
    arguments = ["resample", source, target, "--json", report]
    program.run(arguments + arguments_of(settings), progress)
    with open(report, encoding="utf-8") as content:
        found = json.load(content)
    sources = collections.Counter(each["source"] for each in found["slices"])
    return DerivedSeries(
        target,
        found["dicom"]["series_instance_uid"],
        found["dicom"]["files"],
        sources["known"],
        sources["interpolated"],
        found["warnings"],
    )


def arguments_of(settings):
    """Arguments of the program for settings; raises for what it cannot write as DICOM."""
    options = settings.options
    if options.spacing not in _SPACING_ARGUMENTS:
        raise program.ProgramError("a DICOM series cannot have the slices of another volume")
    if options.axis not in ("auto", "k"):
        raise program.ProgramError(
            f"a DICOM series has the slices of its source: choose the axis k, not {options.axis}"
        )
    arguments = _SPACING_ARGUMENTS[options.spacing](options)
    arguments += ["--model", settings.model, "--device", settings.device]
    arguments += ["--precision", settings.precision, "--threads", str(settings.thread_count())]
    if options.keep_tilt:
        arguments.append("--keep-tilt")
    if settings.ensemble:
        arguments.append("--ensemble")
    if settings.window is not None:
        arguments.append("--window=" + ",".join(repr(float(end)) for end in settings.window))
    return arguments


def _gather(files, folder):
    """Puts links to files, or copies where there are no links, into a new folder."""
    os.mkdir(folder)
    for index, path in enumerate(files):
        own = os.path.join(folder, f"{index:06}.dcm")
        try:
            os.symlink(os.path.abspath(path), own)
        except OSError:  # a system or file system without links
            shutil.copyfile(path, own)
