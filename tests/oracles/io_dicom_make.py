"""Writes small DICOM series, one folder per case, element by element (explicit VR little endian).

Usage: io_dicom_make.py FOLDER
"""

import os
import struct
import sys

import numpy as np
import SimpleITK as sitk

FOLDER = sys.argv[1]
EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = {"OB", "OW", "SQ", "UN"}
random = np.random.default_rng(3)


def element(group, number, kind, value):
    if isinstance(value, str):
        value = value.encode()
        value += (b"\0" if kind == "UI" else b" ") * (len(value) % 2)
    elif isinstance(value, int):
        value = struct.pack("<H", value)
    form = "<HH2sHI" if kind in LONG else "<HH2sH"
    sizes = (0, len(value)) if kind in LONG else (len(value),)
    return struct.pack(form, group, number, kind.encode(), *sizes) + value


def texts(values):
    return "\\".join(f"{value:.12g}"[:16] for value in values)


def write(path, stored, position, x=(1, 0, 0), y=(0, 1, 0), spacing=(0.8, 0.7), series="1.2.3.4",
          description="axial", allocated=16, bits=16, high=None, signed=1, slope="1",
          intercept="0", samples=1, interpretation="MONOCHROME2", frames=None, number=1,
          uid_class=CT, syntax=EXPLICIT, encode=None, leave_out=()):  # fmt: skip
    dtype = np.dtype(f"<u{allocated // 8}")
    pixels = stored.astype(np.int64).astype(dtype).tobytes()
    pixels = element(0x7FE0, 0x10, "OW", pixels) if encode is None else encode(pixels)
    uid = f"{series}.9.{number}"
    meta = (
        element(2, 1, "OB", b"\0\1") + element(2, 2, "UI", uid_class) + element(2, 3, "UI", uid)
        + element(2, 16, "UI", syntax) + element(2, 18, "UI", "1.2.3.9")
    )  # fmt: skip
    elements = [
        (0x08, 0x16, "UI", uid_class), (0x08, 0x18, "UI", uid), (0x08, 0x60, "CS", "CT"),
        (0x08, 0x103E, "LO", description), (0x18, 0x50, "DS", "2.5"),
        (0x20, 0x0D, "UI", "1.2.3.1"), (0x20, 0x0E, "UI", series), (0x20, 0x13, "IS", str(number)),
        (0x20, 0x32, "DS", texts(position)), (0x20, 0x37, "DS", texts([*x, *y])),
        (0x28, 0x02, "US", samples), (0x28, 0x04, "CS", interpretation),
        (0x28, 0x08, "IS", None if frames is None else str(frames)),
        (0x28, 0x10, "US", stored.shape[0]), (0x28, 0x11, "US", stored.shape[1]),
        (0x28, 0x30, "DS", texts(spacing)), (0x28, 0x100, "US", allocated),
        (0x28, 0x101, "US", bits), (0x28, 0x102, "US", bits - 1 if high is None else high),
        (0x28, 0x103, "US", signed), (0x28, 0x1052, "DS", intercept), (0x28, 0x1053, "DS", slope),
    ]  # fmt: skip
    body = b"".join(
        element(*entry)
        for entry in elements
        if entry[3] is not None and (entry[0], entry[1]) not in leave_out
    )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"\0" * 128 + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta)
        file.write(body + (b"" if (0x7FE0, 0x10) in leave_out else pixels))


def fragments(data):
    """Encapsulated pixel data with one fragment."""
    data += b"\0" * (len(data) % 2)
    start = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    table = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    fragment = struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data
    return start + table + fragment + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def run_length(pixels):
    """16-bit pixels as two run-length segments, high bytes first."""
    segments = []
    for plane in (pixels[1::2], pixels[0::2]):
        # Runs of one: a literal of up to 128 bytes is its length - 1 and the bytes.
        parts = [plane[at : at + 128] for at in range(0, len(plane), 128)]
        segment = b"".join(bytes([len(part) - 1]) + part for part in parts)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64, 64 + len(segments[0])]
    return fragments(struct.pack("<16I", 2, *offsets, *[0] * 13) + b"".join(segments))


def series(case, count=5, x=(1, 0, 0), y=(0, 1, 0), step=None, places=None, origin=(-50, -60, 70),
           low=-1024, limit=3000, shape=(60, 70), prefix="", **more):  # fmt: skip
    """Writes slices along their normal, to files whose names are in random order."""
    step = np.cross(x, y) * 2.5 if step is None else np.asarray(step)
    names = random.permutation(count)
    for index, place in enumerate(range(count) if places is None else places):
        stored = random.integers(low, limit, shape)
        path = os.path.join(FOLDER, case, f"{prefix}{names[index]:03}")
        write(path, stored, np.asarray(origin) + step * place, x=x, y=y, number=index + 1, **more)


def rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return turn @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rewritten(source, case, compressor):
    """Writes a series with SimpleITK, which compresses it."""
    os.makedirs(os.path.join(FOLDER, case))
    for name in os.listdir(os.path.join(FOLDER, source)):
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.KeepOriginalImageUIDOn()
        if compressor:
            writer.SetUseCompression(True)
            writer.SetCompressor(compressor)
        writer.SetFileName(os.path.join(FOLDER, case, name + ".dcm"))
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(os.path.join(FOLDER, source, name))
        writer.Execute(reader.Execute())


# Series that GDCM reads.
series("axial")
series("downwards", step=(0, 0, -2.5))
series("oblique", x=rotation(20)[:, 0], y=rotation(20)[:, 1])
series("sagittal", x=(0, 1, 0), y=(0, 0, -1))
series("unsigned", signed=0, low=0, limit=4096, bits=12, intercept="-1024")
series("unsigned-16", signed=0, low=0, limit=65536, intercept="-1000")
series("signed-12", low=-2048, limit=2048, bits=12, intercept="-24")
series("eight", allocated=8, bits=8, signed=0, low=0, limit=256)
series("half-slope", slope="0.5", intercept="-100.25")
series("single", count=1)
series("other-files")
write(os.path.join(FOLDER, "other-files", "structures.dcm"), np.zeros((2, 2)), (0, 0, 0),
      uid_class="1.2.840.10008.5.1.4.1.1.481.3", series="1.2.3.77",
      leave_out={(0x28, 0x10), (0x28, 0x11), (0x7FE0, 0x10)})  # fmt: skip
for name, text in [("notes.txt", b"no DICOM"), (".hidden.dcm", b"no DICOM"), ("empty", b"")]:
    with open(os.path.join(FOLDER, "other-files", name), "wb") as file:
        file.write(text)
series("run-length", encode=run_length, syntax="1.2.840.10008.1.2.5")
rewritten("axial", "implicit", None)
rewritten("axial", "jpeg2000", "JPEG2000")
rewritten("unsigned", "jpeg2000-unsigned", "JPEG2000")
rewritten("axial", "jpeg-lossless", "JPEG")
rewritten("unsigned", "jpeg-lossless-unsigned", "JPEG")

# Series whose result the test states.
series("uneven", places=[0, 1, 3, 4])
series("tilted", step=(0, 0.5, 2.5))
series("two", series="1.2.3.50", description="lung")
series("two", count=3, prefix="b", series="1.2.3.51", description="soft tissue", shape=(4, 5))
series("screenshot")
write(os.path.join(FOLDER, "screenshot", "shot"), np.zeros((9, 9)), (0, 0, 0), samples=3,
      interpretation="RGB", series="1.2.3.88", uid_class="1.2.840.10008.5.1.4.1.1.7")  # fmt: skip
write(os.path.join(FOLDER, "screenshot", "grey"), np.zeros((9, 9)), (0, 0, 0), series="1.2.3.89",
      uid_class="1.2.840.10008.5.1.4.1.1.7",
      leave_out={(0x20, 0x32), (0x20, 0x37), (0x28, 0x30)})  # fmt: skip
series("localizer")
series("localizer", count=1, prefix="b", x=(0, 1, 0), y=(0, 0, -1), description="axial")
series("double", places=[0, 1, 1, 2])
series("colour", samples=3, interpretation="RGB")
series("frames", frames=3)
series("unread-compression", encode=fragments, syntax="1.2.840.10008.1.2.4.110")
series("no-spacing", leave_out={(0x28, 0x30)})
series("zero-spacing", spacing=(0.8, 0))
series("negative-spacing", spacing=(-0.8, 0.7))
series("no-direction", x=(0, 0, 0))
series("skewed", x=(1, 0, 0), y=(0.2, 0.98, 0), step=(0, 0, 2.5))
series("parent/child")
overlay = random.integers(-2048, 2048, (3, 60, 70))
for index, stored in enumerate(overlay):
    # Twelve bits of the image, four unrelated bits above.
    junk = random.integers(0, 16, stored.shape) << 12
    write(os.path.join(FOLDER, "junk-above", f"{index}"), (stored & 0xFFF) | junk,
          (0, 0, index), bits=12, number=index)  # fmt: skip
    write(os.path.join(FOLDER, "junk-meant", f"{index}"), stored, (0, 0, index), number=index)
for index, slope in enumerate(["1", "0.5", "2"]):
    write(os.path.join(FOLDER, "slopes", f"{index}"), np.full((2, 2), 101 + index),
          (0, 0, index), slope=slope, number=index)  # fmt: skip

# Seeds of fuzzing.
series("small", count=3, shape=(6, 7))
series("small-uneven", places=[0, 1, 3], count=3, shape=(4, 3), slope="0.5", intercept="-100.25")
series("small-eight", count=2, shape=(5, 4), allocated=8, bits=8, signed=0, low=0, limit=256)
series("small-run-length", count=2, shape=(5, 6), encode=run_length, syntax="1.2.840.10008.1.2.5")
rewritten("small", "small-implicit", None)
series("small-wide", count=1, shape=(33, 34), limit=0)
rewritten("small-wide", "small-jpeg2000", "JPEG2000")
rewritten("small", "small-jpeg-lossless", "JPEG")
