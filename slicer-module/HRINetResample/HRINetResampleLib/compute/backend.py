"""Choice of where work runs: on a thread of Slicer or in a subprocess, and why."""

import dataclasses
import logging

from ..binding import hrinet, library, platforms
from . import resampling, subprocess_client

log = logging.getLogger("HRINet")


@dataclasses.dataclass(frozen=True)
class Backend:
    """Place of a job: on a thread of this process or in a subprocess, and the reason."""

    in_process: bool
    reason: str

    def __str__(self):
        place = "on a thread of Slicer" if self.in_process else "in a separate process"
        return f"{place}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """Abilities of a model."""

    system: str
    has_flow: bool  # segments can follow the anatomy; the model can be fine-tuned
    predicts_error: bool  # expected errors can be computed
    is_network: bool  # False: linear or cubic
    is_thin: bool = False  # makes thin slices from thick ones, and keeps none


def choose(device="auto", separate=False):
    """Backend for a job on `device`; `separate`: the user wants a subprocess."""
    path = library.find()
    if separate:
        return Backend(False, "chosen by the user")
    if device.startswith("cuda"):
        return Backend(False, f"{device} needs CUDA's libraries, which stay out of Slicer")
    others = platforms.loaded_torch()
    if not library.is_private(path):
        loaded = f"; {others[0]} is loaded already" if others else ""
        return Backend(
            False,
            f"{path} uses a libtorch under its usual name, which would conflict with "
            f"that of other extensions{loaded}",
        )
    return Backend(True, "its libtorch is private" + (f", beside {others[0]}" if others else ""))


def runner(device, separate, here=resampling.run, apart=subprocess_client.run):
    """Function to run, `here` or its counterpart `apart`, and the backend, which is logged."""
    backend = choose(device, separate)
    log.info("HRINet works %s", backend)
    return (here if backend.in_process else apart), backend


def devices():
    """Calls `hrinet.devices` by the default backend."""
    return hrinet.devices() if choose().in_process else subprocess_client.devices()


def model_info(model):
    """`ModelInfo` of a shipped model or a checkpoint file, by the default backend."""
    in_process = choose().in_process
    return ModelInfo(
        **(read_model_info(model) if in_process else subprocess_client.model_info(model))
    )


def read_model_info(model):
    """Fields of `ModelInfo`, read in this process."""
    with hrinet.Model(model, "cpu") as loaded:
        return {
            "system": loaded.system,
            "has_flow": loaded.has_flow,
            "predicts_error": loaded.predicts_error,
            "is_network": loaded.parameter_count > 0,
            "is_thin": loaded.is_thin,
        }


def outcome(request):
    """Outcome of a `PlanRequest`, by the default backend."""
    in_process = choose().in_process
    return (resampling.planned_outcome if in_process else subprocess_client.outcome)(request)
