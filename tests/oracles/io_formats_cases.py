"""Writes volumes in less usual formats, with nibabel, pynrrd, SimpleITK or byte by byte, and
describes each as an independent reader has it: a JSON list of path, voxel type, size and positions
of the eight corner voxels (mm in RAS). The voxels of the n-th file are written to FOLDER/n.raw
(little endian, i fastest).

Usage: io_formats_cases.py FOLDER
"""

import bz2
import gzip
import itertools
import json
import os
import sys
import zlib

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk

FOLDER = sys.argv[1]
RANDOM = np.random.default_rng(3)
VOXELS = RANDOM.integers(-1000, 2000, (5, 4, 3)).astype(np.int16)
AFFINE = np.array([[-0.7, 0, 0, 30], [0, 0.64, -1.8, -20], [0, 0.48, 2.4, 10], [0, 0, 0, 1]])
FOUND = []


def found(path, voxels, affine):
    """`voxels` [i, j, k] at the positions of `affine`, in RAS."""
    corners = [
        {"index": corner, "ras": (affine @ [*corner, 1])[:3].tolist()}
        for corner in itertools.product(*[(0, length - 1) for length in voxels.shape])
    ]
    raw = voxels.astype(voxels.dtype.newbyteorder("<")).T.tobytes()
    with open(os.path.join(FOLDER, f"{len(FOUND)}.raw"), "wb") as file:
        file.write(raw)
    name = voxels.dtype.newbyteorder("=").name
    FOUND.append({"path": path, "type": name, "size": voxels.shape, "corners": corners})


def at(name):
    return os.path.join(FOLDER, name)


def put(name, content):
    with open(at(name), "wb") as file:
        file.write(content)


def nifti(name, kind, voxels=VOXELS, endianness="<", change=None, read=None):
    header = kind.header_class(endianness=endianness)
    header.set_data_dtype(voxels.dtype)
    image = kind(voxels, AFFINE, header)
    image.header.set_xyzt_units("mm")
    if change:
        change(image.header)
    nibabel.save(image, at(name))
    read = nibabel.load(read or at(name))
    found(at(name), np.asarray(read.dataobj).reshape(voxels.shape[:3]), read.affine)


def turn_pixdim(header):
    header["pixdim"][2] *= -1


def nifti_cases():
    one, two = nibabel.Nifti1Image, nibabel.Nifti2Image
    for order, word in (("<", "little"), (">", "big")):
        nifti(f"two-{word}.nii", two, endianness=order)
        nifti(f"two-{word}.nii.gz", two, VOXELS.astype(np.float32), order)
        nifti(f"pair-{word}.hdr", nibabel.Nifti1Pair, endianness=order)
        nifti(f"two-pair-{word}.hdr", nibabel.Nifti2Pair, endianness=order)
    nifti("zipped-pair.img.gz", nibabel.Nifti1Pair, read=at("zipped-pair.hdr.gz"))
    nifti("named-by-voxels.img", nibabel.Nifti1Pair, read=at("named-by-voxels.hdr"))
    nifti("five.nii", one, VOXELS[..., None, None])
    nifti("two-five.nii", two, VOXELS[..., None, None])
    nifti("turned.nii", one, change=turn_pixdim)
    nifti("padded.nii.gz", one)
    with open(at("padded.nii.gz"), "ab") as file:
        file.write(bytes(700))


LPS = AFFINE * [[-1], [-1], [1], [1]]
PLACE = {
    "space": "left-posterior-superior",
    "space directions": LPS[:3, :3].T,
    "space origin": LPS[:3, 3],
}


def detached(name, data, content, more="", encoding="raw", dtype="short", by_itk=False):
    """A header that names its data file; pynrrd reads it, or ITK: pynrrd skips bytes of compressed
    data twice."""
    header = "NRRD0005\n" + f"type: {dtype}\ndimension: 3\nsizes: 5 4 3\nendian: little\n"
    header += f"encoding: {encoding}\nspace: left-posterior-superior\n{vectors()}{more}"
    put(name, (header + f"data file: {data}\n").encode())
    put(data, content)
    if by_itk:
        same_itk(name)
    else:
        same_nrrd(name, *nrrd.read(at(name)))


def vectors():
    step = ["(" + ",".join(repr(float(x)) for x in LPS[:3, axis]) + ")" for axis in range(4)]
    return f"space directions: {' '.join(step[:3])}\nspace origin: {step[3]}\n"


def same_nrrd(name, voxels, fields):
    steps = np.asarray(fields["space directions"])
    steps = steps[~np.isnan(steps).any(axis=1)]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps.T, fields["space origin"]
    found(at(name), np.asarray(voxels).reshape(5, 4, 3), affine * [[-1], [-1], [1], [1]])


