"""Log lines and warnings of the C library."""

import contextlib
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import declarations as c
from . import library
from .handles import check

WARNING = 2

# A line's level, from 1 (error) to 4 (debugging), and its text.
LogFunction = Callable[[int, str], object]

_lock = threading.Lock()
_wanted: Tuple[Optional[LogFunction], int] = (None, WARNING)
_collections: Dict[int, List[List[str]]] = {}  # by thread


def set_log(callback: Optional[LogFunction], level: int = WARNING) -> None:
    """Sends log lines up to `level` (1 error to 4 debug) to `callback(level, line)`.

    The callback may be called from any thread. None ends logging.
    """
    global _wanted
    with _lock:
        _wanted = (callback, level)
        _install()


@contextlib.contextmanager
def collected_warnings() -> Iterator[List[str]]:
    """Yields a list that receives the warnings of jobs of this thread meanwhile.

    The callback of `set_log` still gets its lines.
    """
    thread = threading.get_ident()
    warnings: List[str] = []
    with _lock:
        _collections.setdefault(thread, []).append(warnings)
        _install()
    try:
        yield warnings
    finally:
        with _lock:
            of_thread = _collections[thread]
            del of_thread[[each is warnings for each in of_thread].index(True)]
            if not of_thread:
                del _collections[thread]
            _install()


def _install() -> None:
    """Asks the library for the lines that somebody wants."""
    callback, level = _wanted
    wanted = max(level if callback else 0, WARNING if _collections else 0)
    loaded = library.load()
    check(loaded, loaded.hrinet_set_log_callback(_native if wanted else _none, wanted, None))


def _dispatch(level: int, line: bytes, _user: Any) -> None:
    try:
        text = line.decode("utf-8", "replace")
        if level <= WARNING:
            for warnings in _collections.get(threading.get_ident(), ()):
                warnings.append(text)
        callback, wanted = _wanted
        if callback and level <= wanted:
            callback(level, text)
    except Exception:  # must not unwind through C
        pass


# Referenced as long as C may call them: for the life of the process.
_native = c.HrinetLogCallback(_dispatch)
_none = c.HrinetLogCallback()
