"""A small stand-in for torch; see README.md of its source tree."""

# mypy: ignore-errors

from __future__ import annotations

from torch import _C
from torch import cuda
from torch import version
from torch.version import __version__

__all__ = ["_C", "__version__", "cuda", "version"]
