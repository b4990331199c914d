"""The ctypes declarations against the header: names, types, layouts and values.

`tests/capi/abi-1.txt` is a dump of the header by a C compiler, which a Rust test keeps up to date.
"""

import ctypes
import pathlib
import re
import subprocess
import sys

import pytest

from conftest import ROOT
from HRINetResampleLib.binding import declarations

HEADER = ROOT / "include" / "hrinet.h"
SCALARS = {
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "ptrdiff_t": ctypes.c_ssize_t,
    "double": ctypes.c_double,
    "void": None,
    "const char *": ctypes.c_char_p,
    "void *": ctypes.c_void_p,
    "const uint8_t *": ctypes.POINTER(ctypes.c_uint8),
    "float": ctypes.c_float,
}


def dump():
    """{("function", name): text, ...} of the ABI dump."""
    lines = (ROOT / "tests/capi/abi-1.txt").read_text().splitlines()
    pairs = [line.split(" = ", 1) for line in lines if " = " in line and not line.startswith("#")]
    return {tuple(key.split(" ", 1)): value for key, value in pairs}


ABI = dump()
ALIASES = {name: value for (kind, name), value in ABI.items() if kind == "type"}


def ctype(text):
    """ctypes type of a C type."""
    text = text.strip()
    if text in SCALARS:
        return SCALARS[text]
    if text in declarations.CALLBACKS:
        return declarations.CALLBACKS[text]
    if text.endswith("*"):
        inner = text[:-1].strip()
        return ctypes.POINTER(
            ctype(inner[len("const ") :] if inner.startswith("const ") else inner)
        )
    if ALIASES.get(text, "struct").startswith("struct"):
        return getattr(declarations, text)
    return ctype(ALIASES[text])


def of(kind):
    return {name: value for (found, name), value in ABI.items() if found == kind}


def test_abi_dump_matches_the_header():
    header = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    assert set(re.findall(r"\b(hrinet_\w+)\(", header)) == set(of("function"))
    macros = dict(re.findall(r"^#define (HRINET_\w+) (-?\d+)$", header, flags=re.M))
    assert macros == of("macro")


def test_constants_match_the_header():
    assert declarations.CONSTANTS == {name: int(value) for name, value in of("macro").items()}
    assert all(
        getattr(declarations, name) == value for name, value in declarations.CONSTANTS.items()
    )


def test_committed_declarations_are_those_of_the_script():
    """scripts/dev/make-declarations makes the file from the header."""
    script = ROOT / "scripts" / "dev" / "make-declarations"
    command = [sys.executable, script, "--print"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    committed = pathlib.Path(declarations.__file__).read_text()
    assert committed == made, "run scripts/dev/make-declarations"


def test_all_functions_are_declared():
    assert set(declarations.FUNCTIONS) == set(of("function"))


@pytest.mark.parametrize("name", sorted(of("function")))
def test_function_signature_matches(name):
    result, arguments = re.fullmatch(r"(.+?) \((.*)\)", of("function")[name]).groups()
    wanted = [] if arguments == "void" else [ctype(each) for each in arguments.split(", ")]
    found_result, found = declarations.FUNCTIONS[name]
    assert found_result is ctype(result)
    assert list(found) == wanted


@pytest.mark.parametrize("name", sorted(of("callback")))
def test_callback_signature_matches(name):
    result, arguments = re.fullmatch(r"(.+?) \((.*)\)", of("callback")[name]).groups()
    callback = declarations.CALLBACKS[name]
    assert callback._restype_ is ctype(result)
    assert list(callback._argtypes_) == [ctype(each) for each in arguments.split(", ")]


def test_all_structs_are_declared():
    assert {struct.__name__ for struct in declarations.STRUCTS} == set(of("struct"))


@pytest.mark.parametrize("struct", declarations.STRUCTS, ids=lambda struct: struct.__name__)
def test_struct_layout_matches(struct):
    name = struct.__name__
    size, alignment = map(int, re.findall(r"\d+", of("struct")[name]))
    assert (ctypes.sizeof(struct), ctypes.alignment(struct)) == (size, alignment)
    fields = {
        key.split(".")[1]: value for key, value in of("field").items() if key.startswith(name + ".")
    }
    assert [field for field, _ in struct._fields_] == sorted(
        fields, key=lambda field: int(re.search(r"offset (\d+)", fields[field])[1])
    )
    for field, kind in struct._fields_:
        offset, size, text = re.fullmatch(r"offset (\d+), size (\d+), (.*)", fields[field]).groups()
        place = getattr(struct, field)
        assert (place.offset, place.size) == (int(offset), int(size)), field
        element = kind._type_ if issubclass(kind, ctypes.Array) else kind
        assert element is ctype(text), field


def test_struct_sizes_match_the_compiler(tmp_path):
    """Sizes by a C program on this machine, as the dump may be of another one."""
    lines = [f'printf("%zu ", sizeof({struct.__name__}));' for struct in declarations.STRUCTS]
    source = tmp_path / "sizes.c"
    source.write_text(
        f'#include "{HEADER}"\n#include <stdio.h>\nint main(void) {{ {" ".join(lines)} return 0; }}'
    )
    subprocess.run(["cc", source, "-o", tmp_path / "sizes"], check=True)
    sizes = subprocess.run([tmp_path / "sizes"], check=True, capture_output=True).stdout.split()
    assert [int(size) for size in sizes] == [ctypes.sizeof(each) for each in declarations.STRUCTS]
