"""The package in the installed tree and as a wheel: its files, its types, what it needs."""

import ast
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import hrinet
from conftest import IJK_TO_RAS, PACKAGE, PREFIX, PROGRAM, ROOT, phantom

SOURCE = ROOT / "python" / "hrinet"
BINDING = ROOT / "slicer-module" / "HRINetResample" / "HRINetResampleLib" / "binding"
WHEELS = sorted((ROOT / "target" / "wheel").glob("*.whl"))
VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def files(folder):
    """Contents of the files of a folder, by name."""
    paths = [path for path in folder.glob("*") if path.suffix in (".py", ".typed")]
    return {path.name: path.read_bytes() for path in paths}


def run(command, **options):
    """Output of a command without this shell's environment."""
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PACKAGE)}
    options = {"env": environment, "check": True, "capture_output": True, "text": True, **options}
    return subprocess.run(command, **options).stdout


def test_installed_package_is_the_source():
    assert pathlib.Path(hrinet.__file__).parent == PACKAGE / "hrinet"
    assert files(PACKAGE / "hrinet") == files(SOURCE)
    assert files(PACKAGE / "hrinet" / "binding") == files(BINDING)
    assert hrinet.version() == VERSION


def test_program_runs_as_a_module():
    said = run([sys.executable, "-m", "hrinet", "--version"])
    assert said == run([PROGRAM, "--version"]) == f"hrinet {VERSION}\n"


def test_importing_it_loads_numpy_alone():
    code = "import sys; import hrinet; print(*{name.split('.')[0] for name in sys.modules})"
    path = f"{PACKAGE}:{pathlib.Path(np.__file__).parents[1]}"
    said = run([sys.executable, "-S", "-B", "-c", code], env={"PYTHONPATH": path})
    others = {name for name in said.split() if not name.startswith("_")}
    assert others - sys.stdlib_module_names == {"hrinet", "numpy"}


def test_public_names_are_documented():
    assert sorted(hrinet.__all__) == hrinet.__all__
    page = (ROOT / "docs" / "reference" / "python.md").read_text()
    for name in hrinet.__all__:
        assert getattr(hrinet, name).__doc__, name
        assert f"`{name}" in page, f"docs/reference/python.md lacks {name}"


@pytest.mark.parametrize("path", sorted(SOURCE.glob("*.py")), ids=lambda path: path.name)
def test_python_3_10_can_parse(path):
    ast.parse(path.read_text(), feature_version=(3, 10))


def test_types_hold(tmp_path):
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "python" / "pyproject.toml"]
    command += ["--cache-dir", tmp_path]
    done = subprocess.run(
        [*command, "-p", "hrinet"], cwd=PACKAGE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    (tmp_path / "user.py").write_text(
        """import hrinet
import numpy as np

array = np.zeros((4, 8, 8), np.int16)
fine: hrinet.Resampled = hrinet.resample(array, np.eye(4), factor=2)
hrinet.resample(array, np.eye(4), factor="two")
hrinet.resample_image(object(), spacings=1.0)
number: int = fine.array
"""
    )
    done = subprocess.run(
        [*command, "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = re.findall(r"^user.py:(\d+): error", done.stdout, re.M)
    assert wrong == ["6", "7", "8"], done.stdout


@pytest.fixture(scope="module")
def wheel():
    if not WHEELS:
        pytest.skip("scripts/dev/wheel was not run")
    (found,) = WHEELS
    return found


def test_wheel_holds_what_the_tree_holds(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"hrinet-{VERSION}.dist-info/METADATA").decode()
        for name, content in files(SOURCE).items():
            assert archive.read(f"hrinet/{name}") == content, "run scripts/dev/wheel"
    assert {f"hrinet/binding/{name}" for name in files(BINDING)} < names
    libraries = {f"hrinet/lib/torch/{path.name}" for path in (PREFIX / "lib/torch").iterdir()}
    programs = {"hrinet/bin/hrinet", "hrinet/bin/hrinet-torch"}
    assert libraries | programs | {"hrinet/lib/libhrinet.so", "hrinet/py.typed"} < names
    assert "hrinet/licences/LICENSE-libtorch" in names
    assert not any("__pycache__" in name for name in names)
    assert re.findall(r"^Requires-Dist: (.*)$", metadata, re.M) == ["numpy>=1.23"]
    assert f"\nVersion: {VERSION}\n" in metadata


def test_wheel_resamples_in_a_fresh_environment(wheel, tmp_path, by_program, request):
    """Bit for bit as the program. With --full, NumPy comes from PyPI as the wheel asks for it."""
    fresh, ct = tmp_path / "fresh", phantom()
    run([sys.executable, "-m", "venv", "--without-pip", fresh])
    python = fresh / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    if request.config.getoption("--full"):
        subprocess.run([*install, "--only-binary=:all:", wheel], check=True)
    else:
        run([*install, "--no-index", "--no-deps", wheel], env=None)
        (site,) = fresh.glob("lib/python*/site-packages")
        (site / "numpy.pth").write_text(str(pathlib.Path(np.__file__).parents[1]))
    np.save(tmp_path / "ct.npy", ct)
    np.save(tmp_path / "matrix.npy", IJK_TO_RAS)
    code = """
import numpy as np, hrinet
from hrinet.binding import library
fine = hrinet.resample(np.load("ct.npy"), np.load("matrix.npy"), device="cpu", threads=1)
np.save("fine.npy", fine.array)
print(library.find())
"""
    # Only for --full: a first import of NumPy from PyPI must not see the packages of the tests.
    said = run([python, "-c", code], cwd=tmp_path, env={})
    assert pathlib.Path(said.strip()).is_relative_to(fresh)
    assert np.array_equal(np.load(tmp_path / "fine.npy"), by_program(ct, "--device", "cpu"))
    assert run([fresh / "bin" / "hrinet", "--version"], env={}) == f"hrinet {VERSION}\n"


def test_wheel_names_the_platform_that_auditwheel_finds(wheel, request):
    if not request.config.getoption("--full"):
        pytest.skip("reads all symbols; pytest --full does")
    command = [sys.executable, "-m", "auditwheel", "show", wheel]
    said = " ".join(run(command, env=None, stderr=subprocess.STDOUT, capture_output=False,
                        stdout=subprocess.PIPE).split())  # fmt: skip
    platform = re.search(r'platform tag: "(\w+)"', said)[1]
    assert wheel.name == f"hrinet-{VERSION}-py3-none-{platform}.whl"
