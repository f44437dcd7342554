"""What a build is made from: instructions, variables, files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.report import inputs as module
from poetry_gpu_build.report.inputs import Inputs
from poetry_gpu_build.report.inputs import is_ignored
from poetry_gpu_build.report.inputs import is_selected
from poetry_gpu_build.report.inputs import read_inputs

from .builders import RECORDED
from .builders import recorded_steps

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, dockerfile: str, **build_args: str) -> Inputs:
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return read_inputs(folder / "Dockerfile", folder, build_args)


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("record", "targets", "dockerfile", "target"),
    [
        ("cold", (), "binary", ""),
        ("failure", ("binary", "source"), "binary", "binary"),
        ("failure", ("binary", "source"), "source", "source"),
        ("shared", ("x", "y"), "shared", "y"),
    ],
)
def test_steps_are_counted_and_named_as_buildkit_does(
    record: str, targets: tuple[str, ...], dockerfile: str, target: str, tmp_path: Path
) -> None:
    found = read_inputs(RECORDED / f"{dockerfile}.Dockerfile", tmp_path, {}).steps
    told = [step for step in recorded_steps(record, *targets) if step.is_numbered and step.target == target]
    assert told
    assert {f"{step.stage}/{step.number}" for step in told} <= set(found)


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM a\nRUN x\n", {"/2"}),
        ("FROM scratch\nCOPY . /\n", {"/1"}),
        ("FROM a\nRUN x\nFROM b\nRUN y\n", {"stage-0/2", "stage-1/2"}),
        (
            "FROM a AS One\nRUN x\nFROM one\nENV A=1\nWORKDIR /x\nLABEL a=b\nADD x /\n",
            {"one/2", "stage-1/1", "stage-1/2"},
        ),
        ("FROM a\nENTRYPOINT x\n", set()),
        ("", set()),
        ("nonsense\n", set()),
    ],
)
def test_what_counts_as_a_step(dockerfile: str, expected: set[str], tmp_path: Path) -> None:
    assert set(read(tmp_path, dockerfile).steps) == expected


def test_an_instruction_is_another_when_its_text_or_its_heredoc_is(tmp_path: Path) -> None:
    texts = ("RUN a", "RUN b", "RUN <<E\na\nE", "RUN <<E\nb\nE", "RUN --network=none a", "COPY a /", "COPY --link a /")
    digests = [read(tmp_path, f"FROM x\n{text}\n").steps["/2"].instruction for text in texts]
    assert len(set(digests)) == len(texts)


def test_only_what_a_copy_uses_of_the_variables_counts(tmp_path: Path) -> None:
    text = "FROM x\nARG A=1\nARG B=1\nCOPY $A /\n"
    before = read(tmp_path, text).steps["/2"]
    assert read(tmp_path, text, B="2").steps["/2"] == before
    assert read(tmp_path, text, A="2").steps["/2"] != before


def test_a_run_depends_on_every_variable_before_it(tmp_path: Path) -> None:
    text = "FROM x\nARG A=1\nRUN x\nARG B=1\n"
    before = read(tmp_path, text).steps["/2"]
    assert read(tmp_path, text, B="2").steps["/2"] == before
    changed = read(tmp_path, text, A="2").steps["/2"]
    assert changed.instruction == before.instruction
    assert changed.variables != before.variables


def test_values_that_may_be_secret_are_not_kept(tmp_path: Path) -> None:
    secrets = {"API_TOKEN": "abcdefgh", "INDEX": "https://me:pw@example.org/", "OTHER": "ghp_0123456789abcdef"}
    text = "FROM x\n" + "".join(f"ARG {name}\n" for name in (*secrets, "PLAIN")) + "RUN x\n"
    found = read(tmp_path, text, **secrets, PLAIN="3.10")
    assert found.shown == {"PLAIN": "3.10"}
    assert not any(value in repr(found) for value in secrets.values())
    assert set(found.steps["/2"].variables) == {*secrets, "PLAIN"}


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ("COPY . .", {"Dockerfile", "a.py", "pkg/b.py", "pkg/deep/c.txt"}),
        ("COPY pkg /x", {"pkg/b.py", "pkg/deep/c.txt"}),
        ("COPY /pkg/ /x", {"pkg/b.py", "pkg/deep/c.txt"}),
        ("COPY pkg/../a.py /x", {"a.py"}),
        ("COPY ../a.py /x", {"a.py"}),
        ("COPY *.py /x", {"a.py"}),
        ("COPY p?g /x", {"pkg/b.py", "pkg/deep/c.txt"}),
        ('COPY ["a.py", "pkg/b.py", "/x/"]', {"a.py", "pkg/b.py"}),
        ("ARG WHAT=a.py\nCOPY $WHAT /x", {"a.py"}),
        ("COPY --from=other a.py /x", set()),
        ("ADD https://example.org/a.py /x", set()),
        ("COPY <<E /x\na.py\nE", set()),
        ("COPY missing /x", set()),
        ("COPY [ /x", set()),
        ("RUN --mount=type=bind,source=pkg,target=/p x", {"pkg/b.py", "pkg/deep/c.txt"}),
        ("RUN --mount=target=/p x", {"Dockerfile", "a.py", "pkg/b.py", "pkg/deep/c.txt"}),
        ("RUN --mount=type=cache,target=/p x", set()),
        ("RUN --mount=type=bind,from=other,target=/p x", set()),
        ("RUN cp a.py x", set()),
    ],
)
def test_the_files_are_those_that_a_step_takes(copy: str, expected: set[str], tmp_path: Path) -> None:
    put(tmp_path, **{"a.py": "", "pkg__b.py": "", "pkg__deep__c.txt": ""})
    assert set(read(tmp_path, f"FROM x\n{copy}\n").files) == expected


def test_what_is_ignored_is_not_looked_at(tmp_path: Path) -> None:
    put(
        tmp_path,
        **{"a.py": "", "venv__big": "", "venv__kept": "", ".dockerignore": "venv\n!venv/kept\n.dockerignore\n"},
    )
    assert set(read(tmp_path, "FROM x\nCOPY . .\n").files) == {"Dockerfile", "a.py", "venv/kept"}


def test_a_file_is_another_by_content_and_mode_and_not_by_time(tmp_path: Path) -> None:
    put(tmp_path, a="1")
    path = tmp_path / "a"
    path.chmod(0o644)
    text = "FROM x\nCOPY a /\n"
    before = read(tmp_path, text).files
    os.utime(path, (1, 1))
    assert read(tmp_path, text).files == before
    path.chmod(0o755)
    assert read(tmp_path, text).files != before
    path.chmod(0o644)
    put(tmp_path, a="2")
    assert read(tmp_path, text).files != before


def test_a_large_file_is_compared_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_HASHED", 10)
    put(tmp_path, a="x" * 11)
    text = "FROM x\nCOPY a /\n"
    before = read(tmp_path, text).files["a"]
    assert module.is_by_time(before)
    os.utime(tmp_path / "a", (1, 1))
    assert read(tmp_path, text).files["a"] != before


def test_there_is_a_limit_to_the_files_and_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_FILES", 3)
    put(tmp_path, **{f"f{number}": "" for number in range(5)})
    found = read(tmp_path, "FROM x\nCOPY . .\n")
    assert (len(found.files), found.is_complete) == (3, False)


def test_links_pipes_and_what_cannot_be_read_are_no_error(tmp_path: Path) -> None:
    (tmp_path / "ring").symlink_to("ring")
    (tmp_path / "folder-link").symlink_to("/")
    os.mkfifo(tmp_path / "pipe")
    found = read(tmp_path, "FROM x\nCOPY . .\n").files
    assert set(found) == {"Dockerfile", "ring", "folder-link", "pipe"}


def test_names_of_any_bytes_are_taken(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).touch()
    (tmp_path / "new\nline").touch()
    assert len(read(tmp_path, "FROM x\nCOPY . .\n").files) == 3


def test_files_of_a_named_context_are_told_apart(tmp_path: Path) -> None:
    named = tmp_path / "named"
    context = tmp_path / "context"
    context.mkdir()
    put(named, **{"all__poetry.lock": "", "torch__poetry.lock": "", "other": ""})
    put(context, Dockerfile="FROM x\nCOPY --from=deps /all/ .\nRUN --mount=from=deps,source=/torch,target=/p x\n")
    found = read_inputs(context / "Dockerfile", context, {}, {"deps": named})
    assert set(found.files) == {"deps//all/poetry.lock", "deps//torch/poetry.lock"}
    assert [is_selected(path, found.steps["/2"].sources) for path in sorted(found.files)] == [True, False]


def test_the_bases_are_those_of_the_stages_that_have_one(tmp_path: Path) -> None:
    found = read(tmp_path, "ARG B=x:1\nFROM $B AS one\nRUN a\nFROM one AS two\nFROM scratch AS three\n", B="x:2")
    assert found.bases == {"one": "x:2"}


@pytest.mark.parametrize(
    ("name", "expected"), [("report.html", False), ("out/report.html", True), ("../report.html", True), ("x.md", True)]
)
def test_whether_a_file_would_be_copied(name: str, expected: bool, tmp_path: Path) -> None:
    context = tmp_path / "project"
    put(context, **{"Dockerfile": "FROM x", ".dockerignore": "out\n*.md\n"})
    assert is_ignored(context / name, context / "Dockerfile", context) is expected
