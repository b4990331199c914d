"""The other side of `processes`: one request as JSON on standard input, its progress and answer as
lines of JSON on standard output. Ends when its parent does."""

import dataclasses
import json
import os
import sys
import threading

import numpy as np

from . import adapting, hrinet, jobs, processes


def answer(request, say):
    """The result of a request."""
    if request["command"] == "devices":
        return hrinet.devices()
    if request["command"] == "confidence":
        with hrinet.Model(request["model"], "cpu") as model:
            return model.has_confidence
    grid = jobs.Grid(**request["grid"])
    if request["command"] == "plan":
        with jobs.make_plan(grid, request["dtype"], hrinet.Options(**request["options"])) as plan:
            return dataclasses.asdict(jobs.outcome(plan))

    def array(kind, index, mode):
        return np.load(os.path.join(request["folder"], f"{kind}{index}.npy"), mmap_mode=mode)

    def progress(done, total):
        say({"done": done, "total": total})
        return True

    if request["command"] == "adapt":
        asked = adapting.Request(**request["request"])
        found = adapting.run(grid, asked, array("in", 0, "c"), request["path"], progress)
        return dataclasses.asdict(found)

    # "c": as read-only, but the library takes any pointer.
    sources = [array("in", index, "c") for index in range(request["arrays"])]
    count = request["arrays"] + request["errors"]
    targets = [array("out", index, "r+") for index in range(count)]
    errors = targets.pop() if request["errors"] else None
    settings = processes.settings_of(request["settings"])
    found = jobs.run(grid, settings, sources[0], targets[0], sources[1:], targets[1:], progress,
                     errors)
    for target in (*targets, *([] if errors is None else [errors])):
        target.flush()
    return dataclasses.asdict(found)


def main():
    """Answers, and leaves without destructors: libtorch's threads may still be there."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def say(line):
        print(json.dumps(line), flush=True)

    try:
        say({"result": answer(request, say)})
    except hrinet.HrinetError as error:
        say({"error": str(error), "code": error.code})
    except Exception as error:  # told like the library's own
        say({"error": f"{type(error).__name__}: {error}" if not str(error) else str(error), "code": 500})
    os._exit(0)


def _end_with_parent():
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
