"""The project keeps its own policy: its Dockerfiles and those of the example that people copy have no finding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from poetry_gpu_build.documents.source import Source

ROOT = Path(__file__).parents[3]

# The shipped policy's floor is below what its wheel holds, on purpose: the rule warns, and tells the ways out.
KNOWN = ("GPU508",)


def read(path: Path) -> Source | None:
    return read_source(path) if path.is_file() else None


@pytest.mark.parametrize("folder", [".", "examples/minimal"])
def test_no_rule_finds_anything_in_our_own_tree(folder: str) -> None:
    root = ROOT / folder
    documents = Documents(root, load_policy(policies_dir(), read_toml(root / "pyproject.toml")), read)
    found = [
        f"{hit.source.position(hit.start).seen_from(root)}: {rule.code} {hit.message}"
        for rule in select_rules(Selection(ignore=KNOWN))
        for hit in rule.check(documents)
    ]
    assert found == []
