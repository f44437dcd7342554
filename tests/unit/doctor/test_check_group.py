"""torch's dependency group, and the index that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest

from poetry_gpu_build.doctor.checks.group import check_group
from poetry_gpu_build.doctor.checks.source import check_source
from poetry_gpu_build.doctor.line import INIT
from poetry_gpu_build.doctor.seen import Wish
from poetry_gpu_build.doctor.seen import look

from ..builders import GROUP
from ..builders import HEAD
from ..builders import PYPROJECT
from ..builders import SOURCE
from ..builders import write_project
from .world import world

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.doctor.line import Line

MAIN = HEAD.replace('"numpy>=1.26"', '"numpy>=1.26", "torch==2.7.1"')


class Lines(NamedTuple):
    group: Line | None
    source: Line | None


def lines(folder: Path, pyproject: str, settings: str = "", *, lock: str | None = None) -> Lines:
    root = write_project(folder / "project", f"{pyproject}\n[tool.gpu-build]\n{settings}\n", lock=lock)
    seen = look(Wish(gpus=("8.6",)), world(folder, start=root))
    return Lines(next(iter(check_group(seen)), None), next(iter(check_source(seen)), None))


def group(folder: Path, pyproject: str, settings: str = "", *, lock: str | None = None) -> Line:
    line = lines(folder, pyproject, settings, lock=lock).group
    assert line is not None
    return line


def source(folder: Path, pyproject: str, settings: str = "") -> Line:
    line = lines(folder, pyproject, settings).source
    assert line is not None
    return line


# --- group


def test_the_group_is_told_with_its_torch(tmp_path: Path) -> None:
    line = group(tmp_path, PYPROJECT)
    assert (line.mark, line.seen) == ("ok", "binary-torch, optional: torch 2.7.1+cu128")


def test_a_range_is_told_as_what_the_image_will_probably_hold(tmp_path: Path) -> None:
    line = group(tmp_path, PYPROJECT.replace("2.7.1+cu128", ">=2.7,<2.7.2"))
    assert line.mark == "ok"
    assert line.seen.endswith("torch 2.7.1+cu128 (the newest known release that its constraint allows)")


def test_a_range_of_releases_that_nobody_knows_is_told_as_it_is_written(tmp_path: Path) -> None:
    assert group(tmp_path, PYPROJECT.replace("2.7.1+cu128", ">=99")).seen.endswith(
        "torch >=99, which names no single build"
    )


@pytest.mark.parametrize(
    ("pyproject", "seen"),
    [
        (HEAD, "there is no dependency group binary-torch"),
        (
            HEAD + '\n[dependency-groups]\nbinary_torch = ["numpy"]\n',
            "the dependency group binary-torch holds no torch",
        ),
        (
            HEAD + "\n[tool.poetry.group.binary-torch.dependencies]\n",
            "the dependency group binary-torch holds no torch",
        ),
        (MAIN, "torch is a main dependency: both modes install it"),
        (MAIN + GROUP + SOURCE, "torch is a main dependency: both modes install it"),
        (PYPROJECT.replace("optional = true", ""), "the group binary-torch is not optional"),
        (PYPROJECT.replace("optional = true", "optional = false"), "the group binary-torch is not optional"),
    ],
)
def test_what_is_not_as_the_policy_wants_it_is_a_problem_that_init_mends(
    tmp_path: Path, pyproject: str, seen: str
) -> None:
    line = group(tmp_path, pyproject)
    assert line.mark == "problem"
    assert seen in line.seen
    assert line.remedies[0] == INIT


def test_a_constraint_that_is_none_is_its_author_s_to_mend(tmp_path: Path) -> None:
    line = group(tmp_path, PYPROJECT.replace("2.7.1+cu128", "two"))
    assert line.mark == "problem"
    assert "'two' is not a version constraint" in line.seen
    assert line.remedies
    assert INIT not in line.remedies


@pytest.mark.parametrize(("severity", "mark"), [("warning", "warning"), ("info", "ok")])
def test_the_severities_of_the_team_count(tmp_path: Path, severity: str, mark: str) -> None:
    line = group(tmp_path, PYPROJECT.replace("optional = true", ""), f'lint.severity = {{ GPU503 = "{severity}" }}')
    assert line.mark == mark


def test_a_team_that_does_not_mind_a_main_dependency_is_warned(tmp_path: Path) -> None:
    assert group(tmp_path, MAIN, 'lint.ignore = ["GPU501"]').mark == "warning"


# --- source


def test_the_source_is_told_with_its_address(tmp_path: Path) -> None:
    line = source(tmp_path, PYPROJECT)
    assert (line.mark, line.seen) == ("ok", "pytorch-cu128, explicit: https://download.pytorch.org/whl/cu128")


def test_pypi_is_told_with_the_variant_that_it_holds(tmp_path: Path) -> None:
    line = source(tmp_path, HEAD + GROUP.replace("2.7.1+cu128", "2.7.1").replace(', source = "pytorch-cu128"', ""))
    assert (line.mark, line.seen) == ("ok", "PyPI, whose torch 2.7.1 is cu126")


def test_an_index_of_the_team_that_is_asked_for_everything_may_hold_anything(tmp_path: Path) -> None:
    mirror = '\n[[tool.poetry.source]]\nname = "mirror"\nurl = "https://pypi.example/simple"\n'
    line = source(tmp_path, HEAD + GROUP.replace(', source = "pytorch-cu128"', "") + mirror)
    assert (line.mark, line.seen) == ("ok", "the project's default indexes")


def test_a_source_that_is_asked_for_every_package_is_a_problem(tmp_path: Path) -> None:
    line = source(tmp_path, PYPROJECT.replace('priority = "explicit"', ""))
    assert line.mark == "problem"
    assert "the source pytorch-cu128 is asked for every package" in line.seen
    assert line.remedies[0] == INIT


@pytest.mark.parametrize("priority", ['priority = "explicit"', ""])
def test_an_index_of_another_variant_is_a_problem_before_all_others(tmp_path: Path, priority: str) -> None:
    pyproject = PYPROJECT.replace("whl/cu128", "whl/cu118").replace('priority = "explicit"', priority)
    line = source(tmp_path, pyproject)
    assert line.mark == "problem"
    assert "torch 2.7.1+cu128 is asked of pytorch-cu128, which holds cu118" in line.seen
    assert any("advise --apply" in remedy for remedy in line.remedies)


def test_a_label_is_nothing_that_pypi_has(tmp_path: Path) -> None:
    line = source(tmp_path, HEAD + GROUP.replace(', source = "pytorch-cu128"', ""))
    assert line.mark == "problem"
    assert "names no source" in line.seen
    assert any("cu128" in remedy for remedy in line.remedies)


def test_a_wheel_by_its_address_is_told_as_a_file(tmp_path: Path) -> None:
    url = "https://download.pytorch.org/whl/cu128/torch-2.7.1%2Bcu128-cp310-cp310-linux_x86_64.whl"
    line = source(tmp_path, HEAD + GROUP.replace('version = "2.7.1+cu128", source = "pytorch-cu128"', f'url = "{url}"'))
    assert line.mark == "ok"
    assert line.seen.startswith("a file: https://download.pytorch.org/")


def test_a_secret_in_an_address_is_not_shown(tmp_path: Path) -> None:
    line = source(tmp_path, PYPROJECT.replace("https://download", "https://me:hunter2@download"))
    assert "hunter2" not in line.seen
    assert "https://download.pytorch.org/whl/cu128" in line.seen


@pytest.mark.parametrize(
    "entry", ["name = 3\nurl = 4\npriority = 5", "url = ['x']", 'name = "\\u001b[2J"\nurl = "x"\npriority = "explicit"']
)
def test_a_source_that_is_strange_ends_in_a_line(tmp_path: Path, entry: str) -> None:
    assert source(tmp_path, f"{PYPROJECT}\n[[tool.poetry.source]]\n{entry}\n").mark in ("ok", "problem")


# --- both


def test_a_project_without_a_torch_has_no_source_to_speak_of(tmp_path: Path) -> None:
    assert lines(tmp_path, HEAD).source is None
