"""Computes the outcome of the panel's choices without blocking the panel."""

from ..compute import backend, thread


class PlannedOutcome:
    """Answers the newest request; older ones are dropped."""

    def __init__(self):
        self._worker, self._running = None, None
        self._next, self._superseded = None, False

    def ask(self, request):
        """Starts on a `PlanRequest`, after the one that is running; None asks for nothing."""
        self._next = request
        self._superseded = self._worker is not None
        self._start_next()

    def poll(self):
        """(request, outcome or error), once, after the newest request is answered; else None."""
        if self._worker is None or not self._worker.finished:
            return None
        finished, self._worker = self._worker, None
        request, superseded, self._superseded = self._running, self._superseded, False
        if superseded:
            self._start_next()
            return None
        try:
            return request, finished.result()
        except RuntimeError as error:
            return request, error

    @property
    def busy(self):
        """Whether an answer is pending."""
        return self._worker is not None

    def _start_next(self):
        if self._worker is not None or self._next is None:
            return
        request, self._running, self._next = self._next, self._next, None
        self._worker = thread.Worker(lambda _control: backend.outcome(request))
