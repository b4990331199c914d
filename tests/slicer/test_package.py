"""The folder for an installed Slicer, the extension package, and compatibility with old Pythons.

There is no Slicer to build against: CMake macros that install files as Slicer's own do replace it.
"""

import ast
import json
import os
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from conftest import MODULE, PREFIX, ROOT

SLICER_CONFIG = """
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/use.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/nothing.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/nothing.cmake")
"""
USE = """
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.8/qt-scripted-modules)
set(Slicer_CLIMODULES_BIN_DIR lib/Slicer-5.8/cli-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR Slicer.app/${Slicer_QTSCRIPTEDMODULES_LIB_DIR})
set(Slicer_INSTALL_CLIMODULES_BIN_DIR Slicer.app/${Slicer_CLIMODULES_BIN_DIR})
include(CMakeParseArguments)
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MODULE_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "not an argument of this macro: ${MODULE_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file ${MODULE_SCRIPTS} ${MODULE_RESOURCES})
    get_filename_component(folder "${file}" DIRECTORY)
    install(FILES "${file}" DESTINATION "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}/${folder}")
  endforeach()
endfunction()
function(slicer_add_python_unittest)
endfunction()
"""


def sources():
    """Files of the module, relative to its folder."""
    return {
        path.relative_to(MODULE).as_posix()
        for path in MODULE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "CMakeLists.txt"
    }


def files_below(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and "hrinet" not in path.relative_to(folder).parts
        and "__pycache__" not in path.parts
    }


def check_works(folder, tmp_path):
    """Checks that the packed module finds the packed library, without an environment."""
    code = (
        "from HRINetResampleLib.binding import hrinet, library;"
        "print(hrinet.version(), library.find(), library.program(), sep='\\n')"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("HRINET")
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    version, found, program = done.stdout.splitlines()
    assert pathlib.Path(found).parent == folder / "hrinet" / "lib"
    assert os.access(program, os.X_OK)
    return version


def test_extension_packs_everything(tmp_path):
    slicer = tmp_path / "slicer"
    slicer.mkdir()
    (slicer / "SlicerConfig.cmake").write_text(SLICER_CONFIG)
    (slicer / "use.cmake").write_text(USE)
    (slicer / "nothing.cmake").write_text("")
    build, package = tmp_path / "build", tmp_path / "package"
    for command in (
        [
            "cmake",
            "-S",
            ROOT / "slicer-module",
            "-B",
            build,
            f"-DSlicer_DIR={slicer}",
            f"-DHRINET_PREFIX={PREFIX}",
            f"-DCMAKE_INSTALL_PREFIX={package}",
            "-DBUILD_TESTING=ON",
        ],
        ["cmake", "--build", build],
        ["cmake", "--install", build],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    modules = package / "Slicer.app/lib/Slicer-5.8/qt-scripted-modules"
    programs = package / "Slicer.app/lib/Slicer-5.8/cli-modules"
    assert files_below(modules) == sources()
    version = check_works(modules, tmp_path)
    link = programs / "HRINetResampleCLI"
    assert link.is_symlink() and not os.path.isabs(os.readlink(link))
    said = subprocess.run(
        [link, "--xml"], env={}, capture_output=True, text=True, check=True
    ).stdout
    assert said == (programs / "HRINetResampleCLI.xml").read_text()
    assert ElementTree.fromstring(said).findtext("version") == version
    for linked in ("qt-scripted-modules/hrinet/lib/libhrinet.so", "cli-modules/HRINetResampleCLI"):
        assert (build / "lib/Slicer-5.8" / linked).exists()


def test_install_folder_works_after_a_move(tmp_path):
    """The folder is made by scripts/install-slicer-module, which scripts/test runs first."""
    folder = ROOT / "target" / "slicer-module"
    if not folder.is_dir():
        pytest.skip("scripts/install-slicer-module target/slicer-module was not run")
    assert files_below(folder) == sources() | {"HRINetResampleCLI", "HRINetResampleCLI.xml"}
    moved = tmp_path / "another place"
    subprocess.run(["cp", "-a", folder, moved], check=True)
    version = check_works(moved, tmp_path)
    said = subprocess.run(
        [moved / "HRINetResampleCLI", "--xml"], env={}, capture_output=True, text=True, check=True
    ).stdout
    assert said == (moved / "HRINetResampleCLI.xml").read_text()
    assert ElementTree.fromstring(said).findtext("version") == version


def test_catalog_entry_is_complete():
    entry = json.loads((ROOT / "slicer-module" / "HRINetResample.json").read_text())
    assert (ROOT / entry["build_subdirectory"] / "CMakeLists.txt").is_file()
    names = subprocess.run(
        ["grep", "-rlI", "OWNER/", ROOT / "slicer-module"], capture_output=True, text=True
    )
    found = [pathlib.Path(name).name for name in names.stdout.split()]
    assert found == ["HRINetResample.json"], "the repository's address is in one place"
    for key in ("scm_url", "scm_revision", "category", "build_dependencies", "tier"):
        assert key in entry


@pytest.mark.parametrize("file", sorted(name for name in sources() if name.endswith(".py")))
def test_python_3_9_can_parse(file):
    """Slicer 5.8 runs Python 3.9."""
    tree = ast.parse((MODULE / file).read_text(), feature_version=(3, 9))
    newer = [
        node for node in ast.walk(tree) if type(node).__name__ in ("Match", "TryStar", "TypeAlias")
    ]
    assert newer == []
    # `int | None` in an annotation is evaluated, and fails before 3.10.
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                assert not any(isinstance(each, ast.BitOr) for each in ast.walk(annotation)), file


def test_only_numpy_is_needed_beyond_slicer():
    allowed = set(sys.stdlib_module_names) | {"numpy", "slicer", "vtk", "qt", "HRINetResampleLib"}
    allowed |= {"SegmentEditorEffects", "qSlicerSegmentationsEditorEffectsPythonQt"}
    for path in MODULE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            assert {name.split(".")[0] for name in names} <= allowed | {"DICOMLib", "SampleData"}, (
                path
            )
