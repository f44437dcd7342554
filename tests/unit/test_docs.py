"""tools/docs.py: the generated pages are written, and --check sees one that is stale, missing or left over."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.lint.registry import known_codes

from .builders import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The tool, for a checkout that has policies and no page yet."""
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    tool: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tmp_path.joinpath("policies").symlink_to(ROOT / "policies")
    pages = tmp_path / "docs"
    pages.mkdir()
    for written_by_hand in ("linter.md", "choosing-the-mode.md"):
        pages.joinpath(written_by_hand).touch()
    places = {"ROOT": tmp_path, "CONFIGURATION": pages / "configuration.md", "RULES": pages / "rules.md"}
    for name, place in {**places, "GPUS": pages / "gpus.md", "RULE_PAGES": pages / "rules"}.items():
        monkeypatch.setattr(tool, name, place)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["docs.py", *arguments])
        status: int = tool.main()
        return status

    return run


def test_every_rule_has_a_page_and_a_row_that_links_to_it(docs: Callable[..., int], tmp_path: Path) -> None:
    assert docs() == 0
    index = tmp_path.joinpath("docs/rules.md").read_text(encoding="utf-8")
    assert [path.stem for path in sorted(tmp_path.glob("docs/rules/*.md"))] == list(known_codes())
    assert all(index.count(f"[{code}](rules/{code}.md)") == 1 for code in known_codes())
    assert docs("--check") == 0


def test_a_stale_page_is_told(docs: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs()
    tmp_path.joinpath("docs/rules/GPU401.md").write_text("Once upon a time.\n", encoding="utf-8")
    assert docs("--check") == 1
    assert capsys.readouterr().err == "docs/rules/GPU401.md is stale: run `make docs`\n"


def test_a_page_of_a_rule_that_is_gone_is_told_and_taken_away(
    docs: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs()
    gone = tmp_path / "docs/rules/GPU499.md"
    gone.touch()
    assert docs("--check") == 1
    assert capsys.readouterr().err == "docs/rules/GPU499.md is of no rule: run `make docs`\n"
    assert docs() == 0
    assert not gone.exists()


def test_a_link_that_leads_nowhere_is_told(
    docs: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs()
    tmp_path.joinpath("docs/linter.md").write_text("[a page](nowhere.md)\n", encoding="utf-8")
    assert docs("--check") == 1
    assert "docs/linter.md: no such file: nowhere.md" in capsys.readouterr().err
