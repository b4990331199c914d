"""Compares TensorBoard's event file of a run with its CSV: training_events.py FOLDER"""

import csv
import pathlib
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def check(data, stored):
    crc = crc32c(data)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked == struct.unpack("<I", stored)[0], "wrong checksum"


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, value) of each field of a message of protocol buffers."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            if kind == 2:
                size, at = varint(data, at)
            else:
                size = {1: 8, 5: 4}[kind]
            value = data[at : at + size]
            at += size
        yield key >> 3, value


def events(data):
    at = 0
    while at < len(data):
        length = data[at : at + 8]
        check(length, data[at + 8 : at + 12])
        size = struct.unpack("<Q", length)[0]
        body = data[at + 12 : at + 12 + size]
        check(body, data[at + 12 + size : at + 16 + size])
        yield list(fields(body))
        at += 16 + size


folder = pathlib.Path(sys.argv[1])
found = list(events(next(folder.glob("*tfevents*")).read_bytes()))
assert (3, b"brain.Event:2") in found[0]
with open(folder / "losses.csv") as file:
    rows = list(csv.DictReader(file))
assert len(found) == 1 + len(rows), (len(found), len(rows))
for event, row in zip(found[1:], rows):
    event = dict(event)
    assert event[2] == int(row["step"])
    values = {}
    for _, value in fields(event[5]):
        value = dict(fields(value))
        values[value[1].decode().split("/")[1]] = struct.unpack("<f", value[2])[0]
    scalars = {name: text for name, text in row.items() if name not in ("step", "stage")}
    expected = {name: float(text) for name, text in scalars.items() if text}
    assert values.keys() == expected.keys(), (values, expected)
    for name, value in values.items():
        assert value == struct.unpack("<f", struct.pack("<f", expected[name]))[0], name
print(len(rows), "rows agree")
