"""Abilities of models, read from the library without blocking the panel."""

import logging
import os

from ..compute import backend, thread

log = logging.getLogger("HRINet")


class Capabilities:
    """Reads each model once, and again after its file has changed."""

    def __init__(self, read=backend.model_info):
        self._read = read
        self._known = {}
        self._workers = {}

    def of(self, model):
        """`backend.ModelInfo` of a model; the error if it does not load; None while it is read.

        `poll` reports when that changes.
        """
        key = _key(model)
        if key not in self._known and key not in self._workers:
            self._workers[key] = thread.Worker(lambda _control: self._read(model))
        return self._known.get(key)

    def poll(self):
        """Whether models were read since the last call."""
        finished = [key for key, worker in self._workers.items() if worker.finished]
        for key in finished:
            try:
                self._known[key] = self._workers.pop(key).result()
            except RuntimeError as error:
                log.info("HRINet: %s", error)
                self._known[key] = error
        return bool(finished)


def _key(model):
    """Name of a model, and the modification time of a file."""
    try:
        return model, os.stat(model).st_mtime_ns
    except OSError:
        return model, None
