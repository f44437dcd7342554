"""Answers of earlier runs: given again while every file is what it was, and never otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poetry_gpu_build.lint import answers
from poetry_gpu_build.lint.answers import Answer
from poetry_gpu_build.lint.answers import keep
from poetry_gpu_build.lint.answers import recall
from poetry_gpu_build.lint.answers import stamp

ANSWER = Answer("docker/Dockerfile:1:1 é\n".encode(), 1)
LATER = 10_000_000_000
"""In ns: long enough behind a change of a file for its time to tell the next one."""


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "lint")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n", encoding="utf-8")
    return path


def kept(place: str, *paths: str | Path, question: str = "lint", since: int = LATER) -> None:
    looked_at = {str(path): stamp(str(path)) is not None for path in paths}
    keep(place, question, ANSWER, looked_at, time.time_ns() + since)


def recalled(place: str, question: str = "lint") -> tuple[bytes, int] | None:
    found = recall(place, question)
    return None if found is None else (found.output, found.exit_code)


def test_an_answer_is_given_again_byte_for_byte(place: str, file: Path) -> None:
    kept(place, file)
    assert recalled(place) == (ANSWER.output, ANSWER.exit_code)


def test_nothing_was_asked_before(place: str) -> None:
    assert recalled(place) is None


def test_another_question_has_another_answer(place: str, file: Path) -> None:
    kept(place, file)
    assert recalled(place, "lint --fix") is None


def test_two_questions_of_one_checksum_are_two(place: str, file: Path) -> None:
    # A well-known pair with equal CRC-32.
    kept(place, file, question="plumless")
    assert recalled(place, "buckeroo") is None
    assert recalled(place, "plumless") is not None


def test_a_changed_file_ends_it_also_with_its_size_and_time_restored(place: str, file: Path) -> None:
    kept(place, file)
    before = file.stat()
    time.sleep(0.02)
    file.write_text("FROM b\n", encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert recalled(place) is None


def test_a_file_that_came_ends_it(place: str, tmp_path: Path) -> None:
    kept(place, tmp_path / "poetry.toml")
    assert recalled(place) is not None
    (tmp_path / "poetry.toml").touch()
    assert recalled(place) is None


def test_a_file_that_went_ends_it(place: str, file: Path) -> None:
    kept(place, file)
    file.unlink()
    assert recalled(place) is None


def test_a_file_that_changed_a_moment_ago_is_not_trusted(place: str, file: Path) -> None:
    kept(place, file, since=0)
    assert recalled(place) is None


def test_a_file_that_came_or_went_during_the_run_is_not_trusted(place: str, file: Path, tmp_path: Path) -> None:
    keep(place, "lint", ANSWER, {str(file): False}, time.time_ns() + LATER)
    assert recalled(place) is None
    keep(place, "lint", ANSWER, {str(tmp_path / "missing"): True}, time.time_ns() + LATER)
    assert recalled(place) is None


def test_paths_that_are_no_text_are_kept_or_not_but_never_mixed_up(place: str, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff file")
    kept(place, tmp_path / odd, question=odd)
    assert recalled(place, odd) is not None
    kept(place, tmp_path / "two\nlines", question="newline")
    assert recalled(place, "newline") is None


@pytest.mark.parametrize("cut", [0, 1, 10, 24, 40, -1])
def test_a_half_written_answer_is_none(place: str, file: Path, cut: int) -> None:
    kept(place, file)
    [written] = Path(place).iterdir()
    written.write_bytes(written.read_bytes()[:cut])
    assert recalled(place) is None


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"gpu-build-lint answer 1\nx y z\n", b"gpu-build-lint answer 0\n"]
)
def test_what_is_no_answer_is_none(place: str, file: Path, content: bytes) -> None:
    kept(place, file)
    [written] = Path(place).iterdir()
    written.write_bytes(content)
    assert recalled(place) is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path, file: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    kept(str(blocked), file)
    assert recalled(str(blocked)) is None


def test_the_oldest_answers_are_forgotten(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST_ANSWERS", 10)
    for number in range(40):
        kept(place, question=f"question {number}")
        assert len(list(Path(place).iterdir())) <= 11
    assert recalled(place, "question 39") is not None
    assert recalled(place, "question 0") is None


def test_nothing_is_kept_for_a_checkout_whose_code_changes() -> None:
    assert answers.folder({"XDG_CACHE_HOME": "/cache"}) is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_CACHE_HOME": "/cache"}, "/cache/poetry-gpu-build/lint"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/a/.cache/poetry-gpu-build/lint"),
        ({}, "/home/a/.cache/poetry-gpu-build/lint"),
    ],
)
def test_answers_of_an_installed_program_are_in_the_users_cache(
    environment: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies").mkdir()
    monkeypatch.setattr(answers, "_PACKAGE", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/a")
    assert answers.folder(environment) == expected


def test_looking_for_an_answer_imports_nothing_that_takes_time() -> None:
    code = "import sys; import poetry_gpu_build.lint.answers; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"sys = __import__('sys'); sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"typing", "re", "json", "hashlib", "pathlib", "dataclasses"} & set(done.stdout.split())
