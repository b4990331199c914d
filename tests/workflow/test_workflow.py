"""The workflow on this machine, and with --full in a Slurm of one node: six small volumes, one of
them broken, a run that is killed half-way; voxels are those of single runs, bit for bit."""

import csv
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import nibabel
import numpy as np
import pytest

import slurm
from hrinet_batch import chunks, manifest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HRINET = os.environ.get("HRINET") or str(ROOT / "target" / "release" / "hrinet")
SNAKEMAKE = [pathlib.Path(sys.executable).with_name("snakemake"), "-s", ROOT / "workflow/Snakefile"]
OPTIONS = ["--model", "hrinet-motion-small", "--device", "cpu"]


def save(path, seed):
    """A volume of 13 slices 3.2 mm apart with pixels of 0.8 mm, soft tissue and noise."""
    generator = np.random.default_rng(seed)
    i, j, k = np.mgrid[-1:1:96j, -1:1:96j, 0:1:13j]
    body = (i**2 + j**2 < 0.8) * 1040 + (i**2 + (j - k / 2) ** 2 < 0.1) * 300 - 1000
    voxels = (body + generator.normal(0, 20, body.shape)).astype(np.int16)
    nibabel.Nifti1Image(voxels, np.diag([0.8, 0.8, 3.2, 1])).to_filename(path)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A folder of six volumes, of which one is broken."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(6):
        folder.joinpath(f"{number}").mkdir()
        save(folder / f"{number}" / "Jane Doe.nii.gz", number)
    broken = folder / "3" / "Jane Doe.nii.gz"
    broken.write_bytes(broken.read_bytes()[:20_000])
    return folder


@pytest.fixture(scope="module")
def single(archive, tmp_path_factory):
    """The five volumes by single runs, by path."""
    folder = tmp_path_factory.mktemp("single")
    made = {}
    for number in (0, 1, 2, 4, 5):
        source, output = archive / f"{number}" / "Jane Doe.nii.gz", folder / f"{number}.nii.gz"
        command = [HRINET, "resample", source, output, *OPTIONS, "--threads", "1"]
        subprocess.run(command, check=True, capture_output=True)
        made[str(source)] = output
    return made


def command(archive, output, profile="local", **settings):
    values = {
        "input": archive, "output": output, "hrinet": HRINET, "options": " ".join(OPTIONS),
        "threads": 1, "memory_mb": 2000, "retries": 0, **settings,
    }  # fmt: skip
    config = [f"{name}={value}" for name, value in values.items()]
    return [*SNAKEMAKE, "--profile", ROOT / "workflow/profiles" / profile, "--config", *config]


