"""The linter in front of a build and of `up`: errors stop it, a dry run says that they would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ..builders import put_on_path
from ..builders import settings
from .test_build import docker

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Poetry

BUILD = "gpu-build --gpu 8.6"
UP = "gpu-build up --gpu 8.6"
STOPPED = "the linter found 1 error, and nothing is built"
PORT = "  board:\n    image: b\n    ports: ['6006:6006']\n"


@pytest.fixture(autouse=True)
def engine(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is well, and notes that it was asked to build."""
    docker(monkeypatch, tmp_path / "bin", f"cat > /dev/null; touch '{tmp_path}/built'")


@pytest.fixture
def broken(root: Path) -> Path:
    """The minimal project with a sidecar that publishes a port."""
    file = root / "docker/docker-compose.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("services:\n", f"services:\n{PORT}"), encoding="utf-8")
    return root


def test_errors_stop_a_build_and_are_shown_on_stderr(poetry: Poetry, broken: Path, tmp_path: Path) -> None:
    ran = poetry(BUILD)
    assert (ran.status, ran.out) == (1, "")
    assert "error[GPU401]" in ran.err
    assert "ports: ['6006:6006']" in ran.err
    assert f"error: {STOPPED}" in ran.err
    assert "poetry gpu-build lint --fix" in ran.err
    assert "--no-lint" in ran.err
    assert not tmp_path.joinpath("built").exists()


def test_with_json_the_document_says_what_stopped_it(poetry: Poetry, broken: Path) -> None:
    document = json.loads(poetry(f"{BUILD} --format json").out)
    assert (document["error"]["exit_code"], document["error"]["message"]) == (1, STOPPED)
    assert [finding["code"] for finding in document["findings"] if finding["severity"] == "error"] == ["GPU401"]


def test_both_modes_are_stopped_at_once(poetry: Poetry, broken: Path, tmp_path: Path) -> None:
    assert poetry("gpu-build --all-modes --gpu 5.2 --gpu 8.6").status == 1
    assert not tmp_path.joinpath("built").exists()


def test_no_lint_builds_all_the_same(poetry: Poetry, broken: Path, tmp_path: Path) -> None:
    ran = poetry(f"{BUILD} --no-lint --no-verify --format json")
    assert ran.status == 0
    assert "findings" not in json.loads(ran.out)
    assert tmp_path.joinpath("built").exists()


def test_warnings_are_told_in_a_line_and_stop_nothing(poetry: Poetry, root: Path, tmp_path: Path) -> None:
    # The shipped policy's own: its wheel has no code for cards at its floor.
    ran = poetry(f"{BUILD} --no-verify")
    assert ran.status == 0
    assert "1 warning: poetry gpu-build lint\n" in ran.err
    assert "GPU508" not in ran.err
    assert tmp_path.joinpath("built").exists()


def test_a_sound_project_is_not_talked_about(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").write_text(settings("lint.ignore = ['GPU508']"), encoding="utf-8")
    ran = poetry(f"{BUILD} --no-verify")
    assert (ran.status, "lint" in ran.err) == (0, False)


def test_a_built_image_s_document_holds_the_findings_too(poetry: Poetry, root: Path) -> None:
    document = json.loads(poetry(f"{BUILD} --no-verify --format json").out)
    assert document["mode"] == "binary"
    assert [finding["code"] for finding in document["findings"]] == ["GPU508"]


def test_a_veto_comes_first(poetry: Poetry, broken: Path) -> None:
    ran = poetry("gpu-build --gpu 6.1")
    assert (ran.status, "GPU401" in ran.err) == (3, False)


def test_a_file_that_cannot_be_read_stops_a_build(poetry: Poetry, root: Path, tmp_path: Path) -> None:
    file = root / "docker/docker-compose.yml"
    file.unlink()
    file.mkdir()
    ran = poetry(BUILD)
    assert ran.status in (1, 2)
    assert "docker-compose.yml" in ran.err
    assert "Traceback" not in ran.err
    assert not tmp_path.joinpath("built").exists()


@pytest.mark.parametrize("form", ["text", "json", "bake", "env"])
def test_a_dry_run_shows_the_plan_and_says_what_would_stop_it(poetry: Poetry, broken: Path, form: str) -> None:
    ran = poetry(f"{BUILD} --dry-run --format {form}")
    assert ran.status == 0
    assert "docker/Dockerfile" in ran.out
    assert ran.err == "note: the linter finds 1 error, which would stop this build: poetry gpu-build lint\n"


def test_a_dry_run_s_document_holds_the_findings(poetry: Poetry, broken: Path) -> None:
    document = json.loads(poetry(f"{BUILD} --dry-run --format json").out)
    assert [finding["code"] for finding in document["findings"] if finding["severity"] == "error"] == ["GPU401"]
    assert document["findings"][0]["path"] == "docker/docker-compose.yml"


def test_a_dry_run_without_lint_says_nothing(poetry: Poetry, broken: Path) -> None:
    assert poetry(f"{BUILD} --dry-run --no-lint").err == ""


def test_errors_stop_up_too(poetry: Poetry, broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", f"touch '{tmp_path}/started'")
    ran = poetry.process(*UP.split())
    assert (ran.status, ran.out) == (1, "")
    assert "error[GPU401]" in ran.err
    assert not tmp_path.joinpath("started").exists()


def test_no_lint_brings_it_up_all_the_same(
    poetry: Poetry, broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", f"touch '{tmp_path}/started'")
    poetry.process(*UP.split(), "--no-lint")
    assert tmp_path.joinpath("started").exists()


def test_a_dry_run_of_up_prints_its_variables_and_says_what_would_stop_it(poetry: Poetry, broken: Path) -> None:
    ran = poetry(f"{UP} --dry-run")
    assert ran.status == 0
    assert "GPU_BUILD_DOCKERFILE=docker/Dockerfile" in ran.out
    assert "which would stop this build" in ran.err
