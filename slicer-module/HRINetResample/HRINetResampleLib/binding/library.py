"""Finds, loads and checks the C library, once per process."""

import ctypes
import logging
import mmap
import os
import pathlib
import threading
from typing import Dict, Optional

from . import declarations, platforms

LIBRARY_VARIABLE = "HRINET_LIBRARY"
_BESIDE = pathlib.Path(__file__).resolve().parents[2]
# Trees of the library: in the Slicer module beside it, in the wheel the package itself, and
# PREFIX of the package PREFIX/lib/python/hrinet.
TREES = (_BESIDE / "hrinet", (_BESIDE / ".." / "..").resolve())

log = logging.getLogger("HRINet")


class LibraryError(RuntimeError):
    """The library cannot be used; the message says what to do."""


def find() -> str:
    """Path of the library: that of the environment variable HRINET_LIBRARY, else the packed one."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        if not os.path.isfile(chosen):
            raise LibraryError(
                f"{LIBRARY_VARIABLE} names {chosen}, which is not a file; correct it or unset it"
            )
        return chosen
    for tree in TREES:
        for place in platforms.LIBRARY_PLACES:
            if (tree / place).is_file():
                return str(tree / place)
    raise LibraryError(
        f"HRINet's library is missing from {TREES[0]}; install HRINet again, or name the library "
        f"in the environment variable {LIBRARY_VARIABLE}"
    )


def program() -> Optional[str]:
    """Path of the program `hrinet` beside the library; None if it is missing."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    trees = [pathlib.Path(chosen).parents[1]] if chosen else TREES
    paths = [tree / platforms.PROGRAM for tree in trees]
    return next((str(path) for path in paths if path.is_file()), None)


def is_private(path: str) -> bool:
    """Whether the library uses a libtorch under private names, which cannot meet another one."""
    with open(path, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"\0" + platforms.STOCK_TORCH.encode() + b"\0") < 0


_lock = threading.Lock()
_loaded: Dict[str, ctypes.CDLL] = {}


def load(path: Optional[str] = None) -> ctypes.CDLL:
    """The library, loaded and declared by the first call; may be called from any thread.

    Raises `LibraryError` if it is missing, does not load, or has another version.
    """
    path = path or find()
    with _lock:
        if path not in _loaded:
            _loaded[path] = _load(path)
        return _loaded[path]


def is_loaded(path: str) -> bool:
    """Whether `load` returns without loading."""
    return path in _loaded


def _load(path: str) -> ctypes.CDLL:
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
        age = "too old" if found < wanted else "too new"
        raise LibraryError(
            f"{path} is {age} (interface {found}, Python needs {wanted}); "
            "install the library and its Python part in one version"
        )
    try:
        declarations.declare(library)
    except AttributeError as error:
        raise LibraryError(f"{path} is too old: {error}; install HRINet again") from None
    log.info("HRINet %s from %s", library.hrinet_version().decode(), path)
    return library
