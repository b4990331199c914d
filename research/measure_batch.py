"""Measures `hrinet batch`, see research/measure-batch."""

import argparse
import csv
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

import numpy as np


def volumes(folder, count, side=64, slices=20):
    """Writes bodies with noise, slices 3 mm apart."""
    import SimpleITK as sitk

    random = np.random.default_rng(3)
    j, i = np.indices((side, side)) - side / 2
    for number in range(count):
        body = np.where(j**2 + (i - number % 7) ** 2 < (0.4 * side) ** 2, 40, -1000)
        voxels = body + random.integers(-20, 20, (slices, side, side))
        image = sitk.GetImageFromArray(voxels.astype(np.int16))
        image.SetSpacing((0.75, 0.75, 3.0))
        path = folder / f"{number // 100:03}" / f"{number}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, str(path))


def run(arguments, status=0):
    """Runs the program; returns seconds, those of processors too, peak MB and its last line."""
    start = time.monotonic()
    child = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             text=True)  # fmt: skip
    said = child.stderr.read()
    _, code, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(code) != status:
        sys.exit(said)
    lines = said.strip().splitlines()
    seconds = f"{time.monotonic() - start:.1f} s ({usage.ru_utime + usage.ru_stime:.1f} s of CPU)"
    return time.monotonic() - start, seconds, usage.ru_maxrss / 1e3, lines[-1] if lines else ""


def options(arguments):
    threads = ["--threads", str(arguments.threads)] if arguments.threads else []
    return ["--model", arguments.model, *threads]


def throughput(arguments, folder):
    volumes(folder / "in", 40)
    start = time.monotonic()
    for path in sorted((folder / "in").rglob("*.nii.gz")):
        output = folder / path.name
        run([arguments.program, "resample", path, output, "-q", *options(arguments)])
    single = time.monotonic() - start
    batch, _, _, last = run(
        [arguments.program, "batch", folder / "in", folder / "out", *options(arguments)]
    )
    print(
        f"throughput: 40 runs {single:.1f} s, one batch {batch:.1f} s: {single / batch:.2f} times"
    )
    print(f"  {last}")


def small(arguments, folder):
    volumes(folder / "in", 2000)
    wall, seconds, peak, last = run(
        [arguments.program, "batch", folder / "in", folder / "out", *options(arguments)]
    )
    rows = list(csv.DictReader((folder / "out" / "manifest.csv").open()))
    made = [row for row in rows if row["status"] == "made"]
    computing = sum(float(row["compute_seconds"]) for row in made)
    print(f"small: {len(made)} volumes in {seconds}, {computing:.1f} s of them computing: "
          f"{1e3 * (wall - computing) / len(made):.1f} ms a volume beside it")  # fmt: skip
    for step in ("read", "compute", "write"):
        mean = np.mean([float(row[f"{step}_seconds"]) for row in made])
        print(f"  {step}: {1e3 * mean:.1f} ms a volume")
    at = {number: int(made[number - 1]["peak_memory_bytes"]) / 1e6 for number in (100, 1000, 2000)}
    print("  peak memory: " + ", ".join(f"{mb:.0f} MB at {n}" for n, mb in at.items()))
    print(f"  {last}; {peak:.0f} MB at most")
    _, again, _, last = run(
        [arguments.program, "batch", folder / "in", folder / "out", *options(arguments)]
    )
    print(f"  again, all done: {again}; {last}")


