"""Writes NRRD files with one unusual feature each that SimpleITK reads; prints their paths.

Usage: io_nrrd_cases.py FOLDER
"""

import gzip
import os
import sys

import numpy as np

FOLDER = sys.argv[1]
PLACE = "space directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (10,20,30)\n"
NAMES = {
    "uint8": ["uchar", "unsigned char", "uint8", "uint8_t"],
    "int8": ["signed char", "int8", "int8_t"],
    "uint16": ["ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"],
    "int16": ["short", "short int", "signed short", "signed short int", "int16", "int16_t"],
    "uint32": ["uint", "unsigned int", "uint32", "uint32_t"],
    "int32": ["int", "signed int", "int32", "int32_t"],
    "uint64": ["ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"],
    "int64": ["longlong", "long long", "long long int", "signed long long",
              "signed long long int", "int64", "int64_t"],
    "float32": ["float"],
    "float64": ["double"],
}  # fmt: skip


def write(name, place, dtype="int16", type_name="short", order="<", encoding="raw", end="\n"):
    voxels = np.random.default_rng(7).integers(0, 120, 60).astype(dtype)
    raw = voxels.astype(np.dtype(dtype).newbyteorder(order)).tobytes()
    endian = {"<": "little", ">": "big"}[order]
    header = f"NRRD0004\n# text: more\ntype: {type_name}\ndimension: 3\nsizes: 5 4 3\n"
    header += f"{place}encoding: {encoding}\nendian: {endian}\n\n"
    path = os.path.join(FOLDER, name + ".nrrd")
    with open(path, "wb") as file:
        file.write(header.replace("\n", end).encode())
        file.write(raw if encoding == "raw" else gzip.compress(raw))
    print(path)


for dtype, names in NAMES.items():
    for number, name in enumerate(names):
        order = "<>"[number % 2]
        encoding = ["raw", "gzip", "gz"][number % 3]
        write(f"{dtype}-{number}", "space: LPS\n" + PLACE, dtype, name, order, encoding)
    write(f"{dtype}-big", "space: LPS\n" + PLACE, dtype, names[0], ">")
# Not left-anterior-superior, where ITK 5.4 flips the wrong axis.
for space in ["LPS", "RAS", "left-posterior-superior", "Right-Anterior-Superior"]:
    write(space, f"space: {space}\n" + PLACE)
oblique = "space directions: (1.6, 0, 1.2) (0,3,0) (-2.4,0,3.2)\nspace origin: ( 1e1, -.5, 3E-2 )\n"
write("oblique", "space: RAS\n" + oblique)
write("unnamed-space", "space dimension: 3\n" + PLACE)
write("no-origin", "space: RAS\nspace directions: (2,0,0) (0,3,0) (0,0,4)\n")
write("spacings", "spacings: 2 3 4.5\n")
write("carriage-returns", "spacings: 2 3 4.5\n", end="\r\n")
more = (
    "kinds: domain domain domain\ncontent: a: b\nmeasurement frame: (1,0,0) (0,1,0) (0,0,1)\n"
    'space units: "mm" "mm" "mm"\nkey:=value: x\n'
)
write("more-fields", "space: LPS\n" + PLACE + more)
