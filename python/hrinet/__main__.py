"""The program `hrinet`, as `python -m hrinet` and as the command of the wheel."""

from __future__ import annotations

import os
import sys

from .binding import library


def main() -> None:
    """Replaces this process by the packed program, with the same arguments."""
    program = library.program()
    if program is None:
        sys.exit(f"hrinet: the program is missing from {library.TREES[0]}; install HRINet again")
    os.execv(program, ["hrinet", *sys.argv[1:]])


if __name__ == "__main__":
    main()
