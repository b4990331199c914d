"""Worker threads: progress, remaining time, cancel, and an end before the application's."""

import atexit
import threading
import time
from typing import Callable, Optional

from ..binding import hrinet


class Control:
    """Progress of a job, and its cancel flag: called with slices done and total, False cancels."""

    def __init__(self):
        self.done, self.total = 0, 0
        self._cancelled = threading.Event()
        self._first = None
        # Called by `cancel`; for work that cannot poll the flag, such as a subprocess.
        self.on_cancel: Optional[Callable[[], None]] = None

    def __call__(self, done=None, total=None):
        if done is not None:
            if self._first is None:
                self._first = (time.monotonic(), done)
            self.done, self.total = done, total
        return not self._cancelled.is_set()

    @property
    def cancelled(self):
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def cancel(self):
        """Asks the work to stop; may be called from any thread."""
        self._cancelled.set()
        stop = self.on_cancel
        if stop:
            stop()

    def fraction(self):
        """Part that is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    def seconds_left(self):
        """Estimated remaining seconds; None before an estimate is possible."""
        if self._first is None or self.done <= self._first[1]:
            return None
        start, first = self._first
        return (time.monotonic() - start) / (self.done - first) * (self.total - self.done)


class Worker:
    """Runs `work(control)` on a thread. Used by the thread that creates it."""

    def __init__(self, work):
        self.control = Control()
        self._work, self._result, self._error = work, None, None
        # A daemon: Python waits for other threads before it calls what atexit registered.
        self._thread = threading.Thread(target=self._run, name="HRINet", daemon=True)
        self.started = time.monotonic()
        self.seconds = 0.0
        _running.add(self)
        self._thread.start()

    def _run(self):
        try:
            self._result = self._work(self.control)
        except BaseException as error:  # raised again by result()
            self._error = error
        finally:
            self.seconds = time.monotonic() - self.started
            _running.discard(self)

    @property
    def finished(self):
        """Whether `result` returns without waiting."""
        return not self._thread.is_alive()

    def cancel(self):
        """Asks the work to stop, which it does within a few slices."""
        self.control.cancel()

    def join(self, timeout=None):
        """Waits for the end of the work; returns whether it has ended."""
        self._thread.join(timeout)
        return self.finished

    def result(self):
        """Return value of the work, or raises its exception: `hrinet.Cancelled` after a cancel."""
        self._thread.join()
        if self._error is not None:
            # A subprocess that is killed by a cancel fails in its own way.
            if self.control.cancelled and not isinstance(self._error, hrinet.Cancelled):
                raise hrinet.Cancelled() from self._error
            raise self._error
        if self.control.cancelled:
            raise hrinet.Cancelled()
        return self._result


_running = set()


def shutdown():
    """Cancels all workers and waits for them: libtorch must not be unloaded while they use it."""
    for worker in list(_running):
        worker.cancel()
    for worker in list(_running):
        worker.join()


atexit.register(shutdown)
