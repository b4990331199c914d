"""The same job in a process of its own: what crashes there leaves Slicer alive."""

import collections
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np

from . import adapting, hrinet, jobs, platforms

_FOLDER = pathlib.Path(__file__).resolve().parent.parent


class ProcessError(RuntimeError):
    """The process broke down; the message says how."""


def devices():
    """As `hrinet.devices`, asked in a process of its own."""
    return [tuple(pair) for pair in _ask({"command": "devices"}, None)]


def plan(grid, dtype, options):
    """The outcome that a plan promises, asked in a process of its own."""
    request = {"command": "plan", "grid": dataclasses.asdict(grid), "dtype": np.dtype(dtype).name,
               "options": dataclasses.asdict(options)}
    return outcome_of(_ask(request, None))


def has_confidence(model):
    """As `hrinet.Model(model).has_confidence`, asked in a process of its own."""
    return _ask({"command": "confidence", "model": model}, None)


def run(grid, settings, voxels, out, labels, labels_out, progress, errors=None):
    """As `jobs.run`. The arrays pass through files of a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="hrinet-") as folder:
        sources = [voxels, *labels]
        for index, source in enumerate(sources):
            np.save(os.path.join(folder, f"in{index}.npy"), source)
        targets = [out, *labels_out] + ([] if errors is None else [errors])
        for index, target in enumerate(targets):
            np.lib.format.open_memmap(
                os.path.join(folder, f"out{index}.npy"), "w+", target.dtype, target.shape
            )
        request = {"command": "run", "grid": dataclasses.asdict(grid), "folder": folder,
                   "settings": dataclasses.asdict(settings), "arrays": len(sources),
                   "errors": errors is not None}
        found = outcome_of(_ask(request, progress))
        for index, target in enumerate(targets):
            target[...] = np.load(os.path.join(folder, f"out{index}.npy"), mmap_mode="r")
        return found


def adapt(grid, request, voxels, path, progress):
    """As `adapting.run`."""
    with tempfile.TemporaryDirectory(prefix="hrinet-") as folder:
        np.save(os.path.join(folder, "in0.npy"), voxels)
        asked = {"command": "adapt", "grid": dataclasses.asdict(grid), "folder": folder, "path": path,
                 "request": dataclasses.asdict(request)}
        return adapting.Gain(**_ask(asked, progress))


def outcome_of(found):
    """An outcome that came as JSON, whose keys are text."""
    found["known"] = {int(index): first for index, first in found["known"].items()}
    return jobs.Outcome(**found)


def settings_of(found):
    """Settings that came as JSON."""
    return jobs.Settings(**{**found, "options": hrinet.Options(**found["options"])})


def _ask(request, control):
    """Starts the process, passes its progress on, and gives its answer."""
    environment = {**os.environ}
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [platforms.python_program(), "-m", "HRINetResampleLib.child"],
            cwd=_FOLDER, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=complaints, encoding="utf-8", **platforms.process_options(),
        )
        try:
            if control is not None:
                control.on_cancel = process.kill
                if control.cancelled:
                    process.kill()
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()  # and left open: its end tells the process that we are gone
            except BrokenPipeError:
                pass
            answer = _listen(process, control)
            status = process.wait()
        finally:
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
        if control is not None and control.cancelled:
            raise hrinet.Cancelled()
        if answer is None:
            complaints.seek(0)
            last = collections.deque(complaints.read().decode("utf-8", "replace").split("\n"), 6)
            said = " ".join(line.strip() for line in last if line.strip())
            raise ProcessError(
                f"HRINet's process {platforms.how_it_ended(status)}; nothing was changed"
                + (f". It said: {said}" if said else "")
            )
        if "error" in answer:
            raise hrinet.HrinetError(answer["error"], answer["code"])
        return answer["result"]


def _listen(process, control):
    answer = None
    for line in process.stdout:
        try:
            told = json.loads(line)
        except ValueError:
            continue  # something else that prints
        if "done" in told:
            if control is not None and not control(told["done"], told["total"]):
                process.kill()
        else:
            answer = told
    return answer
