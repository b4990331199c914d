"""Finds, loads and checks the C library, once per process."""

import logging
import mmap
import os
import pathlib
import threading

from . import declarations, platforms

LIBRARY_VARIABLE = "HRINET_LIBRARY"
# scripts/install-slicer-module and the extension install the library here, beside the module.
PACKED = pathlib.Path(__file__).resolve().parents[2] / "hrinet"

log = logging.getLogger("HRINet")


class LibraryError(RuntimeError):
    """The library cannot be used; the message says what to do."""


def find():
    """Path of the library: that of the environment variable HRINET_LIBRARY, else the packed one."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        if not os.path.isfile(chosen):
            raise LibraryError(
                f"{LIBRARY_VARIABLE} names {chosen}, which is not a file; correct it or unset it"
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
    """Path of the packed program `hrinet`; None if it is missing."""
    path = PACKED / platforms.PROGRAM
    return str(path) if path.is_file() else None


def is_private(path):
    """Whether the library uses a libtorch under private names, which cannot meet another one."""
    with open(path, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"\0" + platforms.STOCK_TORCH.encode() + b"\0") < 0


_lock = threading.Lock()
_loaded = {}


def load(path=None):
    """The library, loaded and declared by the first call; may be called from any thread.

    Raises `LibraryError` if it is missing, does not load, or has another version.
    """
    path = path or find()
    with _lock:
        if path not in _loaded:
            _loaded[path] = _load(path)
        return _loaded[path]


def is_loaded(path):
    """Whether `load` returns without loading."""
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
            "install the module and the library in one version"
        )
    try:
        declarations.declare(library)
    except AttributeError as error:
        raise LibraryError(f"{path} is too old: {error}; install the module again") from None
    log.info("HRINet %s from %s", library.hrinet_version().decode(), path)
    return library
