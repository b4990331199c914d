"""The job of a chunk: runs `hrinet batch`, and says whether the chunk is done."""

import pathlib
import subprocess

from . import lock, manifest

SOME_FAILED = 3  # exit status
# What the program says of a volume that needs more memory than it may use.
TOO_LITTLE_MEMORY = "of memory, free:"
# Room for what the program does not count, such as buffers of the system.
SHARE_OF_MEMORY = 0.8


def run(batch, folder, number, options, threads, memory_mb, log, is_last):
    """Makes the volumes of a chunk; raises CalledProcessError where it is to be tried again.

    Volumes that failed do not fail the chunk, as another attempt would not help them; except those
    that more memory helps, unless this attempt is the last one.
    """
    folder = pathlib.Path(folder)
    chunk = folder / "chunks" / number
    command = [*batch, chunk / "list.csv", chunk, *options, "--threads", str(threads)]
    command += ["--memory", f"{int(SHARE_OF_MEMORY * memory_mb)}MB"]
    with lock.share(folder) as shared, open(log, "wb") as messages:
        # The program keeps the lock, should this process be killed and it not.
        status = subprocess.call(command, stderr=messages, pass_fds=[shared.fileno()])
    if status == SOME_FAILED and (is_last or not needs_memory(chunk / "manifest.csv")):
        status = 0
    if status:
        raise subprocess.CalledProcessError(status, [*batch, f"chunk {number}"])


def needs_memory(path):
    """Whether a volume failed for want of memory."""
    rows = manifest.read(path).rows.values()
    return any(row["status"] == "failed" and TOO_LITTLE_MEMORY in row["reason"] for row in rows)
