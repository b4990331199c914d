"""Runs the examples and compares what they write with what the program writes. Needs only Python.

usage: examples.py PROGRAM WORK raw RESAMPLE_RAW
       examples.py PROGRAM WORK itk ITK_RESAMPLE [INPUT]
INPUT: a CT file or DICOM folder
"""

import array
import gzip
import math
import os
import subprocess
import sys
from pathlib import Path

program, work, example, command = sys.argv[1:5]
given = sys.argv[5] if len(sys.argv) > 5 else None
work = Path(work) / example
work.mkdir(parents=True, exist_ok=True)
if given and not os.path.exists(given):
    print(f"skipped: there is no {given}")
    sys.exit(77)


def run(*words):
    subprocess.run([str(word) for word in words], check=True)


def numbers(text):
    return [float(number) for number in text.strip().strip("()").split(",")]


def nrrd(path):
    """Sizes, origin and directions in LPS, and the voxels' bytes."""
    head, _, data = Path(path).read_bytes().partition(b"\n\n")
    fields = dict(
        line.split(": ", 1)
        for line in head.decode().splitlines()[1:]
        if ": " in line and line[0] != "#"
    )
    if fields["encoding"] in ("gzip", "gz"):
        data = gzip.decompress(data)
    spaces = {"left-posterior-superior": (1, 1, 1), "right-anterior-superior": (-1, -1, 1)}
    signs = spaces[fields["space"]]
    vectors = [fields["space origin"], *fields["space directions"].split()]
    vectors = [[sign * value for sign, value in zip(signs, numbers(vector))] for vector in vectors]
    return fields["sizes"].split(), vectors, data


def phantom(columns, rows, slices):
    return array.array(
        "h",
        (
            60 + 5 * i - 3 * j
            if (i - 12) ** 2 + (j - 10) ** 2 + 9 * (k - 1) ** 2 < 40
            else -990 + i * j % 90
            for k in range(slices)
            for j in range(rows)
            for i in range(columns)
        ),
    ).tobytes()


def write_nrrd(path, voxels, directions, origin):
    text = " ".join("(" + ",".join(repr(value) for value in vector) + ")" for vector in directions)
    header = (
        "NRRD0004\ntype: int16\ndimension: 3\nspace: left-posterior-superior\nsizes: 24 20 4\n"
        f"space directions: {text}\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
        f"space origin: ({','.join(map(repr, origin))})\n\n"
    )
    Path(path).write_bytes(header.encode() + voxels)


options = ["--threads", "2", "--device", "cpu", "--precision", "float32", "--overwrite", "--quiet"]
if example == "raw":
    voxels = phantom(24, 20, 4)
    (work / "in.raw").write_bytes(voxels)
    write_nrrd(work / "in.nrrd", voxels, [(0.8, 0, 0), (0, 0.8, 0), (0, 0, 3.0)], (0, 0, 0))
    run(command, work / "in.raw", 24, 20, 4, 0.8, 3, work / "out.raw")
    run(program, "resample", work / "in.nrrd", work / "expected.nrrd", *options)
    assert (work / "out.raw").read_bytes() == nrrd(work / "expected.nrrd")[2]
    missing = subprocess.run([command, "nowhere", "24", "20", "4", "1", "3", work / "x"])
    assert missing.returncode == 1
    sys.exit(0)


def compare(source, tolerance):
    source_out, expected = work / "out.nrrd", work / "expected.nrrd"
    run(command, source, source_out)
    run(program, "resample", source, expected, *options)
    (sizes, vectors, data), (sizes_expected, vectors_expected, data_expected) = map(
        nrrd, (source_out, expected)
    )
    assert sizes == sizes_expected, (sizes, sizes_expected)
    worst = max(
        abs(a - b) for mine, its in zip(vectors, vectors_expected) for a, b in zip(mine, its)
    )
    assert worst <= tolerance, (worst, vectors, vectors_expected)
    assert data == data_expected, "other voxels"
    print(f"{source}: {' x '.join(sizes)} voxels, the same bits; geometry within {worst:g} mm")
    return vectors


if given:
    # NIfTI has float32 in its header, of which ITK and the program each make a right-angled frame.
    compare(given, 1e-5)
    sys.exit(0)
origin = (-123.456, 17.25, 1000.1)
# Along the axes: exact. Turned about two axes: as exact as sines and cosines are.
voxels = phantom(24, 20, 4)
write_nrrd(work / "even.nrrd", voxels, [(0.8, 0, 0), (0, 0.8, 0), (0, 0, 3.1)], origin)
compare(work / "even.nrrd", 0)
c, s, d, t = math.cos(0.3), math.sin(0.3), math.cos(0.2), math.sin(0.2)
turned = [(c, s, 0.0), (-s * d, c * d, t), (s * t, -c * t, d)]
lengths = (0.8, 0.8, 3.1)
directions = [tuple(l * x for x in vector) for l, vector in zip(lengths, turned)]
write_nrrd(work / "turned.nrrd", voxels, directions, origin)
compare(work / "turned.nrrd", 1e-14 * 3.1)
