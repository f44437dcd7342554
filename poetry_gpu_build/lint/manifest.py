"""Findings in pyproject.toml and its like: a hit at a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.lint.documents import Documents

_TOKEN = lazy_pattern(r"\[\[?[^\]\n]*\]\]?|\"[^\"\n]*\"|'[^'\n]*'|[^\s=,\]}#]+")


def toml_hit(
    documents: Documents, document: TomlDocument, key: Key, message: str, help_text: str | None = None
) -> Iterator[Hit]:
    """A hit at a key or an array's element, or at what encloses it."""
    source = documents.source_at(document.path)
    if source is None:
        return
    where = document.locate(*key)
    start = source.offset(where.line, where.column)
    word = _TOKEN.match(source.text, start) if where.line else None
    yield Hit(source, start, start if word is None else word.end(), message, help_text)
