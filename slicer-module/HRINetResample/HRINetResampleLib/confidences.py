"""Which models have learnt an expected error, asked without keeping the panel waiting."""

import logging
import os

from . import placement, worker

log = logging.getLogger("HRINet")


class Confidences:
    """Every model is asked once, and again when its file has changed."""

    def __init__(self, ask=placement.has_confidence):
        self._ask = ask
        self._answers = {}
        self._workers = {}

    def of(self, model):
        """True or False, or None where nobody knows yet: `poll` says when that has changed."""
        key = _key(model)
        if key not in self._answers and key not in self._workers:
            self._workers[key] = worker.Worker(lambda _control: self._ask(model))
        return self._answers.get(key)

    def poll(self):
        """Whether there are answers that were not there before."""
        finished = [key for key, work in self._workers.items() if work.finished]
        for key in finished:
            try:
                self._answers[key] = bool(self._workers.pop(key).result())
            except RuntimeError as error:  # no model: Apply will say so
                log.info("HRINet: %s", error)
                self._answers[key] = False
        return bool(finished)


def _key(model):
    """A file by when it was written, too."""
    try:
        return model, os.stat(model).st_mtime_ns
    except OSError:
        return model, None
