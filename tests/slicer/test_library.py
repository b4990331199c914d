"""Finding and loading the library: missing, wrong version, beside another libtorch."""

import os
import pathlib
import subprocess
import sys

import pytest

from conftest import MODULE, ROOT
from HRINetResampleLib.binding import declarations, library, platforms

STOCK = (
    pathlib.Path(os.environ.get("LIBTORCH") or ROOT / ".libtorch") / "lib" / platforms.STOCK_TORCH
)


def built(folder, source):
    """Path of a shared library, compiled from C source."""
    path = folder / "libother.so"
    (folder / "other.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", folder / "other.c", "-o", path], check=True)
    return str(path)


def test_missing_library_is_reported(monkeypatch, tmp_path):
    monkeypatch.delenv(library.LIBRARY_VARIABLE)
    monkeypatch.setattr(library, "TREES", [tmp_path])
    with pytest.raises(library.LibraryError, match="install HRINet again.*HRINET_LIBRARY"):
        library.find()
    monkeypatch.setenv(library.LIBRARY_VARIABLE, str(tmp_path / "gone.so"))
    with pytest.raises(library.LibraryError, match="gone.so, which is not a file"):
        library.find()


def test_library_beside_the_module_is_found(monkeypatch, tmp_path):
    monkeypatch.delenv(library.LIBRARY_VARIABLE)
    monkeypatch.setattr(library, "TREES", [tmp_path / "elsewhere", tmp_path])
    place = tmp_path / platforms.LIBRARY_PLACES[0]
    place.parent.mkdir(parents=True)
    place.write_bytes(b"")
    assert library.find() == str(place)


@pytest.mark.parametrize(
    "source, said",
    [
        (
            "unsigned hrinet_abi_version(void) { return 0; }",
            "too old .interface 0, Python needs 1",
        ),
        ("unsigned hrinet_abi_version(void) { return 2; }", "too new"),
        ("unsigned hrinet_abi_version(void) { return 1; }", "too old: .*hrinet_version.*install"),
        ("int another(void) { return 1; }", "is not HRINet's library"),
        ("void gone(void); void another(void) { gone(); }", "does not load: .*gone"),
    ],
)
def test_library_of_another_version_is_rejected(tmp_path, source, said):
    with pytest.raises(library.LibraryError, match=said):
        library.load(built(tmp_path, source))


def test_file_that_is_not_a_library_is_rejected(tmp_path):
    path = tmp_path / "libhrinet.so"
    path.write_text("text")
    with pytest.raises(library.LibraryError, match="does not load"):
        library.load(str(path))


def test_installed_library_is_private():
    assert library.is_private(library.find())


def test_library_with_stock_libtorch_is_not_private(tmp_path):
    stock = built(tmp_path, "int torch;")
    os.rename(stock, tmp_path / platforms.STOCK_TORCH)
    (tmp_path / "user.c").write_text("extern int torch; int use(void) { return torch; }")
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            tmp_path / "user.c",
            "-o",
            tmp_path / "libuser.so",
            tmp_path / platforms.STOCK_TORCH,
            f"-Wl,-soname,libuser.so,-rpath,{tmp_path}",
        ],
        check=True,
        cwd=tmp_path,
    )
    (tmp_path / "named.c").write_text("int torch;")
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            tmp_path / "named.c",
            "-o",
            tmp_path / platforms.STOCK_TORCH,
            f"-Wl,-soname,{platforms.STOCK_TORCH}",
        ],
        check=True,
    )
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            tmp_path / "user.c",
            "-o",
            tmp_path / "libuser.so",
            tmp_path / platforms.STOCK_TORCH,
        ],
        check=True,
    )
    assert not library.is_private(str(tmp_path / "libuser.so"))


BESIDE = """
import ctypes, sys
sys.path.insert(0, {module!r})
import numpy as np
from HRINetResampleLib.binding import hrinet, platforms

def this_one():
    voxels = np.random.default_rng(0).normal(0, 300, (3, 64, 64)).astype(np.int16)
    plan = hrinet.Plan(voxels, np.diag([1, 1, 4, 1]))
    with hrinet.Model("hrinet-motion", "cpu") as model:
        hrinet.resample(hrinet.Job(model, plan, voxels, plan.empty()))
    return hash(plan.empty().shape)

def other_one():
    ctypes.CDLL({stock!r}, mode=ctypes.RTLD_GLOBAL)
    assert platforms.loaded_torch() == [{stock!r}], platforms.loaded_torch()

for step in ({order}):
    step()
print("done")
"""


@pytest.mark.skipif(not STOCK.is_file(), reason=f"{STOCK} is missing")
@pytest.mark.parametrize("order", ["this_one, other_one, this_one", "other_one, this_one"])
def test_library_works_beside_another_libtorch(order):
    """The libtorch that `import torch` of another extension loads with global symbols."""
    code = BESIDE.format(module=str(MODULE), stock=str(STOCK.resolve()), order=order)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stderr


def test_loading_does_not_change_the_environment():
    code = f"""
import os, sys
sys.path.insert(0, {str(MODULE)!r})
before = dict(os.environ)
from HRINetResampleLib.binding import library
library.load()
assert dict(os.environ) == before
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_library_exports_every_declared_function():
    loaded = library.load()
    assert all(getattr(loaded, name).argtypes is not None for name in declarations.FUNCTIONS)