def nrrd_cases():
    for encoding in ("raw", "gzip", "bzip2", "ascii"):
        for name in (f"by-pynrrd-{encoding}.nrrd", f"by-pynrrd-{encoding}.nhdr"):
            nrrd.write(at(name), VOXELS, PLACE | {"encoding": encoding})
            same_nrrd(name, *nrrd.read(at(name)))
    raw = VOXELS.T.tobytes()
    detached("skipped.nhdr", "skipped.bin", b"7 bytes" + raw, "byte skip: 7\n")
    detached("last.nhdr", "last voxels.bin", b"any bytes before" + raw, "byte skip: -1\n")
    detached("lines.nhdr", "lines.bin", b"one\ntwo\nabc" + raw, "line skip: 2\nbyte skip: 3\n")
    zipped = gzip.compress(b"12345" + raw) + bytes(9)
    both = "line skip: 1\nbyte skip: 5\n"
    detached("zipped.nhdr", "zipped.bin", b"a line\n" + zipped, both, "gz", by_itk=True)
    detached("zipped-lines.nhdr", "zipped.gz", b"a line\n" + gzip.compress(raw), "line skip: 1\n",
             "gzip")
    detached("squeezed.nhdr", "squeezed.bin", bz2.compress(raw), "", "bz2")
    text = " ".join(str(value) for value in VOXELS.T.ravel()).encode()
    detached("text.nhdr", "text.txt", b"# voxels\n" + text, "line skip: 1\n", "txt")
    floats = VOXELS.astype(np.float32) / 3
    text = "\n".join(repr(float(value)) for value in floats.T.ravel()).encode()
    detached("floats.nhdr", "floats.txt", text, "", "text", "float")
    os.makedirs(at("below"), exist_ok=True)
    detached("deeper.nhdr", "below/deeper.bin", raw)
    for first in (True, False):
        shape = (1, 5, 4, 3) if first else (5, 4, 3, 1)
        none = [[np.nan] * 3]
        steps = [*none, *LPS[:3, :3].T] if first else [*LPS[:3, :3].T, *none]
        more = {"space directions": np.array(steps), "encoding": "raw"}
        name = f"one-layer-{'first' if first else 'last'}.nrrd"
        nrrd.write(at(name), VOXELS.reshape(shape), PLACE | more)
        same_nrrd(name, *nrrd.read(at(name)))


def meta(name, header, content=b"", others=()):
    put(name, header.encode() + content)
    for other, bytes_of_it in others:
        put(other, bytes_of_it)
    same_itk(name)


def same_itk(name):
    image = sitk.ReadImage(at(name))
    voxels = sitk.GetArrayFromImage(image).reshape(3, 4, 5)
    affine = np.eye(4)
    size = image.GetDimension()
    steps = np.array(image.GetDirection()).reshape(size, size) * image.GetSpacing()
    affine[:3, :3], affine[:3, 3] = steps[:3, :3], image.GetOrigin()[:3]
    found(at(name), voxels.T, affine * [[-1], [-1], [1], [1]])


def metaimage_cases():
    start = "ObjectType = Image\nNDims = {n}\nBinaryData = {binary}\n"
    start += "BinaryDataByteOrderMSB = False\n"
    start += "CompressedData = {packed}\nOffset = {offset}\nElementSpacing = {spacing}\n"
    start += "DimSize = {size}\nElementType = MET_SHORT\nElementDataFile = {file}\n"
    usual = dict(n=3, binary=True, packed=False, offset="1 2 3", size="5 4 3")
    usual |= dict(spacing="0.7 0.8 3", file="LOCAL")
    raw = VOXELS.T.tobytes()
    four = dict(n=4, offset="1 2 3 0", spacing="0.7 0.8 3 1", size="5 4 3 1")
    meta("four.mha", start.format(**usual | four), raw)
    text = " ".join(str(value) for value in VOXELS.T.ravel()) + "\n"
    meta("text.mha", start.format(**usual | {"binary": False}), text.encode())
    meta("turned.mha", start.format(**usual | {"spacing": "0.7 -0.8 3"}), raw)
    packed = zlib.compress(raw)
    header = start.format(**usual | {"packed": True, "file": "packed.zraw"})
    header = header.replace("Offset", f"CompressedDataSize = {len(packed)}\nOffset")
    meta("packed.mhd", header, others=[("packed.zraw", packed)])


nifti_cases()
nrrd_cases()
metaimage_cases()
print(json.dumps(FOUND))
