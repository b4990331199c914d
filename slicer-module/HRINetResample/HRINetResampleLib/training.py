"""Training through the C library; `hrinet.Trainer`."""

import ctypes
from typing import Any

import numpy as np

from . import declarations as c
from .handles import Handle, HrinetError, check, floats
from .models import Model


class Trainer(Handle):
    """A generator in training. One thread at a time."""

    _free = "hrinet_trainer_free"

    def __init__(self, system="hrinet-motion", model=None, device="cpu", **options: Any):
        """Begins with new weights on `device`, or with those of `model`; `options` are fields of
        HrinetTrainerOptions (`iterations`, `learning_rate`, `lambda`...)."""
        super().__init__()
        wanted = c.HrinetTrainerOptions()
        check(self._library, self._library.hrinet_trainer_options_init(system.encode(), wanted))
        fields = {name for name, _ in wanted._fields_}
        for name, value in options.items():
            if name not in fields:
                raise HrinetError(f"there is no option '{name}' of training", c.HRINET_INVALID_ARGUMENT)
            setattr(wanted, name, value)
        pointer = ctypes.POINTER(c.HrinetTrainer)()
        if model is None:
            status = self._library.hrinet_trainer_create(wanted, device.encode(), pointer)
        else:
            status = self._library.hrinet_trainer_create_from_model(wanted, model._pointer, pointer)
        check(self._library, status)
        self._pointer = pointer

    @classmethod
    def load(cls, path, device="cpu"):
        """Goes on where `save` stopped."""
        trainer = cls.__new__(cls)
        Handle.__init__(trainer)
        pointer = ctypes.POINTER(c.HrinetTrainer)()
        check(trainer._library, trainer._library.hrinet_trainer_load(
            str(path).encode(), device.encode(), pointer
        ))
        trainer._pointer = pointer
        return trainer

    def step(self, groups, beyond=None):
        """One iteration on HU [groups, slices, rows, columns]; gives the losses by name. `beyond`
        [groups, 2, rows, columns]: the known slices before and after each group, each as far from it as
        its ends from each other, NaN where there is none."""
        groups = np.ascontiguousarray(groups, np.float32)
        if groups.ndim != 4:
            raise HrinetError(f"groups have 4 dimensions, not {groups.ndim}", c.HRINET_INVALID_ARGUMENT)
        batch = c.HrinetTrainingBatch()
        check(self._library, self._library.hrinet_training_batch_init(batch))
        batch.slices_hu = floats(groups)
        batch.groups, batch.group_slices, batch.rows, batch.columns = groups.shape
        if beyond is not None:
            beyond = np.ascontiguousarray(beyond, np.float32)
            wanted = (groups.shape[0], 2, *groups.shape[2:])
            if beyond.shape != wanted:
                raise HrinetError(f"slices beyond the groups are {wanted}, not {beyond.shape}",
                                  c.HRINET_INVALID_ARGUMENT)
            batch.context_hu = floats(beyond)
        losses = c.HrinetStepLosses(struct_size=ctypes.sizeof(c.HrinetStepLosses))
        status = self._library.hrinet_trainer_step(self._pointer, batch, losses)
        check(self._library, status)
        return {name: getattr(losses, name) for name, _ in losses._fields_ if name != "struct_size"}

    @property
    def iterations(self):
        """Iterations so far."""
        return self._library.hrinet_trainer_iterations(self._pointer)

    def save(self, path):
        """Writes a checkpoint that `load` goes on from."""
        check(self._library, self._library.hrinet_trainer_save(self._pointer, str(path).encode()))

    def model(self):
        """The generator as it is now."""
        model = Model.__new__(Model)
        Handle.__init__(model)
        pointer = ctypes.POINTER(c.HrinetModel)()
        check(self._library, self._library.hrinet_trainer_model(self._pointer, pointer))
        model._take(pointer)
        return model
