"""Locks of a folder that `hrinet batch` writes to: one process, or one workflow and its jobs.

A single `hrinet batch` locks OUTPUT/.lock for itself; the workflow and each of its jobs share it,
so that one is refused while the other runs. Each job locks its chunk for itself besides.
"""

import fcntl
import sys

NAME = ".lock"


def share(folder):
    """Shares the lock until the file that is returned is closed, here and in child processes.

    Ends the process where a single `hrinet batch` has the lock.
    """
    file = open(folder / NAME, "a")
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"{folder}: another run writes there; wait for it, or name another folder")
    except OSError:
        pass  # not every file system has locks
    return file
