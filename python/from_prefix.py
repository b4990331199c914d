"""Fills the wheel from a tree of scripts/install, whose path is in HRINET_PREFIX.

The package, the library, its private libtorch, the program and the licences come from there, so
that wheel and tree hold the same files. The tag of the platform is in HRINET_PLATFORM.
"""

import os
import pathlib

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# In the tree: in the wheel.
PLACES = {
    "lib/python/hrinet": "hrinet",
    "lib/libhrinet.so": "hrinet/lib/libhrinet.so",
    "lib/torch": "hrinet/lib/torch",
    "bin": "hrinet/bin",
    "share/doc/hrinet": "hrinet/licences",
}


class FromPrefix(BuildHookInterface):
    """Names the files of the wheel, and its platform."""

    def initialize(self, version, build_data):
        """Called by hatchling before it collects files."""
        prefix = pathlib.Path(os.environ.get("HRINET_PREFIX", ""))
        if not (prefix / "lib/python/hrinet").is_dir():
            raise SystemExit(
                "HRINET_PREFIX names no tree of scripts/install; use scripts/dev/wheel"
            )
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ['HRINET_PLATFORM']}"
        for source, target in PLACES.items():
            root = (prefix / source).resolve()  # the library's name is a link
            files = [root] if root.is_file() else sorted(root.rglob("*"))
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    place = pathlib.PurePosixPath(target, file.relative_to(root))
                    build_data["force_include"][str(file)] = str(place)
