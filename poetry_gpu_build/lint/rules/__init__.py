"""The rules, one file each, named by their code."""

from __future__ import annotations
