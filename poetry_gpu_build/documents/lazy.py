"""Regular expressions that are compiled when they are first used.

The linter has some 120, of which a run over one Dockerfile uses a third; compiling the others takes longer than linting
it (measured on CPython 3.11: 6 ms against 5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import cast

if TYPE_CHECKING:
    from typing import Any


def lazy_pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """What ``re.compile`` returns, for whoever calls its methods; a mistake in it raises re.error at the first use."""
    return cast("re.Pattern[str]", _LazyPattern(text, flags))


class _LazyPattern:
    """Becomes the compiled pattern, method by method."""

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Only for what is not there yet: the next call finds the compiled pattern's own method."""
        found = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, found)
        return found
