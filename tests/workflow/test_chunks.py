"""Chunks of about equal cost, to which volumes belong for ever; manifests that are merged."""

import csv
import random

import pytest

import made_up
from hrinet_batch import chunks, job, lock, manifest


def volumes(count, start=0):
    random.seed(start)
    return [
        {"id": f"{number:016x}", "input": f"/in/{number}, \"a\"\n.nii", "series": None,
         "status": "would make", "seconds": random.lognormvariate(3, 1)}
        for number in range(start, start + count)
    ]  # fmt: skip


def lists(folder):
    found = {}
    for number in chunks.numbers(folder):
        with open(folder / "chunks" / number / "list.csv", newline="") as file:
            found[number] = list(csv.DictReader(file))
    return found


@pytest.mark.parametrize("count", [1, 2, 7, 500])
def test_parts_cost_about_the_same(count):
    found = volumes(count)
    parts = chunks.split(found, 300)
    assert sorted(one["id"] for part in parts for one in part) == [one["id"] for one in found]
    costs = [sum(one["seconds"] for one in part) for part in parts]
    assert max(costs) - min(costs) <= max(one["seconds"] for one in found)
    assert all(part == sorted(part, key=lambda one: one["id"]) for part in parts)


def test_volume_stays_in_its_chunk_and_new_ones_get_new_chunks(tmp_path):
    first, more = volumes(40), volumes(10, start=40)
    assert chunks.plan(tmp_path, first, 100) > 1
    before = lists(tmp_path)
    assert chunks.plan(tmp_path, first, 5) == 0
    done = [{**more[0], "status": "done"}]
    chunks.plan(tmp_path, first + done + more[1:], 5)
    after = lists(tmp_path)
    assert {number: after[number] for number in before} == before
    rows = [row for part in after.values() for row in part]
    assert sorted(row["id"] for row in rows) == [one["id"] for one in first + more[1:]]
    assert {row["input"] for row in rows} == {one["input"] for one in first + more[1:]}
    assert (tmp_path / "chunks" / "00001" / "list.csv").stat().st_mode & 0o77 == 0


def test_outputs_of_a_list_are_in_one_tree_and_each_of_one_volume(tmp_path):
    first, second, third = volumes(3)
    first.update(output="volumes/a/1.nii.gz", labels="/in/1-seg.nii")
    chunks.plan(tmp_path, [first], 60)
    (row,) = lists(tmp_path)["00001"]
    assert (row["output"], row["labels"]) == (first["output"], first["labels"])
    for output in ("a/2.nii.gz", "volumes/a//1.nii.gz"):
        with pytest.raises(SystemExit, match="output '"):
            chunks.plan(tmp_path, [{**second, "output": output}, third], 60)
    assert chunks.numbers(tmp_path) == ["00001"]


def test_no_volumes_make_no_chunks(tmp_path):
    assert chunks.plan(tmp_path, [], 60) == 0
    assert chunks.numbers(tmp_path) == []


def test_chunks_write_into_one_tree(tmp_path):
    chunks.plan(tmp_path, volumes(1), 60)
    (tmp_path / "chunks" / "00001" / "volumes" / "a").write_text("a")
    assert (tmp_path / "volumes" / "a").read_text() == "a"


def test_merged_manifest_has_the_row_that_was_finished_last(tmp_path):
    def row(number, when, **fields):
        return made_up.row(number, finished_at=f"2026-01-0{when}T00:00:00Z", **fields)

    made_up.write(tmp_path, [row(1, 1), row(2, 3, reason="kept")], pictures=False)
    made_up.write(tmp_path / "chunks" / "1", [row(1, 2, reason="later")], pictures=False)
    made_up.write(tmp_path / "chunks" / "2", [row(2, 2), row(3, 1)], pictures=False)
    manifest.merge_chunks(tmp_path)
    merged = manifest.read(tmp_path / "manifest.csv")
    assert merged.columns == list(made_up.COLUMNS)
    assert [row["reason"] for row in merged.rows.values()] == ["later", "kept", ""]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_what_is_no_manifest_is_said(tmp_path, text):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(manifest.BadManifest, match="no manifest of hrinet batch"):
        manifest.read(tmp_path / "manifest.csv")


def test_lock_is_shared_among_jobs_and_refused_beside_a_single_run(tmp_path):
    with lock.share(tmp_path), lock.share(tmp_path):
        pass
    with open(tmp_path / ".lock", "a") as file:
        lock.fcntl.flock(file, lock.fcntl.LOCK_EX)
        with pytest.raises(SystemExit, match="another run writes there"):
            lock.share(tmp_path)


def test_volumes_that_need_memory_fail_the_job_until_the_last_attempt(tmp_path):
    reason = "this needs about 3.0 GB of memory, free: 1.0 GB; allow more by --memory"
    chunk = tmp_path / "chunks" / "1"
    made_up.write(chunk, [made_up.row(1, status="failed", reason=reason)], pictures=False)

    def run(status, is_last):
        command = ["sh", "-c", f"exit {status}"]
        job.run(command, tmp_path, "1", [], 1, 1000, tmp_path / "log", is_last)

    run(0, False)
    run(3, True)
    for status, is_last in ((3, False), (1, True)):
        with pytest.raises(job.subprocess.CalledProcessError):
            run(status, is_last)
    made_up.write(chunk, [made_up.row(1, status="failed", reason="damaged")], pictures=False)
    run(3, False)
