from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from cleo.formatters.style import Style
from cleo.io.buffered_io import BufferedIO
from poetry.core.packages.dependency_group import DependencyGroup
from poetry.factory import Factory

from poetry_gpu_build.groups import named_groups
from poetry_gpu_build.groups import optional_groups
from poetry_gpu_build.groups import toggle
from poetry_gpu_build.groups import unknown_groups

if TYPE_CHECKING:
    from pathlib import Path

    from poetry.poetry import Poetry

GROUPS = ("main", "binary-torch", "docs")


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", []),
        ("   ", []),
        (",", []),
        ("binary-torch", ["binary-torch"]),
        ("binary-torch,docs", ["binary-torch", "docs"]),
        ("binary-torch, docs", ["binary-torch", "docs"]),
        ("binary-torch docs", ["binary-torch", "docs"]),
        ("\tbinary-torch\n,,docs,", ["binary-torch", "docs"]),
        ("Binary_Torch", ["binary-torch"]),
        ("binary.torch", ["binary-torch"]),
    ],
)
def test_a_variable_names_groups_as_poetry_s_own_option_does(value: str, names: list[str]) -> None:
    assert named_groups(value) == names


@pytest.mark.parametrize(
    ("with_", "without", "expected"),
    [
        pytest.param("", "", {}, id="neither changes nothing"),
        pytest.param("binary-torch", "", {"binary-torch": False}, id="with means not optional"),
        pytest.param("", "binary-torch", {"binary-torch": True}, id="without means optional"),
        pytest.param("binary-torch", "docs", {"binary-torch": False, "docs": True}, id="each its own"),
        pytest.param("binary-torch,docs", "docs", {"binary-torch": False, "docs": True}, id="in both, without wins"),
        pytest.param("BINARY_TORCH", "", {"binary-torch": False}, id="names compare normalised"),
        pytest.param("", "main", {"main": True}, id="main is a group too"),
        pytest.param("binary-tourch", "dogs", {}, id="an unknown group changes nothing"),
    ],
)
def test_the_variables_decide_which_groups_are_optional(with_: str, without: str, expected: dict[str, bool]) -> None:
    assert optional_groups(with_, without, GROUPS) == expected


def test_unknown_groups_are_told_once_each_in_the_order_written() -> None:
    assert unknown_groups("dogs,docs cats dogs", GROUPS) == ["dogs", "cats"]


LEGACY = """
    [tool.poetry]
    name = "app"
    version = "1"
    package-mode = false

    [tool.poetry.dependencies]
    python = ">=3.10"

    [tool.poetry.group.binary-torch]
    optional = true

    [tool.poetry.group.binary-torch.dependencies]
    torch = "2.7.1"

    [tool.poetry.group.docs.dependencies]
    sphinx = "*"
"""

PEP_735 = """
    [project]
    name = "app"
    version = "1"
    requires-python = ">=3.10"
    dependencies = ["numpy"]

    [dependency-groups]
    binary-torch = ["torch==2.7.1"]
    docs = ["sphinx"]

    [tool.poetry]
    package-mode = false

    [tool.poetry.group.binary-torch]
    optional = true
"""


def project(folder: Path, pyproject: str) -> Poetry:
    folder.joinpath("pyproject.toml").write_text(dedent(pyproject), encoding="utf-8")
    return Factory().create_poetry(folder, disable_plugins=True)


def toggled(poetry: Poetry, **environ: str) -> BufferedIO:
    io = BufferedIO()
    io.error_output.formatter.set_style("warning", Style("yellow"))  # as Poetry's own io has it
    toggle(poetry, io, environ)
    return io


def required(poetry: Poetry) -> set[str]:
    return {name for name in poetry.package.dependency_group_names() if name != "main"}


both_ways_to_write_groups = pytest.mark.parametrize(
    "pyproject", [LEGACY, PEP_735], ids=["tool.poetry.group", "PEP 735"]
)


