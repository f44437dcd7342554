"""What `advise --apply` leaves behind: a project that the linter passes, a source that is told, a text to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.lint.main import lint_project

from ..builders import PYPROJECT
from ..builders import cc
from ..builders import facts
from ..builders import write_project
from ..offers.builders import ways
from .conftest import Poetry
from .test_advise import ADVISE
from .test_advise import document
from .test_advise import manifest
from .test_advise import refused

if TYPE_CHECKING:
    from pathlib import Path


# --- the linter


def every_offer() -> dict[tuple[str, str], str]:
    """What is advised to any card, each once: index and pin, with a card that is offered it."""
    chips = {code for wheel in facts().wheels for code in wheel.sass} | {cc("5.2"), cc("8.9"), cc("13.0")}
    return {(offer.index_name, offer.pin): str(chip) for chip in sorted(chips) for offer in ways(str(chip)).offers}


@pytest.mark.parametrize(("index", "card"), [(index, card) for (index, _), card in every_offer().items()])
def test_the_linter_has_no_error_for_what_is_written(poetry: Poetry, root: Path, index: str, card: str) -> None:
    assert poetry(f"{ADVISE} --gpu {card} --apply --index {index}").status == 0
    report, problems = lint_project(root)
    assert problems == ()
    assert [finding.message for finding in report.findings if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("index", "severity", "words"),
    [
        ("cu118", "warning", "refuses to compile extensions here"),
        ("cu126", "info", "compiles extensions here with a warning"),
        ("PyPI", "info", "CUDA 12.6"),  # 2.7.1
    ],
)
def test_another_cuda_than_the_base_images_is_told_as_what_it_is(
    poetry: Poetry, root: Path, index: str, severity: str, words: str
) -> None:
    poetry(f"{ADVISE} --gpu 5.2 --apply --index {index}")
    (found,) = [finding for finding in lint_project(root)[0].findings if finding.code == "GPU308"]
    assert found.severity == severity
    assert words in found.message
    assert "nvidia/cuda:12.8.1" not in (found.help or "")


# --- a terminal that does not know all characters


@pytest.mark.parametrize("options", ["--diff", "--apply", "--apply --format json"])
def test_what_the_terminal_cannot_show_is_escaped(root: Path, options: str) -> None:
    text = PYPROJECT.replace('source = "pytorch-cu128" }', 'source = "pytorch-cu128" }  # pour l\u2019été')
    root.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
    ran = Poetry(root).process(
        "gpu-build", "advise", "--gpu", "6.1", *options.split(), "--directory", str(root), PYTHONIOENCODING="ascii"
    )
    assert ran.status == 0, ran.err
    assert "\\u2019" in ran.out
    if "json" in options:
        assert "l\u2019été" in document(ran)["changes"]["diff"][0]  # type: ignore[index]
    assert "l\u2019été" in manifest(root)
    assert ("2.14.1+cu126" in manifest(root)) is ("--apply" in options)


# --- one index, one source


@pytest.mark.parametrize("options", ["--apply --index PyPI", "--index cu126", "--diff --index CU118"])
def test_an_index_without_a_wheel_for_the_cards_is_exit_3(poetry: Poetry, root: Path, options: str) -> None:
    refused(poetry, root, f"{ADVISE} --gpu 5.2 --gpu 12.0 {options}", "no wheel of that index serves", status=3)


def test_the_verdict_names_the_wheel_of_the_index_that_was_asked_for(poetry: Poetry) -> None:
    verdict = poetry(f"{ADVISE} --gpu 5.2 --index cu118").out.splitlines()[1]
    assert verdict.startswith("no compile is needed: torch 2.7.1+cu118 from https://download.pytorch.org/whl/cu118")
    assert verdict.endswith("(known by: secondary)")


def test_a_mirror_under_the_sources_name_is_kept_and_told(poetry: Poetry, root: Path) -> None:
    mirror = '[[tool.poetry.source]]\nname = "pytorch-cu126"\nurl = "https://me:pw@example.org/cu126"\n'
    write_project(root, f'{PYPROJECT}\n{mirror}priority = "explicit"\n')
    ran = poetry(f"{ADVISE} --gpu 6.1 --apply")
    told = "torch comes from the source pytorch-cu126, which is https://***@example.org/cu126"
    assert f"{told} and not https://download.pytorch.org/whl/cu126" in ran.words
    assert mirror in manifest(root)
    assert "is explicit now" not in ran.err


def test_a_mirror_that_everything_comes_from_becomes_explicit_and_that_is_told(poetry: Poetry, root: Path) -> None:
    mirror = '[[tool.poetry.source]]\nname = "pytorch-cu126"\nurl = "https://example.org/cu126"\n'
    write_project(root, f'{PYPROJECT}\n{mirror}priority = "supplemental"\n')
    ran = poetry(f"{ADVISE} --gpu 6.1 --apply")
    assert "the source pytorch-cu126 is explicit now, as GPU504 asks" in ran.words
    assert f'{mirror}priority = "explicit"' in manifest(root)


# --- sentences about drivers


def test_a_branch_is_no_driver_and_the_help_says_what_is(poetry: Poetry, root: Path) -> None:
    refused(poetry, root, f"{ADVISE} --gpu 12.0 --driver 570", "570 is a branch", "nvidia-smi", "such as 570.124.06")
    assert "torch 2.11.0+cu128 branch 570" in poetry(f"{ADVISE} --gpu 12.0").words


def test_what_a_driver_passes_reads_as_passed(poetry: Poetry) -> None:
    out = poetry(f"{ADVISE} --gpu 8.9 --driver 550.54.14").out
    (line,) = [line for line in out.splitlines() if line.startswith("the project pins")]
    assert "which runs there" in line
    assert "CUDA 12.8 runs on drivers from 525.60.13 on" in line
    assert "needs" not in line
