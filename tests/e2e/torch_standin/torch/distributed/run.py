"""The launcher behind the command `torchrun`."""

# mypy: ignore-errors

from __future__ import annotations

import sys

import torch


def main() -> None:
    """Say which torch launches."""
    sys.stdout.write(f"torchrun of torch {torch.__version__}, by {sys.executable}\n")
