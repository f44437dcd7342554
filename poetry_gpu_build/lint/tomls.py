"""The TOML files of a run: each is parsed once, and what is wrong with one is kept beside the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.toml import TomlDocument
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from poetry_gpu_build.documents.source import Source

BYTE_ORDER_MARK = "\ufeff"
# A byte that is not UTF-8, as it is read (PEP 383).
NOT_UTF_8 = lazy_pattern("[\ud800-\udfff]")


class Tomls:
    """Parses what a function reads."""

    def __init__(self, read: Callable[[Path], Source | None]) -> None:
        self._read = read
        self._known: dict[Path, TomlDocument | ConfigurationError | None] = {}

    def document(self, path: Path) -> TomlDocument | None:
        """The document; None where the file is missing, broken, or cannot be read."""
        found = self._parsed(path)
        return found if isinstance(found, TomlDocument) else None

    def mistake(self, path: Path) -> ConfigurationError | None:
        """Why a file that was read is no TOML, with the place; None where it is sound, or was not read."""
        found = self._parsed(path)
        return found if isinstance(found, ConfigurationError) else None

    def _parsed(self, path: Path) -> TomlDocument | ConfigurationError | None:
        if path not in self._known:
            self._known[path] = self._parse(path)
        return self._known[path]

    def _parse(self, path: Path) -> TomlDocument | ConfigurationError | None:
        try:
            source = self._read(path)
        except ConfigurationError:
            return None  # whoever reads for the run tells it
        if source is None:
            return None
        bad = None if source.text.isascii() else NOT_UTF_8.search(source.text)
        if bad is not None:
            where = source.position(bad.start())
            return ConfigurationError(f"{path.name} is not UTF-8", where=where, ways_out=("save the file as UTF-8",))
        # TOML does not know the byte-order mark; with a blank in its place every place stays what it is.
        marked = source.text.startswith(BYTE_ORDER_MARK)
        try:
            return parse_toml(f" {source.text[1:]}" if marked else source.text, path)
        except ConfigurationError as error:
            return error
