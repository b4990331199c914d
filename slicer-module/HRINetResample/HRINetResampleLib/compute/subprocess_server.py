"""Subprocess of `subprocess_client`.

Reads one request as a line of JSON from standard input, writes progress and result as lines of JSON
to standard output. Ends when its parent does.
"""

import dataclasses
import json
import os
import sys
import threading

import numpy as np

from ..binding import hrinet
from . import backend, filling, fine_tuning, resampling, subprocess_client


def answer(request, send):
    """Result of a request; progress is passed to `send`."""
    command = request["command"]
    if command == "devices":
        return hrinet.devices()
    if command == "model":
        return backend.read_model_info(request["model"])
    grid = resampling.Grid(**request["grid"])
    if command == "plan":
        options = hrinet.Options(**request["options"])
        image = _load(request, "in0", "c") if "folder" in request else None
        dtype, model = np.dtype(request["dtype"]), request["model"]
        wanted = resampling.PlanRequest(grid, dtype, options, model, image)
        return dataclasses.asdict(resampling.planned_outcome(wanted))

    def progress(done, total):
        send({"done": done, "total": total})
        return True

    if command == "fill":
        wanted = filling.Request(grid, request["tapers"], tuple(request["slices"]))
        image, labels = (_load(request, name, "c") for name in ("in0", "in1"))
        output = _load(request, "out0", "r+")
        filling.run(wanted, image, labels, output, progress)
        output.flush()
        return None
    if command == "fine-tune":
        wanted = fine_tuning.Request(**request["request"])
        voxels = _load(request, "in0", "c")
        found = fine_tuning.run(grid, wanted, voxels, request["path"], progress)
    else:
        arrays = _arrays(request)
        settings = subprocess_client.settings_from(request["settings"])
        found = resampling.run(grid, settings, arrays, progress)
        for target in arrays.outputs:
            target.flush()
    return dataclasses.asdict(found)


def _arrays(request):
    count = request["label_maps"]
    # "c" instead of read-only: NumPy hands out pointers of writable arrays only.
    image, *labels = (_load(request, f"in{index}", "c") for index in range(1 + count))
    written = 1 + count + request["expected_error"]
    output, *others = (_load(request, f"out{index}", "r+") for index in range(written))
    expected_error = others.pop() if request["expected_error"] else None
    return resampling.Arrays(image, output, labels, others, expected_error)


def _load(request, name, mode):
    return np.load(os.path.join(request["folder"], f"{name}.npy"), mmap_mode=mode)


def main():
    """Answers one request, and exits without destructors, as libtorch's threads may still run."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def send(message):
        print(json.dumps(message), flush=True)

    try:
        send({"result": answer(request, send)})
    except hrinet.HrinetError as error:
        send({"error": str(error), "code": error.code})
    except Exception as error:  # reported like an error of the library
        text = str(error)
        text = f"{type(error).__name__}: {text}" if not text else text
        send({"error": text, "code": 500})
    os._exit(0)


def _end_with_parent():
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
