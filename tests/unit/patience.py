"""How long hostile input may take in a test: far more than it does, so that a busy machine fails nothing.

The goal is 2 s on an idle one, and what is quadratic takes minutes.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 20


@contextmanager
def ends_soon() -> Iterator[None]:
    """Fail if the block takes SECONDS of this process's own time."""
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS
