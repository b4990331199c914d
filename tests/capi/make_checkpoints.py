"""Makes checkpoint files, sound and not, for the C programs here. Needs nothing but Python.

usage: make_checkpoints.py FIXTURE OUT
FIXTURE: tests/fixtures/motion.safetensors, the weights of a small HRINet-Motion.
"""
import hashlib
import json
import struct
import sys
from pathlib import Path

fixture, out = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)


def parts(file):
    """Header and data of a safetensors file."""
    (length,) = struct.unpack("<Q", file[:8])
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def file_of(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


described, data = parts(fixture)
tensors = {}
for name, tensor in sorted(described.items()):
    if name.startswith("weights."):
        begin, end = tensor["data_offsets"]
        tensors["generator." + name.removeprefix("weights.")] = (tensor["shape"], data[begin:end])


def checkpoint(**changes):
    sum = hashlib.sha256()
    header, packed = {}, b""
    for name, (shape, values) in sorted(tensors.items()):
        for text in (name.encode(), values):
            sum.update(struct.pack("<Q", len(text)) + text)
        offsets = [len(packed), len(packed) + len(values)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        packed += values
    entry = {
        "format": 1,
        "system": "hrinet-motion",
        "architecture": {"motion": {"widths": [4, 6, 8, 10], "hidden": 3, "refinement": 5}},
        "window_hu": [-1000.0, 1000.0],
        "record": {},
        "weights_sha256": sum.hexdigest(),
    } | changes
    header["__metadata__"] = {"hrinet": json.dumps(entry)}
    return file_of(header, packed)


small = checkpoint()
files = {
    "small": small,
    "foreign": fixture,  # a sound safetensors file of somebody else
    "newer": checkpoint(format=2),
    "cut": small[: len(small) // 2],
    "flipped": small[:-9] + bytes([small[-9] ^ 1]) + small[-8:],
    "unknown_system": checkpoint(system="hrinet-tomorrow"),
    "other_sizes": checkpoint(
        architecture={"motion": {"widths": [4, 6, 8, 12], "hidden": 3, "refinement": 5}}
    ),
    "empty": b"",
}
# The same with a confidence, of weights that nobody learnt.
channels = {"entry": (13, 8), "wide.first": (17, 16), "wide.second": (16, 8), "joint": (8, 8)}
for name, (inputs, outputs) in {**channels, "exit": (8, 1)}.items():
    count = inputs * outputs * 9
    weight = struct.pack(f"<{count}f", *((n * 37 % 11 - 5) / 100 for n in range(count)))
    tensors[f"confidence.{name}.weight"] = ([outputs, inputs, 3, 3], weight)
    tensors[f"confidence.{name}.bias"] = ([outputs], bytes(4 * outputs))
    if name != "exit":
        slope = struct.pack(f"<{outputs}f", *[0.25] * outputs)
        tensors[f"confidence.{name}.slope"] = ([outputs], slope)
files["confident"] = checkpoint()

for name, content in files.items():
    (out / f"{name}.safetensors").write_bytes(content)
(out / "größe.safetensors").write_bytes(small)
