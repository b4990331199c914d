"""The process of one engine of `bench.py`: interpolates once for each line on standard input.

Usage: bench_worker.py SETTINGS.json, whose keys are the settings and `engine`, `known`, `result`.

Answers each line with one of JSON: `processor`, `wall` and `busiest` in seconds, `peak_mb`. The
first answer, without a line, comes after the set-up and, except for engines that take minutes, a
first run. `busiest` is the processor time of the busiest thread: the wall time on idle cores.
"""

import json
import os
import pathlib
import resource
import sys
import threading
import time
import types

import numpy as np

from bench_engines import ENGINES, ONCE

SAMPLE_SECONDS = 0.05


def processor_seconds():
    """Processor time of this process and its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mb():
    """Largest memory of this process; of its child where it runs one."""
    status = pathlib.Path("/proc/self/status").read_text()
    own = int(status.split("VmHWM:")[1].split()[0]) * 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return (child or own) / 1e6


def thread_seconds():
    """Processor time of each thread of this process and its children, by process and thread."""
    seconds = {}
    for task in threads_of(os.getpid()):
        try:
            seconds[task] = int((task / "schedstat").read_text().split()[0]) / 1e9
            children = (task / "children").read_text().split()
            for each in (thread for child in children for thread in threads_of(child)):
                seconds[each] = int((each / "schedstat").read_text().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
    return seconds


def threads_of(process):
    try:
        return list(pathlib.Path(f"/proc/{process}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


class BusiestThread:
    """Samples the threads of this process while a block runs; they may end before it does."""

    def __enter__(self):
        self._before = self._last = thread_seconds()
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()
        return self

    def _sample(self):
        while not self._ended.wait(SAMPLE_SECONDS):
            self._last = {**self._last, **thread_seconds()}

    def __exit__(self, *_):
        self._ended.set()
        self._sampler.join()
        last = {**self._last, **thread_seconds()}
        self.seconds = max(last[task] - self._before.get(task, 0) for task in last)


def measured(run):
    """What one run takes."""
    with BusiestThread() as busiest:
        wall, processor = time.perf_counter(), processor_seconds()
        run()
        wall, processor = time.perf_counter() - wall, processor_seconds() - processor
    times = {"wall": wall, "processor": processor, "busiest": busiest.seconds}
    return {**times, "peak_mb": peak_mb()}


def main():
    settings = types.SimpleNamespace(**json.loads(pathlib.Path(sys.argv[1]).read_text()))
    # Engines may write to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = np.load(settings.known)
    set_up, _ = ENGINES[settings.engine]
    run, result = set_up(known, settings)
    if settings.engine not in ONCE:
        slices = run()
        np.save(settings.result, slices if result is None else result(slices))
    print(json.dumps({"set_up": processor_seconds()}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measured(run)), file=answers, flush=True)


if __name__ == "__main__":
    main()
