"""The workflow's Python stands beside the Snakefile, not in a package that is installed."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="also through a Slurm of one node")


@pytest.fixture(scope="session")
def full(request):
    if not request.config.getoption("--full"):
        pytest.skip("only with --full")
