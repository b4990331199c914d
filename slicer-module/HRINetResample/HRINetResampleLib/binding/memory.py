"""Refusal of work for which the memory does not suffice."""

from . import declarations as c
from . import platforms
from .handles import HrinetError


def check_memory(needed: int) -> None:
    """Raises if `needed` bytes are not free: the system would kill the process."""
    available = platforms.available_memory()
    if available is not None and needed > available:
        raise HrinetError(
            f"this needs about {needed / 2**20:.0f} MB of memory, but only "
            f"{available / 2**20:.0f} MB are free; close other volumes, or choose a larger spacing",
            c.HRINET_OUT_OF_MEMORY,
        )
