"""Compose projects out of texts: no test of the rules touches the disk."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING
from typing import Protocol

import pytest

from poetry_gpu_build.documents.compose.library import Library
from poetry_gpu_build.documents.compose.library import Unreadable
from poetry_gpu_build.documents.compose.read import read_compose
from poetry_gpu_build.documents.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.compose.model import ComposeProject

FOLDER = Path("/project")


class Compose(Protocol):
    """Reads a project out of texts."""

    def __call__(
        self,
        texts: str | Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        *,
        files: tuple[str, ...] = ("compose.yml",),
    ) -> ComposeProject:
        """A text alone is compose.yml; ``files`` are those behind -f."""


@pytest.fixture
def compose() -> Compose:
    def read(
        texts: str | Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        *,
        files: tuple[str, ...] = ("compose.yml",),
    ) -> ComposeProject:
        named = {"compose.yml": texts} if isinstance(texts, str) else texts
        sources = {FOLDER / name: Source(FOLDER / name, dedent(text)) for name, text in named.items()}

        def text_of(path: Path) -> Source | Unreadable:
            return sources.get(path, Unreadable("there is no such file", missing=True))

        return read_compose([FOLDER / name for name in files], environment, library=Library(text_of))

    return read