@both_ways_to_write_groups
def test_poetry_with_makes_an_optional_group_required(tmp_path: Path, pyproject: str) -> None:
    poetry = project(tmp_path, pyproject)
    io = toggled(poetry, POETRY_WITH="binary-torch")
    assert required(poetry) == {"binary-torch", "docs"}
    assert io.fetch_output() + io.fetch_error() == ""


@both_ways_to_write_groups
def test_poetry_without_makes_a_required_group_optional(tmp_path: Path, pyproject: str) -> None:
    poetry = project(tmp_path, pyproject)
    io = toggled(poetry, POETRY_WITHOUT="docs")
    assert required(poetry) == set()
    assert io.fetch_output() + io.fetch_error() == ""


@pytest.mark.parametrize("environ", [{}, {"POETRY_WITH": ""}, {"POETRY_WITHOUT": " , "}])
def test_empty_variables_leave_every_group_as_it_is(tmp_path: Path, environ: dict[str, str]) -> None:
    poetry = project(tmp_path, LEGACY)
    io = toggled(poetry, **environ)
    assert required(poetry) == {"docs"}
    assert io.fetch_output() + io.fetch_error() == ""


def test_the_toggle_leaves_what_the_lock_is_made_of_alone(tmp_path: Path) -> None:
    untouched = project(tmp_path, LEGACY)
    poetry = project(tmp_path, LEGACY)
    toggled(poetry, POETRY_WITH="binary-torch", POETRY_WITHOUT="docs,main")
    assert poetry.package.all_requires == untouched.package.all_requires
    assert poetry.pyproject.data == untouched.pyproject.data
    assert poetry.locker._get_content_hash() == untouched.locker._get_content_hash()


def test_an_unknown_group_is_a_warning_on_stderr_that_names_the_known_ones(tmp_path: Path) -> None:
    poetry = project(tmp_path, PEP_735)
    io = toggled(poetry, POETRY_WITHOUT="binary-tourch,binary-tourch")
    assert io.fetch_output() == ""
    assert io.fetch_error() == (
        "poetry-gpu-build: POETRY_WITHOUT: this project has no dependency group binary-tourch. "
        "It has: binary-torch, docs, main.\n"
    )


def test_an_unknown_group_does_not_stop_the_known_ones(tmp_path: Path) -> None:
    poetry = project(tmp_path, LEGACY)
    toggled(poetry, POETRY_WITH="binary-tourch,binary-torch")
    assert required(poetry) == {"binary-torch", "docs"}


def test_a_name_that_looks_like_markup_is_printed_as_it_is(tmp_path: Path) -> None:
    io = toggled(project(tmp_path, LEGACY), POETRY_WITH="<error>")
    assert "no dependency group <error>." in io.fetch_error()


class GroupThatCannotBeSwitched(DependencyGroup):
    """As a Poetry would have it that keeps the answer elsewhere."""

    def is_optional(self) -> bool:
        return True


class GroupThatRefusesAttributes(DependencyGroup):
    """As a Poetry would have it that freezes its groups."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_optional" and hasattr(self, name):
            raise AttributeError(name)
        super().__setattr__(name, value)


@pytest.mark.parametrize("kind", [GroupThatCannotBeSwitched, GroupThatRefusesAttributes])
def test_a_poetry_whose_groups_cannot_be_switched_is_a_warning(tmp_path: Path, kind: type[DependencyGroup]) -> None:
    poetry = project(tmp_path, LEGACY)
    poetry.package.add_dependency_group(kind("binary-torch", optional=True))
    io = toggled(poetry, POETRY_WITH="binary-torch")
    assert io.fetch_output() == ""
    assert "have no effect on binary-torch: this Poetry cannot switch a dependency group" in io.fetch_error()


def test_a_poetry_without_groups_as_we_know_them_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poetry = project(tmp_path, LEGACY)
    monkeypatch.delattr("poetry.core.packages.package.Package.dependency_group_names")
    io = toggled(poetry, POETRY_WITH="binary-torch")
    assert io.fetch_output() == ""
    assert "POETRY_WITH and POETRY_WITHOUT are ignored" in io.fetch_error()
