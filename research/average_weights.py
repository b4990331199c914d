"""Averages the generators of two checkpoints. Usage: see average-weights."""

import json
import sys

from safetensors import safe_open
from safetensors.numpy import save_file

from ship_weights import checksum


def generator(path):
    """Returns the generator's tensors and the header."""
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["hrinet"])
        names = [name for name in file.keys() if name.startswith("generator.")]
        return {name: file.get_tensor(name) for name in names}, header


def main():
    share, new, old, output = float(sys.argv[1]), *sys.argv[2:]
    if not 0 <= share <= 1:
        sys.exit(f"a share of {share}; use 0 to 1")
    (tensors, header), (others, _) = generator(new), generator(old)
    for name in set(tensors) & set(others):
        mean = share * tensors[name] + (1 - share) * others[name]
        tensors[name] = mean.astype(tensors[name].dtype)
    header.pop("training", None)
    header["weights_sha256"] = checksum(tensors)
    save_file(tensors, output, {"hrinet": json.dumps(header)})


main()
