"""The report of a batch: what it says, that nothing in a manifest becomes markup, and its use."""

import csv
import html.parser
import json
import pathlib
import re
import resource
import shutil
import subprocess
import sys

import pytest

import made_up
from hrinet_batch import manifest, report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>document.title = 'no'</script><img src=x onerror='document.title = 1'>\"&"


class Page(html.parser.HTMLParser):
    """Cells of the table of volumes, all text, and the elements of a page."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.text, self.elements, self.cell = [], "", [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag == "tr" and attributes.get("class") in report.STATUSES:
            self.rows.append([])
        self.cell = tag in ("th", "td") if tag in ("th", "td", "tr") else self.cell
        if self.rows and tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text += data
        if self.cell and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def read(folder, **options):
    return Page(report.page(folder, **options))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_up.write(tmp_path_factory.mktemp("batch"), made_up.rows(60))


def test_totals_are_those_of_the_manifest(folder):
    with open(folder / "manifest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    made = [row for row in rows if row["status"] == "made"]
    text = read(folder).text
    for name, value in (
        ("Volumes", 60),
        ("Failed", 2),
        ("Skipped", 2),
        ("Slices before", sum(int(row["slices"]) for row in made)),
        ("Slices after", sum(int(row["slices_after"]) for row in made)),
    ):
        assert f"\n{name}{value:,}\n" in text
    error = sum(float(row["mean_expected_error_hu"]) for row in made) / len(made)
    assert f"\nMean expected error{error:.1f} HU\n" in text


def test_last_row_of_an_id_counts_and_a_torn_line_is_told(tmp_path):
    again = made_up.row(1, status="failed", reason="disk is full")
    folder = made_up.write(tmp_path, [again, made_up.row(2), made_up.row(1)], pictures=False)
    with open(folder / "manifest.csv", "a") as file:
        file.write("0123456789abcdef,,volumes/01")
    page = read(folder)
    assert len(page.rows) == 2
    assert "disk is full" not in page.text
    assert "1 damaged line of the manifest" in page.text


def test_failures_are_counted_by_kind(tmp_path):
    rows = [made_up.row(n, status="failed", reason=f"slice {n} of 40 is missing") for n in range(9)]
    rows += [made_up.row(10, status="failed", reason="'/data/x y.nii': No space left on device")]
    folder = made_up.write(tmp_path, rows, pictures=False)
    kinds = report.kinds([report.volume(row) for row in manifest.read(folder / "manifest.csv")
                          .rows.values()], "failed")  # fmt: skip
    assert [(kind, count) for kind, count, _ in kinds] == [
        ("slice N of N is missing", 9),
        ("…: No space left on device", 1),
    ]


def test_hostile_texts_stay_texts(tmp_path):
    hostile = dict.fromkeys(made_up.COLUMNS, HOSTILE)
    hostile["id"] = "0123456789abcdef"
    folder = made_up.write(tmp_path, [hostile, made_up.row(1, input=HOSTILE)], pictures=False)
    folder.joinpath("report.html").write_text(report.page(folder, title=HOSTILE))
    page = Page(folder.joinpath("report.html").read_text())
    assert HOSTILE in page.text
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [tag for tag, names in page.elements if any(name[:2] == "on" for name in names)]
    if CHROMIUM:
        assert browse(folder, "say(document.title)").endswith("HRINet")


def test_page_names_no_other_site(folder):
    for _, attributes in read(folder).elements:
        for name in ("src", "href", "xlink:href", "data-before", "data-after"):
            start = attributes.get(name, "").partition(":")[0]
            assert start == "data" or "//" not in attributes.get(name, "")


def test_thumbnails_are_embedded_up_to_a_limit(folder, monkeypatch):
    def sources(**options):
        page = read(folder, **options)
        return [names[f"data-{when}"] for _, names in page.elements for when in ("before", "after")
                if f"data-{when}" in names]  # fmt: skip

    assert len(sources()) == 2 * 56
    assert all(source.startswith("data:image/png") for source in sources())
    monkeypatch.setattr(report, "MAX_EMBEDDED", 1000)
    assert all((folder / source).is_file() for source in sources())


def test_rows_beyond_the_limit_are_counted_and_failures_come_first(folder):
    page = read(folder, max_rows=10)
    assert len(page.rows) == 10
    assert "failed" in page.rows[0][2] and "failed" in page.rows[1][2]
    assert "50 of the volumes are in" in page.text


def test_program_says_what_is_no_manifest(tmp_path):
    program = pathlib.Path(report.HERE).parent / "report"
    done = subprocess.run([sys.executable, program, tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"report: {tmp_path}/manifest.csv: No such file or directory\n"


def browse(folder, script):
    """What a script says with say(value) in the page of a folder, in headless Chromium."""
    page = folder.joinpath("report.html").read_text()
    # The page's policy would refuse the test's script as it does a hostile one.
    policy = page.index("<meta http-equiv")
    page = page[:policy] + page[page.index(">", policy) + 1 :]
    probe = """<script>function say(value) { const said = document.createElement("pre");
        said.id = "said"; said.textContent = JSON.stringify(value); document.body.append(said); }
        addEventListener("load", () => setTimeout(() => {%s}, 0))</script></body>"""
    test = folder / "test.html"
    test.write_text(page.replace("</body>", probe % script))
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={folder}/chromium", test.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    said = done.stdout[done.stdout.rindex('<pre id="said">') + 15 :]
    return json.loads(html.unescape(said[: said.index("</pre>")]))


needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


@needs_chromium
def test_table_sorts_and_filters_in_a_browser(folder):
    folder.joinpath("report.html").write_text(report.page(folder))
    said = browse(folder, """
        const table = document.getElementById("table"), said = {};
        const column = (n) => [...table.tBodies[0].rows].map((row) => row.cells[n].dataset.v);
        const set = (name, value, event) => { const field = document.getElementById(name);
            field[name === "warned" ? "checked" : "value"] = value;
            field.dispatchEvent(new Event(event)); };
        const head = table.tHead.rows[0].cells[5], button = head.querySelector("[role=button]");
        button.click(); said.up = column(5); said.aria = head.ariaSort;
        button.click(); said.down = column(5);
        set("status", "failed", "change"); said.failed = column(2);
        said.count = document.getElementById("count").value;
        set("status", "", "change"); set("warned", true, "change");
        said.warned = [...table.tBodies[0].rows].map((row) => row.cells[2].textContent);
        set("warned", false, "change"); set("find", "voxel NON-FINITE", "change");
        said.found = column(2);
        set("status", "made", "change"); said.none = column(2);
        set("status", "", "change"); set("find", "", "change");
        document.querySelector(".pair button").click();
        const large = document.getElementById("large");
        said.large = large.open; said.pictures = large.querySelectorAll("img").length;
        say(said);
    """)  # fmt: skip
    up, down = ([float(value) for value in said[name]] for name in ("up", "down"))
    assert len(up) == 60 and up == sorted(up) and down == sorted(up, reverse=True)
    assert said["aria"] == "ascending"
    assert len(said["failed"]) == 2 and said["count"] == "2 of 2 found, 60 in all"
    assert said["warned"] and all("trained up to" in text for text in said["warned"])
    assert said["found"] and all("non-finite voxel" in text for text in said["found"])
    assert said["none"] == []
    assert said["large"] and said["pictures"] == 2


@needs_chromium
def test_page_prints_on_few_sheets(folder, tmp_path):
    folder.joinpath("report.html").write_text(report.page(folder))
    subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
         f"--print-to-pdf={tmp_path}/a.pdf", f"--user-data-dir={folder}/chromium",
         folder.joinpath("report.html").as_uri()],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    sheets = re.findall(rb"/Type\s*/Page\b", tmp_path.joinpath("a.pdf").read_bytes())
    assert 2 <= len(sheets) <= 6


@needs_chromium
def test_five_thousand_rows_stay_usable(tmp_path):
    rows = list(made_up.rows(5000))
    folder = made_up.write(tmp_path, rows, pictures=False)
    made_up.thumbnails(folder / "thumbnails", "one")
    for row in rows:  # one picture under many names
        for when in ("before", "after"):
            name = folder / "thumbnails" / f"{row['id']}-{when}.png"
            name.hardlink_to(folder / "thumbnails" / f"one-{when}.png")
    folder.joinpath("report.html").write_text(report.page(folder, embed=False))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = browse(folder, """
        const timed = (work) => { const from = performance.now(); work();
            document.body.offsetHeight; return Math.round(performance.now() - from); };
        const [entry] = performance.getEntriesByType("navigation");
        const head = document.getElementById("table").tHead.rows[0].cells[5];
        const status = document.getElementById("status");
        say({interactive: Math.round(entry.domContentLoadedEventEnd),
             sort: timed(() => head.querySelector("[role=button]").click()),
             filter: timed(() => { status.value = "made";
                 status.dispatchEvent(new Event("change")); }),
             shown: document.getElementById("table").tBodies[0].rows.length,
             all: timed(() => document.getElementById("all").click()),
             rows: document.getElementById("table").tBodies[0].rows.length});
    """)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("5,000 rows in Chromium, ms:", said)
    assert said["shown"] == 200 and said["rows"] == sum(row["status"] == "made" for row in rows)
    # Processor seconds of the whole browser, so that a busy machine does not fail the test.
    assert after.ru_utime - before.ru_utime < 15
