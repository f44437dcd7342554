"""The families of rules: which kinds of files each finds something in, so that the others need not be imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.documents import KINDS
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.documents import Kind
from poetry_gpu_build.lint.documents import kind_of
from poetry_gpu_build.lint.registry import FAMILIES
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import known_codes
from poetry_gpu_build.lint.registry import load_rule
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir


@pytest.mark.parametrize("code", known_codes())
def test_a_rule_finds_something_only_in_the_kind_of_files_of_its_family(code: str) -> None:
    family = next((kind for name, kind in FAMILIES.items() if code.startswith(name)), None)
    places = [place for example in load_rule(code).invalid for place in example.findings]
    found = {kind_of(Path(place.partition(":")[0])) for place in places}
    expected = {"image"} if family == "source-image" else {family}
    assert found <= (expected if family is not None else KINDS)


def test_the_rules_about_the_source_build_look_at_no_other_image() -> None:
    family = next(name for name, kind in FAMILIES.items() if kind == "source-image")
    texts = [text for code in known_codes() if code.startswith(family) for text in sources_of(code)]
    documents = documents_of({f"docker/Dockerfile{number or ''}": text for number, text in enumerate(texts)})
    rules = [load_rule(code) for code in known_codes() if code.startswith(family)]
    assert texts
    assert [hit for rule in rules for hit in rule.check(documents)] == []


def sources_of(code: str) -> list[str]:
    """The source mode's Dockerfiles of a rule's invalid examples."""
    return [example.files["docker/Dockerfile.source"] for example in load_rule(code).invalid]


def documents_of(files: dict[str, str]) -> Documents:
    root = Path("/project")

    def read(path: Path) -> Source | None:
        text = files.get(path.relative_to(root).as_posix())
        return None if text is None else Source(path, text)

    return Documents(root, load_policy(policies_dir()), read, [root / name for name in files])


@pytest.mark.parametrize(
    ("kind", "families"),
    [("image", {"1", "3", "9"}), ("source-image", {"2", "9"}), ("compose", {"4", "9"}), ("manifest", {"5", "9"})],
)
def test_only_the_rules_for_the_files_at_hand_are_chosen(kind: Kind, families: set[str]) -> None:
    policy_free = select_rules(Selection(), None, {kind})
    assert {rule.code[3] for rule in policy_free} == families
