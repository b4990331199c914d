"""Work on a thread of its own: progress, time left, cancel, and an end before the application's."""

import atexit
import threading
import time
from typing import Callable, Optional

from . import hrinet


class Control:
    """What the work tells, and is told: called with slices done and in all, False means stop."""

    def __init__(self):
        self.done, self.total = 0, 0
        self._cancelled = threading.Event()
        self._first = None
        # Set by work that cannot look at the answer, such as a process: called at cancel.
        self.on_cancel: Optional[Callable[[], None]] = None

    def __call__(self, done=None, total=None):
        if done is not None:
            if self._first is None:
                self._first = (time.monotonic(), done)
            self.done, self.total = done, total
        return not self._cancelled.is_set()

    @property
    def cancelled(self):
        return self._cancelled.is_set()

    def cancel(self):
        """Asks the work to stop; any thread may."""
        self._cancelled.set()
        stop = self.on_cancel
        if stop:
            stop()

    def fraction(self):
        """How much is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    def seconds_left(self):
        """About how long it still takes; None before that can be said."""
        if self._first is None or self.done <= self._first[1]:
            return None
        start, first = self._first
        return (time.monotonic() - start) / (self.done - first) * (self.total - self.done)


class Worker:
    """Runs `work(control)` on a thread. Only the thread that made it looks at it."""

    def __init__(self, work):
        self.control = Control()
        self._work, self._result, self._error = work, None, None
        # A daemon: Python waits for other threads before it calls what atexit registered.
        self._thread = threading.Thread(target=self._run, name="HRINet", daemon=True)
        self.started = time.monotonic()
        self.seconds = 0.0
        _alive.add(self)
        self._thread.start()

    def _run(self):
        try:
            self._result = self._work(self.control)
        except BaseException as error:  # raised again by result()
            self._error = error
        finally:
            self.seconds = time.monotonic() - self.started
            _alive.discard(self)

    @property
    def finished(self):
        """Whether `result` answers at once."""
        return not self._thread.is_alive()

    def cancel(self):
        """Asks it to stop; it does within some slices."""
        self.control.cancel()

    def join(self, timeout=None):
        """Waits for the end; gives whether it came."""
        self._thread.join(timeout)
        return self.finished

    def result(self):
        """What the work gave, or raises what it raised: `hrinet.Cancelled` after a cancel."""
        self._thread.join()
        if self._error is not None:
            # A cancelled process breaks off in its own way.
            if self.control.cancelled and not isinstance(self._error, hrinet.Cancelled):
                raise hrinet.Cancelled() from self._error
            raise self._error
        if self.control.cancelled:
            raise hrinet.Cancelled()
        return self._result


_alive = set()


def shutdown():
    """Cancels what runs and waits for it: libtorch must not be unloaded under a thread that works."""
    for worker in list(_alive):
        worker.cancel()
    for worker in list(_alive):
        worker.join()


atexit.register(shutdown)
