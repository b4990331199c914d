"""Progress of jobs: callbacks, and bars of tqdm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from .binding.handles import Cancelled

Progress = Callable[[int, int], object]


class Bar(Protocol):
    """A progress bar as tqdm makes it: slices done, slices to do, and a way to advance."""

    n: float
    total: float | None

    def update(self, n: float | None = 1) -> object: ...


def show_on(bar: Bar) -> Progress:
    """A progress callback that shows slices done on a bar.

    with tqdm(unit=" slices") as bar:
        hrinet.resample(thick, ijk_to_ras, progress=hrinet.show_on(bar))
    """

    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return progress


@contextlib.contextmanager
def reported(progress: Progress | bool | None) -> Iterator[Progress]:
    """Yields the callback of a `progress` argument: a function, or True for a bar of tqdm.

    The callback also cancels after Ctrl-C.
    """
    with contextlib.ExitStack() as stack:
        interrupted = stack.enter_context(_noticed_ctrl_c())
        report: Progress | None = None
        if progress is True:
            from tqdm.auto import tqdm

            report = show_on(stack.enter_context(tqdm(unit=" slices")))
        elif progress:
            report = progress
        yield (
            lambda done, total: (
                not interrupted.is_set() and (report is None or report(done, total) is not False)
            )
        )


@contextlib.contextmanager
def _noticed_ctrl_c() -> Iterator[threading.Event]:
    """Yields an event that Ctrl-C sets, and raises KeyboardInterrupt at the end.

    Python would raise it on entry to the callback, where ctypes drops it. On threads other than the
    main one, and where the host handles Ctrl-C in its own way, nothing changes.
    """
    event = threading.Event()
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield event
        return
    signal.signal(signal.SIGINT, lambda *_: event.set())
    try:
        yield event
    except Cancelled:
        if not event.is_set():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if event.is_set():
        raise KeyboardInterrupt
