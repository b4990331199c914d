"""Everything that depends on the operating system: file names, library loading, exit statuses.

Linux is built and tested. Support for another system is another branch in this file.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import sys
from typing import Any, Dict, Iterator, List, Optional

if sys.platform == "win32":
    LIBRARY_PLACES = ("bin/hrinet.dll",)
    PROGRAM = "bin/hrinet.exe"
    _PYTHON = "PythonSlicer.exe"
elif sys.platform == "darwin":
    LIBRARY_PLACES = ("lib/libhrinet.1.dylib", "lib/libhrinet.dylib")
    PROGRAM = "bin/hrinet"
    _PYTHON = "PythonSlicer"
else:
    LIBRARY_PLACES = ("lib/libhrinet.so.1", "lib/libhrinet.so")
    PROGRAM = "bin/hrinet"
    _PYTHON = "PythonSlicer"

# Usual name of libtorch, which other extensions may bring in another version.
STOCK_TORCH = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}.get(
    sys.platform, "libtorch_cpu.so"
)


def open_library(path: str) -> ctypes.CDLL:
    """Loads a library with local symbols as a `ctypes.CDLL`, without blocking other threads.

    `ctypes.CDLL(path)` holds Python's global lock while the file loads, which takes seconds from a
    cold disk; `dlopen` called through ctypes does not. The library prefers its own symbols.
    """
    if sys.platform == "win32":
        return ctypes.CDLL(path)
    system = ctypes.CDLL(None)
    system.dlopen.restype = ctypes.c_void_p
    system.dlopen.argtypes = (ctypes.c_char_p, ctypes.c_int)
    system.dlerror.restype = ctypes.c_char_p
    flags = os.RTLD_NOW | os.RTLD_LOCAL | getattr(os, "RTLD_DEEPBIND", 0)
    with _idle_threads_sleep():
        handle = system.dlopen(os.fsencode(path), flags)
    if not handle:
        # dlerror() returns a message once, per thread.
        raise OSError((system.dlerror() or b"it does not load").decode("utf-8", "replace"))
    return ctypes.CDLL(path, handle=handle)


@contextlib.contextmanager
def _idle_threads_sleep() -> Iterator[None]:
    """Sets OMP_WAIT_POLICY, which libgomp reads when it loads, so that idle threads do not spin."""
    name = "OMP_WAIT_POLICY"
    if name in os.environ:
        yield
        return
    os.environ[name] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[name]


def loaded_torch() -> List[str]:
    """Paths of the libtorch libraries under their usual name that this process has loaded."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "/" in line}
    except OSError:
        return []
    return sorted(path for path in paths if os.path.basename(path) == STOCK_TORCH)


def available_memory() -> Optional[int]:
    """Bytes that can be allocated without swapping; None if the system does not report it."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def python_program() -> str:
    """Python interpreter for subprocesses: inside Slicer its PythonSlicer."""
    return shutil.which(_PYTHON) or sys.executable


def describe_exit(returncode: int) -> str:
    """Describes the exit status of a subprocess that failed."""
    if returncode >= 0:
        return f"ended with status {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    if name == "SIGKILL":
        return "was killed (SIGKILL), most often because the machine ran out of memory"
    return f"crashed ({name})"


def process_options() -> Dict[str, Any]:
    """Arguments of `subprocess.Popen` that keep a subprocess from opening a window."""
    return {"creationflags": 0x08000000} if sys.platform == "win32" else {}  # CREATE_NO_WINDOW
