"""Asks for the outcome of what the panel says, without keeping the panel waiting."""

from . import placement, worker


class Preview:
    """The newest question is answered; older ones are dropped."""

    def __init__(self):
        self._worker, self._asked = None, None
        self._next, self._superseded = None, False

    def ask(self, question):
        """`question`: (grid, dtype, options), or None for nothing to ask."""
        self._next = question
        self._superseded = self._worker is not None
        self._go_on()

    def poll(self):
        """(question, outcome or error) once when there is an answer to the newest; else None."""
        if self._worker is None or not self._worker.finished:
            return None
        finished, self._worker = self._worker, None
        asked, superseded, self._superseded = self._asked, self._superseded, False
        if superseded:
            self._go_on()
            return None
        try:
            return asked, finished.result()
        except RuntimeError as error:
            return asked, error

    @property
    def busy(self):
        """Whether an answer is to come."""
        return self._worker is not None

    def _go_on(self):
        if self._worker is not None or self._next is None:
            return
        self._asked, self._next = self._next, None
        grid, dtype, options = self._asked
        self._worker = worker.Worker(lambda _control: placement.outcome(grid, dtype, options))
