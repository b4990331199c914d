"""Training with the C library; used as `hrinet.Trainer`."""

import ctypes
import os
from typing import Any, Dict, Optional, Type, TypeVar

import numpy as np

from . import declarations as c
from .handles import Handle, check, float_pointer, invalid_argument
from .models import MOTION_SYSTEM, Model

AnyTrainer = TypeVar("AnyTrainer", bound="Trainer")


class Trainer(Handle):
    """A generator in training. Used by one thread at a time."""

    _free = "hrinet_trainer_free"

    def __init__(
        self,
        system: str = MOTION_SYSTEM,
        model: Optional[Model] = None,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        """Starts from random weights on `device`, or from those of `model`.

        `options` are fields of HrinetTrainerOptions (`iterations`, `learning_rate`, `lambda`, ...).
        """
        super().__init__()
        wanted = c.HrinetTrainerOptions()
        check(self._library, self._library.hrinet_trainer_options_init(system.encode(), wanted))
        fields = {field[0] for field in wanted._fields_}
        for name, value in options.items():
            if name not in fields:
                raise invalid_argument(f"training has no option '{name}'")
            setattr(wanted, name, value.encode() if isinstance(value, str) else value)
        pointer = ctypes.POINTER(c.HrinetTrainer)()
        if model is None:
            status = self._library.hrinet_trainer_create(wanted, device.encode(), pointer)
        else:
            status = self._library.hrinet_trainer_create_from_model(wanted, model._pointer, pointer)
        check(self._library, status)
        self._pointer = pointer

    @classmethod
    def load(cls: Type[AnyTrainer], path: Any, device: str = "cpu") -> AnyTrainer:
        """Resumes from a checkpoint of `save`."""
        trainer = cls.__new__(cls)
        Handle.__init__(trainer)
        pointer = ctypes.POINTER(c.HrinetTrainer)()
        name = os.fsencode(path)
        status = trainer._library.hrinet_trainer_load(name, device.encode(), pointer)
        check(trainer._library, status)
        trainer._pointer = pointer
        return trainer

    def step(self, groups: Any, context: Any = None) -> Dict[str, float]:
        """Trains one iteration on HU [groups, slices, rows, columns]; returns the losses by name.

        The first and the last slice of a group are the known ones; those between them are the
        truth. `context` [groups, 2, rows, columns]: the known slices before and after each group,
        as far from it as its ends are from each other; NaN where there is none.
        """
        groups = np.ascontiguousarray(groups, np.float32)
        if groups.ndim != 4:
            raise invalid_argument(f"groups have 4 dimensions, not {groups.ndim}")
        batch = c.HrinetTrainingBatch()
        check(self._library, self._library.hrinet_training_batch_init(batch))
        batch.slices_hu = float_pointer(groups)
        batch.groups, batch.group_slices, batch.rows, batch.columns = groups.shape
        if context is not None:
            context = np.ascontiguousarray(context, np.float32)
            wanted = (groups.shape[0], 2, *groups.shape[2:])
            if context.shape != wanted:
                raise invalid_argument(f"context slices have shape {wanted}, not {context.shape}")
            batch.context_hu = float_pointer(context)
        losses = c.HrinetStepLosses(struct_size=ctypes.sizeof(c.HrinetStepLosses))
        status = self._library.hrinet_trainer_step(self._pointer, batch, losses)
        check(self._library, status)
        names = [field[0] for field in losses._fields_ if field[0] != "struct_size"]
        return {name: getattr(losses, name) for name in names}

    @property
    def iterations(self) -> int:
        """Iterations trained so far."""
        return int(self._library.hrinet_trainer_iterations(self._pointer))

    def save(self, path: Any) -> None:
        """Writes a checkpoint from which `load` resumes."""
        check(self._library, self._library.hrinet_trainer_save(self._pointer, os.fsencode(path)))

    def model(self) -> Model:
        """Model of the generator's present weights."""
        model = Model.__new__(Model)
        Handle.__init__(model)
        pointer = ctypes.POINTER(c.HrinetModel)()
        check(self._library, self._library.hrinet_trainer_model(self._pointer, pointer))
        model._take(pointer)
        return model
