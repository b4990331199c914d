#!/usr/bin/env python3
"""Folders as `hrinet batch` writes them, with made-up volumes.

tests/workflow/made_up.py FOLDER N                  N volumes, to look at a report of them
tests/workflow/made_up.py FOLDER N --no-pictures    without thumbnails
"""

import argparse
import csv
import hashlib
import pathlib
import random

import matplotlib.image
import numpy as np

COLUMNS = (
    "id,input,output,status,reason,modality,columns,rows,slices,slices_after,pixel_spacing_mm,"
    "slice_distance_mm,slice_distance_after_mm,read_seconds,compute_seconds,write_seconds,"
    "peak_memory_bytes,mean_expected_error_hu,warnings,model,model_sha256,options_sha256,"
    "input_fingerprint,hrinet_version,finished_at"
).split(",")
SKIPPED = ["already isotropic: slices 0.7 mm apart, pixels 0.7 mm", "localizer: one slice",
           "not CT: modality MR"]  # fmt: skip
FAILED = ["slice {} of the series cannot be read: unexpected end of file",
          "non-finite voxel at ({}, 12, 3); replace it or pass `--nan-as HU`",
          "No space left on device"]  # fmt: skip
WARNING = "known slices 7.5 mm apart; the model was trained up to 5 mm"


def row(number, **fields):
    """A row of a volume that was made."""
    identity = hashlib.sha256(str(number).encode()).hexdigest()[:16]
    random.seed(number)
    distance = random.choice([1.25, 2.0, 2.5, 2.5, 3.0, 5.0, 5.0, 7.5])
    parts = max(1, round(distance / 0.75))
    slices = random.randint(20, 140)
    values = {
        "id": identity, "output": f"volumes/{identity}.nii.gz", "status": "made", "modality": "CT",
        "columns": 512, "rows": 512, "slices": slices, "slices_after": (slices - 1) * parts + 1,
        "pixel_spacing_mm": 0.75, "slice_distance_mm": distance,
        "slice_distance_after_mm": round(distance / parts, 4),
        "read_seconds": round(random.uniform(0.2, 1), 3),
        "compute_seconds": round(slices * parts * random.uniform(0.05, 0.07), 3),
        "write_seconds": round(random.uniform(2, 5), 3), "peak_memory_bytes": 3 << 30,
        "mean_expected_error_hu": round(random.gammavariate(9, distance / 2.5), 2),
        "warnings": WARNING if distance > 5 else "", "model": "hrinet-motion",
        "model_sha256": "ab" * 32, "options_sha256": "cd" * 32, "input_fingerprint": "ef" * 32,
        "hrinet_version": "0.1.0", "finished_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    values.update(fields)
    return values


def rows(count):
    """Of a hundred volumes, five were skipped and three failed."""
    for number in range(count):
        messages = {"skipped": SKIPPED, "failed": FAILED}
        status = "failed" if number % 33 == 10 else "skipped" if number % 20 == 3 else "made"
        if status == "made":
            yield row(number)
        else:
            names = ("output", "slices_after", "slice_distance_after_mm", "compute_seconds",
                     "mean_expected_error_hu", "warnings")  # fmt: skip
            reason = messages[status][number // 33 % 3].format(number)
            yield row(number, status=status, reason=reason, **dict.fromkeys(names, ""))


def thumbnails(folder, identity):
    """A body of two ellipses, in boxes before and smooth after."""
    height, width = np.mgrid[-1:1:96j, -1:1:128j]
    lungs = sum((((width - x) / 0.3) ** 2 + (height / 0.7) ** 2 < 1) for x in (-0.4, 0.4))
    body = (width / 0.95) ** 2 + height**8 < 1
    after = np.where(lungs > 0, 0.15, np.where(body, 0.6, 0)) + 0.04 * np.cos(9 * height)
    before = np.repeat(after[4::8], 8, axis=0)
    for when, plane in (("before", before), ("after", after)):
        name = folder / f"{identity}-{when}.png"
        matplotlib.image.imsave(name, plane, cmap="gray", vmin=0, vmax=1)


def write(folder, made_up, pictures=True):
    """A folder with a manifest, and thumbnails of what was made."""
    folder = pathlib.Path(folder)
    for name in ("thumbnails", "reports"):
        folder.joinpath(name).mkdir(parents=True, exist_ok=True)
    with open(folder / "manifest.csv", "w", newline="") as file:
        lines = csv.DictWriter(file, COLUMNS)
        lines.writeheader()
        for one in made_up:
            lines.writerow(one)
            if pictures and one["status"] == "made":
                thumbnails(folder / "thumbnails", one["id"])
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("count", type=int)
    parser.add_argument("--no-pictures", action="store_true")
    arguments = parser.parse_args()
    write(arguments.folder, rows(arguments.count), not arguments.no_pictures)