def run(*arguments, cwd, status=0, **options):
    done = subprocess.run(
        arguments, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def start(arguments, cwd, **options):
    return subprocess.Popen(
        arguments, cwd=cwd, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,
    )  # fmt: skip


def wait(condition, process=None, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)


def same(one, other):
    one, other = nibabel.load(one), nibabel.load(other)
    return np.array_equal(one.dataobj, other.dataobj) and np.array_equal(one.affine, other.affine)


def assigned(output):
    """Path of the input by id, from the lists of the chunks."""
    paths = {}
    for number in chunks.numbers(output):
        with open(output / "chunks" / number / "list.csv", newline="") as file:
            paths.update((row["id"], row["input"]) for row in csv.DictReader(file))
    return paths


def check(output, single, count=6, broken=("3",)):
    """Every volume is there once, and is that of its single run; broken ones failed."""
    rows, paths = manifest.read(output / "manifest.csv").rows, assigned(output)
    assert len(rows) == len(paths) == count
    failed = [row for row in rows.values() if row["status"] == "failed"]
    assert [pathlib.Path(paths[row["id"]]).parent.name for row in failed] == list(broken)
    for identity, path in paths.items():
        if path in single:
            assert rows[identity]["output"] == f"volumes/{identity}.nii.gz"
            assert same(output / rows[identity]["output"], single[path])
            assert json.loads((output / "reports" / f"{identity}.json").read_text())
    assert len(list(output.glob("volumes/*"))) == count - len(broken)
    report = (output / "report.html").read_text()
    assert all(identity in report for identity in rows) and "Jane Doe" not in report
    assert "Jane Doe" not in (output / "manifest.csv").read_text()


def is_locked(path):
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_killed_run_is_resumed_and_new_and_mended_volumes_are_made(archive, single, tmp_path):
    output = tmp_path / "fine"
    rows = output / "chunks" / "00001" / "manifest.csv"
    started = start(command(archive, output), tmp_path)
    wait(lambda: any(output.glob(".snakemake/locks/*")), started)
    second = start(command(archive, output), tmp_path)
    wait(lambda: rows.exists() and rows.read_text().count("\n") > 1, started)
    assert is_locked(output / ".lock") and is_locked(output / "chunks" / "00001" / ".lock")
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 1 and "cannot be locked" in said
    wait(lambda: not is_locked(output / "chunks" / "00001" / ".lock"))

    before = {path.name: path.stat().st_mtime_ns for path in output.glob("volumes/[!.]*")}
    made = manifest.read(rows).rows
    assert 0 < len(made) < 6, "killed half-way"
    for name in before:
        assert same(output / "volumes" / name, single[assigned(output)[name[:16]]])

    run(*command(archive, output), "--unlock", cwd=tmp_path)
    run(*command(archive, output), cwd=tmp_path)
    check(output, single)
    for identity, row in made.items():
        if row["status"] == "made":
            name = f"{identity}.nii.gz"
            assert (output / "volumes" / name).stat().st_mtime_ns == before[name], "not made again"

    mended, new = (archive / number / "Jane Doe.nii.gz" for number in ("3", "6"))
    was_broken = mended.read_bytes()
    try:
        save(mended, 3)
        new.parent.mkdir()
        save(new, 6)
        run(*command(archive, output), "--forcerun", "plan", "chunk", cwd=tmp_path)
    finally:
        mended.write_bytes(was_broken)
        new.unlink()
    assert chunks.numbers(output) == ["00001", "00002"]
    check(output, single, count=7, broken=())


def test_one_run_at_a_time_writes_to_a_folder(archive, tmp_path):
    output = tmp_path / "fine"
    found = chunks.dry_run([HRINET, "batch", archive, output, *OPTIONS, "--threads", "1"])
    chunks.plan(output, found, 3600)
    chunk = output / "chunks" / "00001"
    with open(output / ".lock", "a") as single_run, open(chunk / ".lock", "a") as job:
        fcntl.flock(single_run, fcntl.LOCK_EX)
        said = run(*command(archive, output), cwd=tmp_path, status=1)
        assert "another run writes there" in said
        fcntl.flock(single_run, fcntl.LOCK_SH)  # as the workflow and its jobs
        fcntl.flock(job, fcntl.LOCK_EX)
        for source, folder in ((archive, output), (chunk / "list.csv", chunk)):
            said = run(HRINET, "batch", source, folder, *OPTIONS, cwd=tmp_path, status=1)
            assert "another run writes there" in said
    assert not list(output.glob("volumes/*"))


def test_settings_are_checked(tmp_path):
    for settings in ({"input": "here", "output": tmp_path}, {"input": tmp_path, "output": ""}):
        values = [f"{name}={value}" for name, value in settings.items()]
        said = run(*SNAKEMAKE, "--cores", "1", "--config", *values, cwd=tmp_path, status=1)
        assert "give an absolute path" in said


@pytest.mark.usefixtures("full")
@pytest.mark.skipif(slurm.missing() is not None, reason=f"{slurm.missing()} is missing")
def test_slurm_makes_the_same_and_tries_again_with_more_memory(archive, single, tmp_path):
    output = tmp_path / "fine"
    arguments = command(archive, output, "slurm", retries=1, gpus=1)
    arguments += ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "2"]
    rows = output / "chunks" / "00001" / "manifest.csv"
    with slurm.running() as environment:
        started = start(arguments, tmp_path, env=environment)
        wait(lambda: any(output.glob(".snakemake/locks/*")), started)
        said = run(*arguments, cwd=tmp_path, status=1, env=environment)
        assert "cannot be locked" in said
        wait(lambda: rows.exists() and rows.read_text().count("\n") > 1, started)
        slurm.call(environment, "scancel", "--state=RUNNING", f"--user={slurm.getpass.getuser()}")
        said, _ = started.communicate(timeout=300)
        assert started.returncode == 0, said
        columns = "--Format=State:20,MinMemory:20,tres-per-job:20"
        jobs = slurm.call(environment, "squeue", "--states=all", "--noheader", "--sort=i", columns)
    states, memory, cards = zip(*(line.split() for line in jobs.splitlines()))
    assert states == ("COMPLETED", "CANCELLED", "COMPLETED")
    assert memory == ("2000M", "2000M", "4000M")
    assert all("gpu" in card for card in cards)
    check(output, single)
