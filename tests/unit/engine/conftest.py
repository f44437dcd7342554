"""What Docker's clients really printed (recorded/README.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDINGS = Path(__file__).with_name("recorded")


@pytest.fixture(scope="session")
def recording() -> Callable[[str], Path]:
    """The file of a recording, by the beginning of its name."""

    def find(name: str) -> Path:
        [path] = (path for path in RECORDINGS.iterdir() if re.fullmatch(rf"{name}-\d+(\.\d+)+\.txt", path.name))
        return path

    return find


@pytest.fixture(scope="session")
def recorded(recording: Callable[[str], Path]) -> Callable[[str], str]:
    """What it holds, byte for byte."""

    def read(name: str) -> str:
        return recording(name).read_bytes().decode("utf-8")

    return read
