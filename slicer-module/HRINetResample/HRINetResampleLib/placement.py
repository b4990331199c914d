"""Where a job runs: on a thread of Slicer, or in a process of its own, and why."""

import dataclasses
import logging

from . import hrinet, jobs, library, platforms, processes

log = logging.getLogger("HRINet")


@dataclasses.dataclass(frozen=True)
class Placement:
    """`in_process`: on a thread of this process. `reason`: for the log and the panel."""

    in_process: bool
    reason: str

    def __str__(self):
        where = "on a thread of Slicer" if self.in_process else "in a process of its own"
        return f"{where}: {self.reason}"


def decide(device="auto", separate=False):
    """The place of a job on `device`; `separate`: the user wants a process."""
    path = library.find()
    if separate:
        return Placement(False, "chosen by the user")
    if device.startswith("cuda"):
        return Placement(False, f"{device} needs CUDA's libraries, which stay out of Slicer")
    beside = platforms.loaded_torch()
    if not library.is_private(path):
        found = f"; {beside[0]} is loaded already" if beside else ""
        return Placement(False, f"{path} uses a libtorch under its usual name, which would meet "
                                f"that of other extensions{found}")
    return Placement(True, "its libtorch is its own" + (f", beside {beside[0]}" if beside else ""))


def devices():
    """As `hrinet.devices`, asked where that does no harm."""
    return hrinet.devices() if decide().in_process else processes.devices()


def has_confidence(model):
    """As `hrinet.Model(model).has_confidence`, asked where that does no harm."""
    if not decide().in_process:
        return processes.has_confidence(model)
    with hrinet.Model(model, "cpu") as loaded:
        return loaded.has_confidence


def outcome(grid, dtype, options):
    """What a plan promises, asked where that does no harm."""
    if not decide().in_process:
        return processes.plan(grid, dtype, options)
    with jobs.make_plan(grid, dtype, options) as plan:
        return jobs.outcome(plan)


def runner(device, separate, here=jobs.run, apart=processes.run):
    """`here` or `apart`, the same work in a process, and the placement; the log says which and why."""
    placement = decide(device, separate)
    log.info("HRINet works %s", placement)
    return (here if placement.in_process else apart), placement
