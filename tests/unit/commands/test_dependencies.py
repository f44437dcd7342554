from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..builders import GROUP
from ..builders import PYPROJECT
from ..builders import tree

if TYPE_CHECKING:
    from .conftest import Poetry

COMMAND = "gpu-build dependencies"


def test_both_folders_are_written_with_their_modes(poetry: Poetry) -> None:
    ran = poetry(f"{COMMAND} --output deps")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    files = tree(poetry.folder / "deps")
    assert {name: oct(mode)[-3:] for name, (mode, _) in files.items()} == {
        "all": "755",
        "all/poetry.toml": "644",
        "all/pyproject.toml": "644",
        "torch": "755",
        "torch/poetry.toml": "644",
        "torch/pyproject.toml": "644",
    }
    assert b"numpy" in files["all/pyproject.toml"][1]
    assert b"numpy" not in files["torch/pyproject.toml"][1]
    assert b"2.7.1+cu128" in files["torch/pyproject.toml"][1]


def test_a_torch_that_is_compiled_is_not_in_its_folder(poetry: Poetry) -> None:
    assert poetry(f"{COMMAND} --output deps --without-torch").status == 0
    assert "2.7.1" not in (poetry.folder / "deps/torch/pyproject.toml").read_text()


def test_a_torch_without_a_group_is_said_to_come_with_the_rest(poetry: Poetry) -> None:
    pyproject = poetry.folder / "pyproject.toml"
    pyproject.write_text(PYPROJECT.replace(GROUP, "\n[tool.poetry.dependencies]\ntorch = '2.7.1'\n"))
    ran = poetry(f"{COMMAND} --output deps")
    assert ran.status == 0
    assert "note: torch is installed in one step with the rest" in ran.err


def test_it_asks_for_the_folder(poetry: Poetry) -> None:
    ran = poetry(COMMAND)
    assert ran.status == 2
    assert "--output /deps" in ran.err


def test_what_is_there_is_not_written_over(poetry: Poetry) -> None:
    assert poetry(f"{COMMAND} --output deps").status == 0
    before = tree(poetry.folder)
    ran = poetry(f"{COMMAND} --output deps")
    assert ran.status == 2
    assert "error: " in ran.err
    assert tree(poetry.folder) == before


@pytest.mark.parametrize("output", ["pyproject.toml", "pyproject.toml/deps"])
def test_a_folder_that_cannot_be_is_an_error(output: str, poetry: Poetry) -> None:
    ran = poetry(f"{COMMAND} --output {output}")
    assert ran.status == 2
    assert "cannot be written" in ran.words


def test_without_poetry_toml_it_is_named(poetry: Poetry) -> None:
    (poetry.folder / "poetry.toml").unlink()
    ran = poetry(f"{COMMAND} --output deps")
    assert ran.status == 2
    assert "poetry.toml" in ran.words
    assert not (poetry.folder / "deps").exists()
