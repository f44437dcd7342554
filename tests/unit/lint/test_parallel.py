"""Many Dockerfiles in several processes: the same findings, problems and errors as in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint import parallel
from poetry_gpu_build.lint.parallel import FEWEST
from poetry_gpu_build.lint.parallel import lint_many
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.session import Linted
from poetry_gpu_build.lint.session import lint_files

if TYPE_CHECKING:
    from pathlib import Path

PIPS = "FROM a\nRUN pip install poetry\nRUN pip install {}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "many"\n', encoding="utf-8")
    paths = [tmp_path / f"Dockerfile.{number}" for number in range(FEWEST + 25)]
    for number, path in enumerate(paths):
        path.write_text(PIPS.format(f"package{number}"), encoding="utf-8")
    return paths


def comparable(linted: Linted) -> tuple[object, ...]:
    problems = [str(problem) for problem in linted.problems]
    return linted.root, linted.findings, linted.sources, problems, linted.looked_at


def test_the_findings_are_those_of_one_process(files: list[Path]) -> None:
    many = lint_many(files[0].parent, Selection(("GPU1",)), files)
    one = lint_files(files[0].parent, Selection(("GPU1",)), files, {})
    assert len(many.findings) == len(files)
    assert comparable(many) == comparable(one)


def test_other_files_among_them_are_linted_as_well(files: list[Path]) -> None:
    root = files[0].parent
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\ndependencies = ['torch']\n", encoding="utf-8")
    named = [*files[:60], root / "pyproject.toml", *files[60:]]
    many = lint_many(root, Selection(("GPU101", "GPU501")), named)
    assert comparable(many) == comparable(lint_files(root, Selection(("GPU101", "GPU501")), named, {}))
    assert "GPU501" in {finding.code for finding in many.findings}


def test_a_script_among_them_is_told_of_by_the_dockerfile_that_runs_it(files: list[Path]) -> None:
    root = files[0].parent
    (root / "install.sh").write_text("pip install torch\n", encoding="utf-8")
    files[70].write_text("FROM a\nRUN pip install poetry\nCOPY install.sh /\nRUN sh /install.sh\n", encoding="utf-8")
    many = lint_many(root, Selection(("GPU101",)), [*files, root / "install.sh"])
    assert "install.sh" in {finding.where.path.name for finding in many.findings}


def test_what_cannot_be_read_is_told_once_with_its_place(files: list[Path]) -> None:
    files[90].unlink()
    files[90].mkdir()
    many = lint_many(files[0].parent, Selection(("GPU1",)), [*files, files[90]])
    [problem] = many.problems
    assert problem.where is not None
    assert problem.where.path == files[90]
    assert problem.ways_out


def test_settings_that_cannot_be_used_are_one_error(files: list[Path]) -> None:
    manifest = files[0].parent / "pyproject.toml"
    manifest.write_text("[tool.gpu-build]\nflor = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="flor") as raised:
        lint_many(files[0].parent, Selection(), files)
    assert raised.value.where is not None
    assert raised.value.where.line == 2


def test_few_are_linted_in_this_process(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_lint_share", None)
    assert len(lint_many(files[0].parent, Selection(("GPU101",)), files[: FEWEST - 1]).findings) == FEWEST - 1
