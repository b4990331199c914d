"""Chunks: parts of a batch of about equal cost, a job each.

A volume belongs to one chunk for ever, so that no two jobs write one output. A chunk is a folder
OUTPUT/chunks/N: its list, and the lock and the manifest of `hrinet batch`, whose volumes, reports
and thumbnails are links to the folders that all chunks share.
"""

import collections
import csv
import heapq
import json
import math
import os
import pathlib
import subprocess

LIST = "list.csv"
COLUMNS = ("id", "input", "series", "labels", "output")
SHARED = ("volumes", "reports", "thumbnails")
MIN_SECONDS = 0.05  # what a volume costs at least, beside its compute


def numbers(folder):
    """The numbers of the chunks of a batch, in order."""
    return sorted(path.parent.name for path in pathlib.Path(folder).glob(f"chunks/*/{LIST}"))


def assigned(folder):
    """The rows of all lists of chunks, by id."""
    rows = {}
    for number in numbers(folder):
        with open(pathlib.Path(folder, "chunks", number, LIST), newline="") as file:
            rows.update((row["id"], row) for row in csv.DictReader(file))
    return rows


def cost(volume):
    return max(volume.get("seconds") or 0, MIN_SECONDS)


def split(volumes, seconds):
    """Parts of about equal cost, of about so many seconds; volumes keep their order in each."""
    count = min(len(volumes), math.ceil(sum(map(cost, volumes)) / seconds))
    parts = [(0.0, number, []) for number in range(count)]
    for place in sorted(range(len(volumes)), key=lambda place: -cost(volumes[place])):
        total, number, places = parts[0]  # the cheapest so far
        places.append(place)
        heapq.heapreplace(parts, (total + cost(volumes[place]), number, places))
    return [
        [volumes[place] for place in sorted(places)] for _, _, places in sorted(parts, key=first)
    ]


def first(part):
    return min(part[2])


def dry_run(command):
    """The volumes that `hrinet batch ... --dry-run` finds."""
    done = subprocess.run([*command, "--dry-run", "--json", "-"], stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout)["volumes"]


def plan(folder, volumes, seconds):
    """Puts volumes that are in no chunk yet, and not done, into new chunks; returns their number.

    Lists name the paths of inputs: they can be read by their owner alone.
    """
    folder = pathlib.Path(folder)
    for name in SHARED:
        folder.joinpath(name).mkdir(parents=True, exist_ok=True)
    known = assigned(folder)
    new = [one for one in volumes if one["id"] not in known and one["status"] != "done"]
    start = int(max(numbers(folder), default="0"))
    check_outputs([*known.values(), *new])
    parts = split(new, seconds)
    for number, part in enumerate(parts, start + 1):
        chunk = folder / "chunks" / f"{number:05}"
        chunk.mkdir(parents=True, exist_ok=True)
        for name in SHARED:
            link = chunk / name
            if not link.is_symlink():
                link.symlink_to(pathlib.Path("..", "..", name))
        write_list(chunk / LIST, part)
    return len(parts)


def check_outputs(rows):
    """Refuses outputs of a list that are no part of the common tree, or that two volumes have."""
    outputs = [row["output"] for row in rows if row.get("output")]
    for output in outputs:
        if pathlib.PurePath(output).parts[0] != SHARED[0]:
            raise SystemExit(f"output {output!r}: name a path in {SHARED[0]}/")
    for output, count in collections.Counter(map(os.path.normpath, outputs)).items():
        if count > 1:
            raise SystemExit(f"output {output!r}: {count} volumes have it; give each its own")


def write_plan(folder, path):
    """Writes how many volumes each chunk has."""
    counts = {}
    for number in numbers(folder):
        with open(pathlib.Path(folder, "chunks", number, LIST), newline="") as file:
            counts[number] = sum(1 for _ in csv.DictReader(file))
    pathlib.Path(path).write_text(json.dumps({"volumes": counts}, indent=1) + "\n")


def write_list(path, volumes):
    """Writes a list for `hrinet batch`, completely or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    owner_alone = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(owner_alone, "w", newline="") as file:
        lines = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        lines.writeheader()
        lines.writerows(volumes)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
