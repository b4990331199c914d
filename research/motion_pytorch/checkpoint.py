"""Reads checkpoints of HRINet-Motion."""

import hashlib
import json
import pathlib
from typing import NamedTuple

from safetensors import safe_open

from .error_head import WINDOW_WIDTH_HU, ErrorHead
from .generator import MotionGenerator
from .interpolation import Interpolation

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
FORMAT = 1


class CheckpointError(Exception):
    """A model that cannot be used, with the reason."""


class Model(NamedTuple):
    """An interpolation with its weights, and what the checkpoint says about them."""

    interpolation: Interpolation
    header: dict
    file_sha256: str
    path: pathlib.Path


def find(name_or_path):
    """The file of a shipped model by its name, or of a checkpoint by its path."""
    shipped = sorted(path.stem for path in MODELS.glob("*.safetensors"))
    path = pathlib.Path(name_or_path)
    if name_or_path in shipped:
        return MODELS / f"{name_or_path}.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"no model is called {name_or_path!r}; there are {', '.join(shipped)}, or the path of "
            "a .safetensors checkpoint"
        )
    return path


def load(name_or_path, error_head=True):
    """Loads a shipped model by its name or a checkpoint by its path, as a `Model`.

    Without `error_head`, one that the checkpoint has is left out.
    """
    path = find(name_or_path)
    header, weights = read(path)
    sizes = header["architecture"].get("motion")
    if sizes is None:
        raise CheckpointError(
            f"{path}: a generator of the system {header['system']!r}; only those of hrinet-motion "
            "are written in PyTorch"
        )
    generator = MotionGenerator(**sizes)
    generator.load_state_dict(group(weights, "generator."))
    head, head_weights = None, group(weights, "confidence.")
    if error_head and head_weights:
        low, high = header["window_hu"]
        if high - low != WINDOW_WIDTH_HU:
            raise CheckpointError(
                f"{path}: an error head in a grey window of {low} to {high} HU; it must be "
                f"{WINDOW_WIDTH_HU} HU wide"
            )
        head = ErrorHead(sizes["hidden"], sizes["widths"][0])
        head.load_state_dict(head_weights)
    interpolation = Interpolation(generator, head, header["window_hu"])
    interpolation.eval().requires_grad_(False)
    return Model(interpolation, header, hashlib.sha256(path.read_bytes()).hexdigest(), path)


def read(path):
    """Header and float32 weights of a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("hrinet", "null"))
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise CheckpointError(f"{path}: no safetensors file: {error}") from error
    if header is None:
        raise CheckpointError(
            f"{path}: no checkpoint of hrinet: its metadata has no entry 'hrinet'"
        )
    if header["format"] != FORMAT:
        raise CheckpointError(
            f"{path}: format {header['format']}; this script reads {FORMAT}, update it"
        )
    return header, weights


def group(weights, prefix):
    """The weights whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): weight
        for name, weight in weights.items()
        if name.startswith(prefix)
    }
