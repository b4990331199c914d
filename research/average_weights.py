"""Averages the generators of two checkpoints. Usage: see average-weights."""

import sys

from ship_weights import generator, write


def main():
    share, new, old, output = float(sys.argv[1]), *sys.argv[2:]
    if not 0 <= share <= 1:
        sys.exit(f"a share of {share}; use 0 to 1")
    (tensors, header), (others, _) = generator(new), generator(old)
    for name in set(tensors) & set(others):
        mean = share * tensors[name] + (1 - share) * others[name]
        tensors[name] = mean.astype(tensors[name].dtype)
    write(output, tensors, header)


main()
