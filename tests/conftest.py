"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of golden values and real data; it is not on a user's machine."""
    folder = ROOT.parent / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip("needs ../shared (golden values and real data), which is not on this machine")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def cdnow_file() -> Path:
    """Return the CDNOW sample that ships inside lifetimes, without importing it (that warns)."""
    import importlib.util

    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "CDNOW_sample.txt"
