"""Manifests of `hrinet batch`: read, merge, write."""

import csv
import os
import pathlib
import re
from dataclasses import dataclass

ID = re.compile(r"[0-9a-f]{16}")


class BadManifest(Exception):
    """A manifest that cannot be read; the message says why."""


@dataclass
class Manifest:
    """Rows by id, the last row of an id only, in the order of their first appearance."""

    columns: list
    rows: dict
    damaged: int = 0
    """Lines that were left out: without an id, or with another number of fields than columns."""


def read(path):
    """The manifest in a file."""
    csv.field_size_limit(1 << 24)
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            lines = csv.reader(file)
            columns = next(lines, [])
            if "id" not in columns or "status" not in columns:
                raise BadManifest(f"{path}: no manifest of hrinet batch: its first line lacks "
                                  "the columns id and status")  # fmt: skip
            manifest = Manifest(columns, {})
            for line in lines:
                row = dict(zip(columns, line))
                if len(line) != len(columns) or not ID.fullmatch(row["id"]):
                    manifest.damaged += 1
                else:
                    manifest.rows[row["id"]] = row
            return manifest
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror}") from error
    except csv.Error as error:
        raise BadManifest(f"{path}: {error}") from error


def merge(paths):
    """One manifest of several: of an id, the row that was finished last."""
    merged = Manifest([], {})
    for path in paths:
        one = read(path)
        merged.columns += [name for name in one.columns if name not in merged.columns]
        merged.damaged += one.damaged
        for identity, row in one.rows.items():
            old = merged.rows.get(identity, {})
            # Times are ISO 8601 in UTC, so that their text sorts as they do.
            if row.get("finished_at", "") >= old.get("finished_at", ""):
                merged.rows[identity] = row
    return merged


def write(manifest, path):
    """Writes a manifest completely or not at all; a file that is there is replaced."""
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, manifest.columns, restval="", lineterminator="\n")
        lines.writeheader()
        lines.writerows(manifest.rows.values())
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def merge_chunks(folder):
    """Writes the manifest of a folder: what it has already, and those of its chunks."""
    folder = pathlib.Path(folder)
    own = folder / "manifest.csv"
    paths = [own] if own.exists() else []
    paths += sorted(folder.glob("chunks/*/manifest.csv"))
    write(merge(paths), own)
