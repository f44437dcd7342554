"""The facts about wheels and toolkits as the rules ask for them: read when a rule needs them, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.lint.documents import Documents


def compatibility(documents: Documents) -> CompatibilityFacts:
    """What NVIDIA and PyTorch shipped. Loading takes longer than parsing a Dockerfile: ask last."""
    return documents.remember("compatibility facts", _load)


def _load() -> CompatibilityFacts:
    from poetry_gpu_build.facts.load import load_compatibility
    from poetry_gpu_build.resources import policies_dir

    return load_compatibility(policies_dir() / "facts")
