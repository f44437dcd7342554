"""`poetry gpu-build doctor --explain`: what it reads, what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.commands.doctor_explain_formats import FORMATS
from poetry_gpu_build.commands.doctor_formats import Stream
from poetry_gpu_build.doctor.explain.explanation import Explained
from poetry_gpu_build.doctor.explain.explanation import Explanation
from poetry_gpu_build.doctor.explain.told import Told

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Poetry

EXPLAIN = "gpu-build doctor --explain"
KERNEL = "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"


@pytest.fixture
def log(root: Path) -> Path:
    path = root.parent / "build.log"
    path.write_text(f"start\n{KERNEL}", encoding="utf-8")
    return path


def test_a_file_is_explained_for_this_project_and_this_card(poetry: Poetry, log: Path) -> None:
    ran = poetry(f"{EXPLAIN} {log} --gpu 6.1")
    assert ran.status == 0
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0] == "Some code was started on a GPU that it was not compiled for [no-kernel-image]"
    assert lines[1] == f"  --> {log}:2"
    assert lines[2] == f"   | {KERNEL.strip()}"
    assert any(line.startswith("  here: the project pins torch 2.7.1+cu128") for line in lines)
    assert any(line.startswith("  help: pin torch 2.7.1 from PyPI (cu126)") for line in lines)


def test_the_same_is_one_json_document(poetry: Poetry, log: Path) -> None:
    ran = poetry(f"{EXPLAIN} {log} --gpu 6.1 --format json")
    document = json.loads(ran.out)
    assert (ran.status, document["schema_version"], document["exit_code"], document["lines"]) == (0, 1, 0, 2)
    [explanation] = document["explanations"]
    assert (explanation["name"], explanation["line"], explanation["times"]) == ("no-kernel-image", 2, 1)
    assert explanation["quote"] == KERNEL.strip()
    assert explanation["references"][0].startswith("https://github.com/")
    assert explanation["here"]
    assert explanation["ways_out"]


@pytest.mark.parametrize("written", ["--explain -", "--explain=-", "--explain"])
def test_standard_input_is_read(poetry: Poetry, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(KERNEL.encode())))
    ran = poetry(f"gpu-build doctor {written} --gpu 6.1")
    assert ran.status == 0
    assert "  --> stdin:1" in ran.out


def test_a_pipe_into_the_real_poetry_is_read(root: Path) -> None:
    command = [sys.executable, "-m", "poetry", "gpu-build", "doctor", "--gpu", "6.1", "--explain", "-"]
    done = subprocess.run(command, cwd=root, input=KERNEL, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "  --> stdin:1" in done.stdout


def test_nothing_recognised_is_exit_1(poetry: Poetry, log: Path) -> None:
    log.write_text("all is well\n", encoding="utf-8")
    ran = poetry(f"{EXPLAIN} {log}")
    assert ran.status == 1
    assert "nothing recognised in 1 line" in ran.words
    ran = poetry(f"{EXPLAIN} {log} --format json")
    assert (ran.status, json.loads(ran.out)["explanations"]) == (1, [])


def test_a_text_that_cannot_be_read_is_exit_2(poetry: Poetry, root: Path) -> None:
    for source in (root / "no.log", root):
        ran = poetry(f"{EXPLAIN} {source}")
        assert (ran.status, ran.out) == (2, "")
        assert "cannot be read" in ran.words
        assert "help:" in ran.err


def test_a_compressed_log_is_exit_2_with_the_way(poetry: Poetry, log: Path) -> None:
    log.write_bytes(b"\x1f\x8b\x08" + b"\0" * 100)
    ran = poetry(f"{EXPLAIN} {log}")
    assert ran.status == 2
    assert f"gunzip -c {log} | poetry gpu-build doctor" in ran.words


def test_a_word_that_belongs_to_nothing_is_exit_2(poetry: Poetry, log: Path) -> None:
    for line in ("gpu-build doctor build.log", f"{EXPLAIN} {log} -", f"{EXPLAIN}="):
        assert poetry(line).status == 2


def test_what_a_terminal_would_obey_never_reaches_it(poetry: Poetry, log: Path) -> None:
    log.write_bytes(b"\x1b[2J\x1b]0;owned\x07\x9b31m <error>" + KERNEL.encode().strip() + b"\x00\xe2\x80\xae\xff\n")
    ran = poetry(f"{EXPLAIN} {log}")
    assert ran.status == 0
    assert all(character.isprintable() or character == "\n" for character in ran.out)
    assert "<error>" in ran.out


def test_what_a_block_above_said_in_the_same_words_is_named_and_not_said_again(poetry: Poetry, log: Path) -> None:
    log.write_text(
        "NVIDIA GeForce GTX 1080 with CUDA capability sm_61 is not compatible with the current PyTorch installation.\n"
        f"The current PyTorch install supports CUDA capabilities sm_75 sm_80.\n{KERNEL}",
        encoding="utf-8",
    )
    out = poetry(f"{EXPLAIN} {log}").out
    assert out.index("[torch-lacks-gpu]") < out.index("[no-kernel-image]") < out.index("  help: as above")


def test_a_setting_that_is_wrong_is_noted_and_the_pin_is_still_explained(poetry: Poetry, root: Path, log: Path) -> None:
    path = root / "pyproject.toml"
    path.write_text(f'{path.read_text(encoding="utf-8")}\n[tool.gpu-build]\ntargets = ["nonsense"]\n', encoding="utf-8")
    ran = poetry(f"{EXPLAIN} {log} --gpu 6.1")
    assert ran.status == 0
    assert ran.err.startswith("note: the settings' targets cannot be used")
    assert "here: the project pins torch 2.7.1+cu128" in ran.out


def test_what_it_means_here_is_said_as_a_whole_or_named_as_a_whole() -> None:
    def block(*here: str) -> Explanation:
        return Explanation("a", "A", 1, 1, "a", {}, "m", here, ("x",), ())

    shown = FORMATS["text"](Explained((block("p", "q"), block("q", "r"), block("p", "q")), Told(), 1), "log", Stream())
    assert [line.strip() for line in shown.splitlines() if "here:" in line] == [
        *("here: p", "here: q"),
        *("here: q", "here: r"),
        "here: as above",
    ]


def test_no_sentence_of_what_it_means_here_is_left_out(poetry: Poetry, log: Path) -> None:
    log.write_text(
        "NVIDIA GeForce GTX 1060 with CUDA capability sm_61 is not compatible with the current PyTorch installation.\n"
        "NVIDIA GeForce RTX 4090 with CUDA capability sm_89 is not compatible with the current PyTorch installation.\n"
        f"The current PyTorch install supports CUDA capabilities sm_75 sm_80.\n{KERNEL}",
        encoding="utf-8",
    )
    out = poetry(f"{EXPLAIN} {log}").out
    block = next(each for each in out.split("\n\n") if "[no-kernel-image]" in each)
    assert "does not run on 6.1" in block
    assert "runs on 8.9" in block


@pytest.mark.parametrize("option", ["--from-source", "--binary"])
def test_options_of_a_build_have_no_say_in_a_text(poetry: Poetry, log: Path, option: str) -> None:
    ran = poetry(f"{EXPLAIN} {log} {option}")
    assert (ran.status, ran.out) == (2, "")
    assert option in ran.words


def test_a_project_that_cannot_be_read_is_noted_and_the_text_explained(poetry: Poetry, root: Path, log: Path) -> None:
    root.joinpath("pyproject.toml").write_text("[tool.gpu-build]\nmods = 1\n", encoding="utf-8")
    ran = poetry(f"{EXPLAIN} {log}")
    assert ran.status == 0
    assert ran.err.startswith("note: the project cannot be read")


def test_outside_a_project_it_is_explained_in_general(
    poetry: Poetry, log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    ran = poetry(f"{EXPLAIN} {log} --gpu 6.1")
    assert ran.status == 0
    assert "the project" not in ran.out
    assert "help: pin torch" in ran.out


def test_no_standard_input_is_an_error(poetry: Poetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert poetry(f"{EXPLAIN}=-").status == 2


def test_a_terminal_of_ascii_gets_escapes() -> None:
    quoted = Explanation("a", "\xc4", 1, 1, "\xe9", {}, "\xfc", (), ("x",), ())
    for form in FORMATS.values():
        assert form(Explained((quoted,), Told(), 1), "log", Stream(encoding="ascii")).isascii()
