"""What torch.cuda says on a machine without a GPU."""

# mypy: ignore-errors

from __future__ import annotations

from torch import _C


def is_available() -> bool:
    """Whether a GPU can be used: never, here."""
    return False


def get_arch_list() -> list[str]:
    """Empty without a GPU, as in the real torch, whatever was compiled in."""
    return _C._cuda_getArchFlags().split() if is_available() else []
