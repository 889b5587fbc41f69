"""Time limits of tests count work: tests wait longer on a busy machine, and a test that hangs ends."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import pace_at, patience

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(("load", "counts"), [(0, 1), (2, 1), (8, 0.25), (20, 0.1)])
def test_a_second_counts_less_if_processes_wait_for_a_core(load: float, counts: float) -> None:
    assert pace_at(load, cores=2) == pytest.approx(counts)


async def test_an_endless_wait_fails_in_time() -> None:
    with pytest.raises(TimeoutError):
        async with patience(0.05, lambda: 1.0):
            await asyncio.Event().wait()


async def test_a_busy_machine_has_more_time() -> None:
    async with patience(0.05, lambda: 0.001):
        await asyncio.sleep(0.2)


HANGS = """
import time
import pytest


@pytest.mark.timeout(0.5)
def test_it():
    time.sleep(1000)
"""


def test_a_test_that_hangs_fails(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.limits import *\n")
    (tmp_path / "test_hangs.py").write_text(HANGS)
    command = [sys.executable, "-m", "pytest", "-q", str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert found.returncode == 1
    assert "Timeout" in found.stdout
