"""Runs work in a subprocess, whose crash leaves Slicer alive. See `subprocess_server`."""

import collections
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np

from ..binding import hrinet, platforms
from . import fine_tuning, resampling

_SERVER = "HRINetResampleLib.compute.subprocess_server"
_FOLDER = pathlib.Path(__file__).resolve().parents[2]


class SubprocessError(RuntimeError):
    """The subprocess failed; the message says how."""


def devices():
    """Calls `hrinet.devices` in a subprocess."""
    return [tuple(pair) for pair in _call({"command": "devices"})]


def model_info(model):
    """Calls `backend.model_info` in a subprocess."""
    return _call({"command": "model", "model": model})


def outcome(request):
    """Outcome of a `PlanRequest`, from a subprocess."""
    message = {
        "command": "plan",
        "grid": dataclasses.asdict(request.grid),
        "dtype": np.dtype(request.dtype).name,
        "options": dataclasses.asdict(request.options),
        "model": request.model,
    }
    if request.image is None:
        return outcome_from(_call(message))
    with tempfile.TemporaryDirectory(prefix="hrinet-") as folder:
        np.save(os.path.join(folder, "in0.npy"), request.image)
        return outcome_from(_call({**message, "folder": folder}))


def run(grid, settings, arrays, progress):
    """Calls `resampling.run` in a subprocess; arrays are passed as files in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="hrinet-") as folder:
        for index, source in enumerate(arrays.inputs):
            np.save(os.path.join(folder, f"in{index}.npy"), source)
        for index, target in enumerate(arrays.outputs):
            path = os.path.join(folder, f"out{index}.npy")
            np.lib.format.open_memmap(path, "w+", target.dtype, target.shape)
        request = {
            "command": "run",
            "grid": dataclasses.asdict(grid),
            "settings": dataclasses.asdict(settings),
            "folder": folder,
            "label_maps": len(arrays.labels),
            "expected_error": arrays.expected_error is not None,
        }
        outcome = outcome_from(_call(request, progress))
        for index, target in enumerate(arrays.outputs):
            target[...] = np.load(os.path.join(folder, f"out{index}.npy"), mmap_mode="r")
        return outcome


def fine_tune(grid, request, voxels, path, progress):
    """Calls `fine_tuning.run` in a subprocess."""
    with tempfile.TemporaryDirectory(prefix="hrinet-") as folder:
        np.save(os.path.join(folder, "in0.npy"), voxels)
        message = {
            "command": "fine-tune",
            "grid": dataclasses.asdict(grid),
            "request": dataclasses.asdict(request),
            "folder": folder,
            "path": path,
        }
        return fine_tuning.Gain(**_call(message, progress))


def fill(request, image, labels, output, progress):
    """Calls `filling.run` in a subprocess."""
    with tempfile.TemporaryDirectory(prefix="hrinet-") as folder:
        np.save(os.path.join(folder, "in0.npy"), image)
        np.save(os.path.join(folder, "in1.npy"), labels)
        path = os.path.join(folder, "out0.npy")
        np.lib.format.open_memmap(path, "w+", output.dtype, output.shape)
        message = {"command": "fill", **dataclasses.asdict(request), "folder": folder}
        _call(message, progress)
        output[...] = np.load(path, mmap_mode="r")


def outcome_from(found):
    """Outcome from JSON, whose keys are text."""
    found["known"] = {int(index): first for index, first in found["known"].items()}
    return resampling.Outcome(**found)


def settings_from(found):
    """Settings from JSON."""
    return resampling.Settings(**{**found, "options": hrinet.Options(**found["options"])})


def _call(request, control=None):
    """Starts the subprocess, forwards its progress to `control`, and returns its result."""
    environment = {**os.environ}
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [platforms.python_program(), "-m", _SERVER],
            cwd=_FOLDER,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            **platforms.process_options(),
        )
        try:
            if control is not None:
                control.on_cancel = process.kill
                if control.cancelled:
                    process.kill()
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()  # and left open: the server ends when this end closes
            except BrokenPipeError:
                pass
            answer = _listen(process, control)
            status = process.wait()
        finally:
            _end(process, control)
        if control is not None and control.cancelled:
            raise hrinet.Cancelled()
        if answer is None:
            raise SubprocessError(_failure(status, errors))
        if "error" in answer:
            raise hrinet.HrinetError(answer["error"], answer["code"])
        return answer["result"]


def _listen(process, control):
    """Answer of the subprocess, None if it ends without one."""
    answer = None
    for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            continue  # printed by something else
        if "done" in message:
            if control is not None and not control(message["done"], message["total"]):
                process.kill()
        else:
            answer = message
    return answer


def _end(process, control):
    if control is not None:
        control.on_cancel = None
    if process.poll() is None:
        process.kill()
        process.wait()
    process.stdout.close()
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass


def _failure(status, errors):
    """Message for a subprocess that ended without an answer."""
    errors.seek(0)
    lines = collections.deque(errors.read().decode("utf-8", "replace").split("\n"), 6)
    output = " ".join(line.strip() for line in lines if line.strip())
    text = f"HRINet's process {platforms.describe_exit(status)}; nothing was changed"
    return f"{text}. Its last output: {output}" if output else text