def scan(arguments, folder):
    """1,000 series of 200 slices of 16 x 16, made of one file by replacing text of equal length."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    data, meta = Dataset(), FileMetaDataset()
    uid, place = "1.2.826.0.1.0000000.000000", "0000.00"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, uid
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, "1.2.3.9"
    data.file_meta, data.SOPClassUID, data.SOPInstanceUID = meta, CTImageStorage, uid
    data.PatientName, data.Modality, data.StudyInstanceUID = "None", "CT", "1.2.3"
    data.SeriesInstanceUID, data.ImageType = uid[:19], ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.ImagePositionPatient, data.PixelSpacing = ["0", "0", place], ["0.75", "0.75"]
    data.ImageOrientationPatient, data.SliceThickness = ["1", "0", "0", "0", "1", "0"], "3"
    data.Rows, data.Columns, data.SamplesPerPixel = 16, 16, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 1
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelData = np.zeros((16, 16), "<i2").tobytes()
    data["PixelData"].VR = "OW"
    one = folder / "one.dcm"
    data.save_as(one, enforce_file_format=True)
    template = one.read_bytes()
    for series in range(1000):
        below = folder / "in" / f"{series % 10}" / f"{series}"
        below.mkdir(parents=True)
        for number in range(200):
            own = f"1.2.826.0.1.{series + 1:07}.{number + 1:06}"
            text = template.replace(uid.encode(), own.encode())
            text = text.replace(uid[:19].encode(), own[:19].encode())
            position = f"{3 * number:04}.00"
            (below / f"I{number}").write_bytes(text.replace(place.encode(), position.encode()))
    command = [arguments.program, "batch", folder / "in", folder / "out", "--dry-run", "--model",
               "linear"]  # fmt: skip
    for what in ("first look", "second look"):
        wall, seconds, peak, _ = run(command)
        print(f"scan: {what}: 200,000 files in {seconds}, {2e5 / wall:.0f} a second, "
              f"{peak:.0f} MB at most")  # fmt: skip


def manifest(arguments, folder):
    volumes(folder / "in", 1)
    command = [arguments.program, "batch", folder / "in", folder / "out", "--model", "linear"]
    run(command)
    path = folder / "out" / "manifest.csv"
    row = path.read_text().splitlines()[1]
    with path.open("a") as out:
        for number in range(1_000_000):
            out.write(f"{number:016x}{row[16:]}\n")
    _, seconds, peak, last = run(command)
    size = path.stat().st_size / 1e6
    print(f"manifest: a million rows, {size:.0f} MB: the run took {seconds}, {peak:.0f} MB "
          f"at most; {last}")  # fmt: skip


def compression(arguments, folder):
    """Cost of gzip on real CT: processor time of copies (--factor 1) with and without it."""
    import SimpleITK as sitk

    def seconds(source, target):
        base = ["--factor", "1", "--model", "linear", "--overwrite", "-q"]
        before = os.times()
        subprocess.run([arguments.program, "resample", source, target, *base], check=True)
        return os.times().children_user - before.children_user

    paths = pathlib.Path(arguments.data).glob("*.nii.gz")
    for path in sorted(paths, key=lambda path: path.stat().st_size)[-4:]:
        raw, packed = folder / "raw.nii", folder / "packed.nii.gz"
        seconds(path, raw)
        plain, written, read = (
            seconds(raw, folder / "copy.nii"),
            seconds(raw, packed),
            seconds(packed, folder / "copy.nii"),
        )
        voxels = np.prod(sitk.ReadImage(str(raw)).GetSize())
        print(
            f"compression: {voxels / 1e6:.0f} M voxels, {packed.stat().st_size / voxels / 2:.2f} "
            f"of int16; ns a voxel: {1e9 * (written - plain) / voxels:.0f} to write, "
            f"{1e9 * (read - plain) / voxels:.0f} to read, {1e9 * plain / voxels:.0f} beside it"
        )


STEPS = {"throughput": throughput, "small": small, "scan": scan, "manifest": manifest}
ALL = {**STEPS, "compression": compression}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", nargs="*")
    parser.add_argument("--program", required=True)
    parser.add_argument("--model", default="hrinet-motion-small")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--data")
    arguments = parser.parse_args()
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    name = processor[1] if processor else platform.processor()
    print(f"{name}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before")
    for name in arguments.steps or STEPS:
        with tempfile.TemporaryDirectory() as folder:
            ALL[name](arguments, pathlib.Path(folder))


main()
