"""The report of a batch: one static HTML page made of its manifest."""

import base64
import collections
import datetime
import hashlib
import os
import pathlib
import re
import statistics

import jinja2
import markupsafe

from . import manifest as manifests
from . import plots

HERE = pathlib.Path(__file__).parent
MAX_EMBEDDED = 16 << 20  # bytes of thumbnails that a page carries itself
MAX_ROWS = 10_000
STATUSES = ("failed", "skipped", "made")
# What differs between two messages of one kind.
DETAILS = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*'|`[^`]*`)|(?P<path>\S*/\S+?(?=[:,;]?(\s|$)))"""
    r"""|(?P<hex>\b[0-9a-f]{8,}\b)|(?P<number>-?\d[\d.,]*(?<![.,]))"""
)


def number(text):
    """The finite number in a field, or None."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < float("inf") else None


def kind(message):
    """A message without the names and numbers that differ from volume to volume."""
    named = DETAILS.sub(lambda match: "N" if match["number"] else "…", message)
    return named.strip() or "no reason given"


def digits(value, places=2):
    """A number for people: thousands apart, no zeros at the end; an empty text for none."""
    if value is None:
        return ""
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds):
    if seconds < 60:
        return f"{digits(seconds, 1)} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{digits(seconds / 3600, 1)} h"


def volume(row):
    """One row of the table, its fields as the page shows and sorts them."""
    status = row["status"] if row["status"] in STATUSES else "failed"
    spacing = [number(part) for part in re.split(r"[x\\, ]+", row.get("pixel_spacing_mm", ""))]
    seconds = [number(row.get(f"{part}_seconds")) for part in ("read", "compute", "write")]
    return {
        "id": row["id"],
        "input": row.get("input", ""),
        "status": status,
        "reason": row.get("reason", ""),
        "warnings": [text for text in row.get("warnings", "").split(" | ") if text],
        "modality": row.get("modality", ""),
        "columns": number(row.get("columns")),
        "rows": number(row.get("rows")),
        "slices": number(row.get("slices")),
        "slices_after": number(row.get("slices_after")),
        "pixel": spacing[0] if spacing else None,
        "distance": number(row.get("slice_distance_mm")),
        "distance_after": number(row.get("slice_distance_after_mm")),
        "error": number(row.get("mean_expected_error_hu")),
        "seconds": sum(part or 0 for part in seconds) if any(seconds) else None,
        "compute": seconds[1],
        "memory": number(row.get("peak_memory_bytes")),
        "made_with": {
            name: row.get(name, "")
            for name in ("model", "model_sha256", "options_sha256", "hrinet_version")
        },
    }


def totals(volumes):
    """The figures at the top: (name, value) pairs."""
    made = [one for one in volumes if one["status"] == "made"]
    counts = collections.Counter(one["status"] for one in volumes)

    def add(name, among=made):
        return sum(one[name] or 0 for one in among)

    errors = [one["error"] for one in made if one["error"] is not None]
    yield "Volumes", digits(len(volumes))
    for status in ("made", "skipped", "failed"):
        yield status.capitalize(), digits(counts[status])
    yield "With warnings", digits(sum(bool(one["warnings"]) for one in volumes))
    yield "Slices before", digits(add("slices"))
    yield "Slices after", digits(add("slices_after"))
    yield "Reading, computing, writing", duration(add("seconds", volumes))
    yield "Computing alone", duration(add("compute", volumes))
    memory = max((one["memory"] or 0 for one in volumes), default=0)
    yield "Highest peak memory", f"{memory / (1 << 30):.1f} GiB" if memory else "not recorded"
    error = f"{statistics.mean(errors):.1f} HU" if errors else "not recorded"
    yield "Mean expected error", error


def summary(values, unit):
    if not values:
        return "none recorded"
    return (
        f"median {digits(statistics.median(values))} {unit}, "
        f"from {digits(min(values))} to {digits(max(values))} {unit}"
    )


def drawings(volumes):
    """The plots: (heading, sentence, SVG)."""
    made = [one for one in volumes if one["status"] == "made"]
    before = [one["distance"] for one in made if one["distance"]]
    after = [one["distance_after"] for one in made if one["distance_after"]]
    errors = [one["error"] for one in made if one["error"] is not None]
    groups = [("before", plots.BEFORE, before), ("after", plots.AFTER, after)]
    yield (
        "Slice spacing before and after",
        f"Before: {summary(before, 'mm')}. After: {summary(after, 'mm')}.",
        plots.histogram(groups, "mm", "Histogram of the slice spacing before and after"),
    )
    yield (
        "Mean expected error",
        f"Of each volume, over its interpolated slices: {summary(errors, 'HU')}. Large: unsure.",
        plots.histogram(
            [("expected error", plots.AFTER, errors)], "HU", "Histogram of the mean expected error"
        ),
    )


def kinds(volumes, status):
    """Reasons of one status by kind, the most frequent first: (kind, count, an example)."""
    found = {}
    for one in volumes:
        if one["status"] == status:
            found.setdefault(kind(one["reason"]), []).append(one)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(name, len(group), group[0]["reason"]) for name, group in ordered]


def worth(one):
    """Sorts what somebody should look at to the front."""
    return (STATUSES.index(one["status"]), not one["warnings"], -(one["error"] or 0))


class Thumbnails:
    """Where the page finds its pictures: in itself, or in the folder beside it."""

    def __init__(self, folder, volumes, embed):
        with_pictures = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
        self.folder = folder
        self.found = {
            (one["id"], when): f"{one['id']}-{when}.png"
            for one in volumes
            for when in ("before", "after")
            if f"{one['id']}-{when}.png" in with_pictures
        }
        if embed is None:
            sizes = (folder.joinpath(name).stat().st_size for name in self.found.values())
            embed = sum(sizes) <= MAX_EMBEDDED
        self.embedded = embed

    def source(self, identity, when):
        name = self.found.get((identity, when))
        if name is None:
            return None
        if not self.embedded:
            return f"{self.folder.name}/{name}"
        data = base64.b64encode(self.folder.joinpath(name).read_bytes()).decode()
        return f"data:image/png;base64,{data}"


def page(folder, title=None, embed=None, max_rows=MAX_ROWS):
    """The report of a folder that `hrinet batch` wrote.

    embed: whether the page carries its thumbnails itself; None: up to MAX_EMBEDDED bytes. max_rows:
    rows in the table; failed volumes, then those with warnings, then unsure ones come first.
    """
    folder = pathlib.Path(folder)
    manifest = manifests.read(folder / "manifest.csv")
    volumes = sorted(map(volume, manifest.rows.values()), key=worth)
    shown = volumes[:max_rows]
    script, style = (HERE.joinpath(name).read_text() for name in ("page.js", "page.css"))
    reports = folder / "reports"
    used = collections.Counter(
        tuple(one["made_with"].values()) for one in volumes if one["status"] == "made"
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["digits"] = digits
    environment.filters["blank"] = lambda value: "" if value is None else value
    digest = hashlib.sha256(script.encode()).digest()
    return environment.get_template("page.html").render(
        title=title or "Batch of CT volumes",
        made_at=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        totals=list(totals(volumes)),
        drawings=[
            (heading, text, markupsafe.Markup(svg)) for heading, text, svg in drawings(volumes)
        ],
        failures=kinds(volumes, "failed"),
        skips=kinds(volumes, "skipped"),
        used=used.most_common(),
        volumes=shown,
        left_out=len(volumes) - len(shown),
        damaged=manifest.damaged,
        names=any(one["input"] for one in shown),
        reports={entry.name for entry in os.scandir(reports)} if reports.is_dir() else (),
        thumbnails=Thumbnails(folder / "thumbnails", shown, embed),
        script=markupsafe.Markup(script),
        style=markupsafe.Markup(style),
        script_hash=base64.b64encode(digest).decode(),
    )


def write(folder, text):
    """Writes the report beside the manifest, completely or not at all; returns its path."""
    path = pathlib.Path(folder) / "report.html"
    partial = path.with_name(".report.html.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
    return path
