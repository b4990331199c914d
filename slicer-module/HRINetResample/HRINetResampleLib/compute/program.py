"""Runs the program `hrinet`, for what the library offers to no other host."""

import re
import subprocess

from ..binding import hrinet, library, platforms

_PROGRESS = re.compile(r": (\d+) of (\d+)$")


class ProgramError(RuntimeError):
    """The program refuses or fails; the message says why."""


def run(arguments, progress):
    """Runs the program with arguments; raises its error, or `hrinet.Cancelled`.

    `progress` is a `thread.Control`; the program reports every ten seconds.
    """
    path = library.program()
    if path is None:
        raise ProgramError(
            "the program hrinet is missing beside the library; install the module again "
            "(scripts/install-slicer-module)"
        )
    process = subprocess.Popen(
        [path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        **platforms.process_options(),
    )
    progress.on_cancel = process.kill
    try:
        last = _listen(process, progress)
        status = process.wait()
    finally:
        progress.on_cancel = None
        process.kill()
        process.wait()
        process.stderr.close()
    if progress.cancelled:
        raise hrinet.Cancelled()
    if status < 0:
        raise ProgramError(f"the program hrinet {platforms.describe_exit(status)}")
    if status > 0:
        raise ProgramError(last)


def _listen(process, progress):
    """Passes progress on; returns the last line that the program prints, which is its error."""
    last = ""
    if not progress():
        process.kill()
    for line in process.stderr:
        last = line.strip() or last
        found = _PROGRESS.search(last)
        if found and not progress(int(found[1]), int(found[2])):
            process.kill()
    return last
