"""Finds, checks and loads the C library, once a process."""

import logging
import mmap
import os
import pathlib
import threading

from . import declarations, platforms

LIBRARY_VARIABLE = "HRINET_LIBRARY"
# scripts/install-slicer-module and the extension put the installed tree here, beside the module.
PACKED = pathlib.Path(__file__).resolve().parent.parent / "hrinet"

log = logging.getLogger("HRINet")


class LibraryError(RuntimeError):
    """The library cannot be used; the message says what to do."""


def find():
    """The library's path: that of the environment variable HRINET_LIBRARY, or the packed one."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        if not os.path.isfile(chosen):
            raise LibraryError(
                f"{LIBRARY_VARIABLE} names {chosen}, which is no file; correct it or unset it"
            )
        return chosen
    for place in platforms.LIBRARY_PLACES:
        if (PACKED / place).is_file():
            return str(PACKED / place)
    raise LibraryError(
        f"HRINet's library is missing from {PACKED}; install the module again "
        f"(scripts/install-slicer-module), or name the library in {LIBRARY_VARIABLE}"
    )


def program():
    """The packed program `hrinet`; None where there is none."""
    path = PACKED / platforms.PROGRAM
    return str(path) if path.is_file() else None


def is_private(path):
    """Whether the library brings a libtorch of its own names, which no other one disturbs."""
    with open(path, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"\0" + platforms.STOCK_TORCH.encode() + b"\0") < 0


_lock = threading.Lock()
_loaded = {}


def load(path=None):
    """The library, loaded at the first call and declared; any thread may call.

    Raises `LibraryError` where it is missing, does not load, or is of another version.
    """
    path = path or find()
    with _lock:
        if path not in _loaded:
            _loaded[path] = _load(path)
        return _loaded[path]


def is_loaded(path):
    """Whether `load` would give it without waiting."""
    return path in _loaded


def _load(path):
    try:
        library = platforms.open_library(path)
    except OSError as error:
        raise LibraryError(f"{path} does not load: {error}") from None
    wanted = declarations.CONSTANTS["HRINET_ABI_VERSION"]
    try:
        found = library.hrinet_abi_version()
    except AttributeError:
        raise LibraryError(f"{path} is not HRINet's library; correct {LIBRARY_VARIABLE}") from None
    if found != wanted:
        age = "too old" if found < wanted else "newer than the module"
        raise LibraryError(
            f"{path} is {age} (interface {found}, the module needs {wanted}); "
            "install the module and the library of one version"
        )
    try:
        declarations.declare(library)
    except AttributeError as error:
        raise LibraryError(f"{path} is too old: {error}; install the module again") from None
    log.info("HRINet %s from %s", library.hrinet_version().decode(), path)
    return library
