from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.commands.doctor_formats import Stream
from poetry_gpu_build.commands.doctor_formats import as_json
from poetry_gpu_build.commands.doctor_formats import as_text
from poetry_gpu_build.doctor.examine import Examination
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import not_looked_at

from ..builders import gpu
from ..builders import put_on_path

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Machine
    from .conftest import Poetry

# A docker whose every answer is that of a healthy one with nothing on it.
HEALTHY = """
case "$1 $2" in
  "buildx version") echo "github.com/docker/buildx 0.13.1 7884339" ;;
  "buildx inspect") printf 'Name:   default\\nDriver: docker\\n\\nNodes:\\nName: default\\nStatus: running\\n' ;;
  "version --format") echo 26.1.5 ;;
  "info --format") echo '{"ServerVersion": "26.1.5", "Name": "elsewhere", "OSType": "linux"}' ;;
  "image inspect") echo sha256:0 ;;
  *) exit 1 ;;
esac"""


@pytest.fixture
def outside(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Poetry:
    """Poetry, run where no project is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return poetry


@pytest.fixture
def no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", HEALTHY)


@pytest.mark.usefixtures("no_docker")
def test_a_machine_with_nothing_is_helped_and_ends_with_4(outside: Poetry) -> None:
    ran = outside("gpu-build doctor")
    assert ran.status == 4
    assert "✗ engine" in ran.out
    assert "docker is not installed, or not on PATH" in ran.out
    assert "help: install Docker Engine" in ran.out
    assert "! gpu" in ran.out
    assert "! project" in ran.out
    assert ran.err == ""


@pytest.mark.usefixtures("no_docker")
def test_what_needs_an_engine_says_so_once(outside: Poetry) -> None:
    out = outside("gpu-build doctor").out
    assert out.count("no engine") == 1
    assert "! not looked at      disk, base image: no engine" in out


@pytest.mark.usefixtures("docker")
def test_an_engine_alone_is_enough_to_end_with_0(outside: Poetry) -> None:
    ran = outside("gpu-build doctor")
    assert ran.status == 0, ran.out
    assert "✓ engine" in ran.out
    assert "✗" not in ran.out


@pytest.mark.usefixtures("docker")
def test_a_problem_that_is_not_the_engine_s_ends_with_1(outside: Poetry, machine: Machine) -> None:
    # A branch that no longer drives Maxwell.
    machine.has(gpu("5.2", name="NVIDIA GeForce GTX 970", driver="590.44.01"))
    ran = outside("gpu-build doctor")
    assert ran.status == 1
    assert "✗ driver" in ran.out
    assert "branch 580" in ran.words


@pytest.mark.usefixtures("docker")
def test_a_project_is_named(poetry: Poetry) -> None:
    assert f"✓ project            minimal, {poetry.folder}" in poetry("gpu-build doctor").out


@pytest.mark.usefixtures("docker")
def test_the_options_of_the_build_say_which_mode_is_meant(outside: Poetry) -> None:
    assert "source: 5.2: below the binary floor 6.0" in outside("gpu-build doctor --gpu 'GTX 970'").out
    assert "source: --from-source asks" in outside("gpu-build doctor --from-source").out
    assert "binary: --binary asks" in outside("gpu-build doctor --binary --gpu 5.2").out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--format yaml", "--format yaml is unknown"),
        ("--gpu 'GTX 9'", "no card of the table"),
        ("--from-source --binary", "exclude each other"),
    ],
)
@pytest.mark.usefixtures("docker")
def test_what_cannot_be_asked_is_a_usage_error(outside: Poetry, options: str, words: str) -> None:
    ran = outside(f"gpu-build doctor {options}")
    assert ran.status == 2
    assert words in ran.words
    assert ran.out == ""


@pytest.mark.usefixtures("no_docker")
def test_json_is_one_document_and_nothing_else(outside: Poetry) -> None:
    ran = outside("gpu-build doctor --format json")
    document = json.loads(ran.out)
    assert ran.err == ""
    assert document["schema_version"] == 1
    assert document["exit_code"] == ran.status == 4
    assert document["mode"] == "binary"
    lines = {line["topic"]: line for line in document["lines"]}
    assert lines["engine"]["mark"] == "problem"
    assert lines["engine"]["remedies"]
    assert lines["disk"]["seen"] == lines["base image"]["seen"] == "not looked at: no engine"
    assert set(lines["engine"]) == {"topic", "mark", "seen", "remedies", "known_by"}


@pytest.mark.usefixtures("docker")
def test_an_error_is_a_document_too(outside: Poetry) -> None:
    assert json.loads(outside("gpu-build doctor --gpu 9 --format json").out)["error"]["exit_code"] == 2


@pytest.mark.parametrize("script", ["yes '\x1b[2J{' | head -c 5000000", "exit 1", "echo '{\"ServerVersion\":'"])
def test_a_docker_that_is_out_of_its_mind_is_no_traceback(
    outside: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", script)
    ran = outside("gpu-build doctor")
    assert ran.status == 4
    assert "\x1b" not in ran.out
    assert "Traceback" not in ran.words


def test_in_a_process_of_its_own_without_anything(outside: Poetry, tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    outside.folder = folder
    ran = outside.process("gpu-build", "doctor", "--gpu", "5.2", PATH=str(folder), PYTHONIOENCODING="ascii")
    assert ran.status == 4
    assert "x engine" in ran.out
    assert "+ mode" in ran.out
    assert "Traceback" not in ran.err


def test_the_help_teaches_the_marks_and_the_exit_codes(outside: Poetry) -> None:
    said = outside("gpu-build doctor --help").words
    assert "✗ (mend this)" in said
    assert "4 a ✗ in the line of the engine" in said


# --- the forms

EXAMINATION = Examination(
    "binary",
    (
        Line("gpu", "ok", "GTX\x1b[2J 970\n"),
        not_looked_at("disk", "no engine"),
        Line("driver", "problem", "too old", ("update\x07 it",), "secondary"),
        not_looked_at("base image", "no engine"),
        not_looked_at("container runtime", "docker info gave no answer that can be read"),
    ),
)


def test_each_line_is_its_mark_its_topic_and_what_was_seen() -> None:
    assert as_text(EXAMINATION, Stream()).splitlines() == [
        r"✓ gpu                GTX\x1b[2J 970\n",
        "! not looked at      disk, base image: no engine",
        "✗ driver             too old (known by: secondary)",
        r"                     help: update\x07 it",
        "! not looked at      container runtime: docker info gave no answer that can be read",
        "1 problem, 2 warnings",
    ]


def test_colours_are_for_terminals() -> None:
    assert "\x1b[1;31m✗\x1b[0m driver" in as_text(EXAMINATION, Stream(color=True))
    assert "\x1b" not in as_text(EXAMINATION, Stream())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_that_cannot_show_the_marks_gets_others(encoding: str) -> None:
    lines = as_text(EXAMINATION, Stream(encoding=encoding)).splitlines()
    assert lines[0].startswith("+ gpu")
    assert lines[2].startswith("x driver")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_any_text_is_shown_on_any_stream(encoding: str) -> None:
    strange = Examination("source", (Line("gpu", "ok", "語🚀\udcff", ("…",)),))
    as_text(strange, Stream(encoding=encoding)).encode(encoding)
    document = as_json(strange, Stream(encoding=encoding))
    document.encode(encoding)
    assert json.loads(document)["lines"][0]["seen"] == "語🚀\ufffd"


def test_nothing_wrong_is_said_in_so_many_words() -> None:
    well = Examination("binary", (Line("gpu", "ok", "x"),))
    assert as_text(well, Stream()).splitlines()[-1] == "nothing stands in the way"
