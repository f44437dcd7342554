"""`poetry gpu-build --report`: what the option takes, and what is written however the build ends."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from ..builders import put_on_path
from ..builders import tree

if TYPE_CHECKING:
    from .conftest import Poetry
    from .conftest import Ran

UNIT = Path(__file__).parents[1]
ENGINE = UNIT / "engine/recorded"
STREAMS = UNIT / "report/recorded"

# Docker 26.1.5 with buildx 0.13.1, as far as a build asks it.
DOCKER = f"""\
case "$*" in
  'buildx version') cat '{ENGINE}/buildx-version-0.13.1.txt' ;;
  'buildx inspect'*) cat '{ENGINE}/inspect-docker-0.13.1.txt' ;;
  'version '*) cat '{ENGINE}/version-26.1.txt' ;;
  'buildx bake '*) cat > /dev/null; BAKE ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def build(
    poetry: Poetry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    record: str = "changed",
    status: int = 0,
) -> Ran:
    script = f"cat '{STREAMS}/{record}-0.13.1.txt' >&2; exit {status}"
    put_on_path(monkeypatch, tmp_path / "bin", DOCKER.replace("BAKE", script))
    return poetry(shlex.join(["gpu-build", "--gpu", "8.6", "--no-verify", *arguments]))


def written(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("options", "said", "way"),
    [
        ("--report report", "does not tell its format", ".html, .json, .md"),
        ("--report report.txt", "does not tell its format", ".html, .json, .md"),
        ("--report=", "does not tell its format", ".html"),
        ("--report missing/report.html", "cannot be written", "a folder that exists"),
        ("--report folder.html", "cannot be written", "a folder that exists"),
        (f"--report {'x' * 5000}.html", "cannot be written", "a folder that exists"),
        ("--report report.html --dry-run", "--dry-run builds nothing", "leave one out"),
        ("--report good.html --report bad.pdf", "bad.pdf does not tell its format", ".json"),
    ],
)
def test_what_cannot_be_a_report_is_told_before_anything_is_built(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, said: str, way: str
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", f"touch '{tmp_path}/touched'")
    (root / "folder.html").mkdir()
    before = tree(root)
    ran = poetry(f"gpu-build --gpu 8.6 {options}")
    first, *rest = ran.err.splitlines()
    assert ran.status == 2
    assert first.startswith("error: --report")
    assert said in first
    assert way in "\n".join(rest)
    assert tree(root) == before
    assert not (tmp_path / "touched").exists()


def test_a_build_that_succeeds_is_reported_in_each_format(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    names = [tmp_path / name for name in ("r.html", "r.JSON", "r.md")]
    ran = build(poetry, tmp_path, monkeypatch, *(word for name in names for word in ("--report", str(name))))
    assert ran.status == 0, ran.err
    assert ran.out == "built minimal:binary\n"
    assert "#13 [app 4/5] COPY . .\n#13 DONE 0.0s\n" in capfd.readouterr().err
    assert [f"report: {name}" in ran.err for name in names] == [True] * 3
    report = written(names[1])
    assert (report["outcome"], report["title"], len(report["steps"])) == ("built", "minimal:binary", 14)


def test_a_report_that_is_there_is_replaced_whole(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(b"\xff old \xff" * 100_000)
    assert build(poetry, tmp_path, monkeypatch, "--report", str(path)).status == 0
    assert written(path)["outcome"] == "built"


def test_a_build_that_fails_is_reported_and_keeps_its_exit_code(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    ran = build(poetry, tmp_path, monkeypatch, "--all-modes", "--report", str(path), record="failure", status=1)
    assert ran.status == 5
    report = written(path)
    assert (report["outcome"], report["images"]) == ("failed", [])
    assert "with exit code 3" in report["error"]
    assert "error: the build failed in [source app 4/4] RUN echo source" in ran.err


def test_a_report_that_cannot_be_written_does_not_hide_why_the_build_failed(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    script = f"rmdir '{folder}'; cat '{STREAMS}/failure-0.13.1.txt' >&2; exit 1"
    put_on_path(monkeypatch, tmp_path / "bin", DOCKER.replace("BAKE", script))
    ran = poetry(f"gpu-build --all-modes --report {folder}/r.html")
    assert ran.status == 5
    assert "note: r.html cannot be written" in ran.err
    assert "error: the build failed" in ran.err
    assert "Traceback" not in ran.err


def test_a_report_of_a_build_that_succeeded_and_cannot_be_written_is_an_error(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    put_on_path(monkeypatch, tmp_path / "bin", DOCKER.replace("BAKE", f"rmdir '{folder}'"))
    ran = poetry(f"gpu-build --gpu 8.6 --no-verify --report {folder}/r.html")
    assert ran.status == 2
    assert "error: r.html cannot be written" in ran.err


@pytest.mark.parametrize(("name", "is_noted"), [("r.html", True), ("../r.html", False)])
def test_a_report_in_the_build_context_is_noted(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_noted: bool
) -> None:
    ran = build(poetry, tmp_path, monkeypatch, "--report", name)
    assert ("r.html lies in the build context" in ran.err) is is_noted
    assert (root / name).is_file()


def test_a_memory_that_cannot_be_kept_is_a_note(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").touch()
    ran = build(poetry, tmp_path, monkeypatch, "--report", str(tmp_path / "r.md"))
    assert ran.status == 0
    assert "note: " in ran.err
    assert "Traceback" not in ran.err


def test_with_overrides_no_reason_is_made_up(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    build(poetry, tmp_path, monkeypatch, "--set", "*.args.X=1", "--report", str(path))
    assert any("--set" in note for note in written(path)["notes"])
    assert not (tmp_path / "state").exists()


def test_without_the_option_docker_draws_and_nothing_is_remembered(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'echo "$@" > {shlex.quote(str(tmp_path / "asked"))}'
    put_on_path(monkeypatch, tmp_path / "bin", DOCKER.replace("BAKE", script))
    assert poetry("gpu-build --gpu 8.6 --no-verify").status == 0
    assert "--progress auto" in (tmp_path / "asked").read_text(encoding="utf-8")
    assert not (tmp_path / "state").exists()
