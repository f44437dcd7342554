"""Reading from the disk: which files Compose takes, and files that are none."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.compose.read import MAXIMUM_BYTES
from poetry_gpu_build.documents.compose.read import read_compose

if TYPE_CHECKING:
    from pathlib import Path


def test_the_override_file_beside_it_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {board: {image: board}}")
    (tmp_path / "docker-compose.override.yml").write_text("services: {board: {ports: ['6006']}}")
    project = read_compose(tmp_path / "docker-compose.yml")
    assert [path.name for path in project.files] == ["docker-compose.yml", "docker-compose.override.yml"]
    assert project.services["board"].ports[0].position.path.name == "docker-compose.override.yml"


@pytest.mark.parametrize("override", ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yaml"])
def test_an_override_file_goes_with_any_name_of_the_first(tmp_path: Path, override: str) -> None:
    (tmp_path / "compose.yaml").write_text("services: {}")
    (tmp_path / override).write_text("services: {a: {image: a}}")
    assert set(read_compose(tmp_path / "compose.yaml").services) == {"a"}


def test_a_list_of_files_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: {image: a}}")
    (tmp_path / "compose.override.yaml").write_text("services: {b: {image: b}}")
    assert set(read_compose([tmp_path / "compose.yaml"]).services) == {"a"}


def test_another_name_has_no_override_file(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("services: {a: {image: a}}")
    (tmp_path / "compose.override.yml").write_text("services: {b: {image: b}}")
    assert set(read_compose(tmp_path / "other.yml").services) == {"a"}


def test_the_env_file_may_name_the_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_FILE=compose.yaml:ports.yaml\n")
    (tmp_path / "compose.yaml").write_text("services: {board: {image: board}}")
    (tmp_path / "ports.yaml").write_text("services: {board: {ports: ['6006']}}")
    assert len(read_compose(tmp_path / "compose.yaml").services["board"].ports) == 1


def test_the_env_file_beside_it_gives_values(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TAG=1\nOTHER=1\n")
    (tmp_path / "compose.yaml").write_text("services: {a: {image: 'a:$TAG$OTHER'}}")
    assert str(read_compose(tmp_path / "compose.yaml", {"TAG": "2"}).services["a"].image) == "a:21"


def test_a_folder_named_like_the_env_file_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    (tmp_path / "compose.yaml").write_text("services: {a: {image: a}}")
    assert read_compose(tmp_path / "compose.yaml").problems == ()


def make_missing(path: Path) -> None:
    """Nothing is there."""


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_large(path: Path) -> None:
    path.write_bytes(b"#" * (MAXIMUM_BYTES + 1))


def make_latin(path: Path) -> None:
    path.write_bytes(b"a: 1\nb: caf\xe9\n")


def make_binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_missing, "there is no such file"),
        (make_folder, "it is a folder"),
        (make_loop, "symbolic links"),
        (make_dangling, "there is no such file"),
        (make_pipe, "it is not a file"),
        (make_large, "larger than 1 MiB"),
        (make_latin, "not UTF-8"),
        (make_binary, "not UTF-8"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_file_without_a_text_is_a_problem(tmp_path: Path, make: object, reason: str) -> None:
    path = tmp_path / "compose.yml"
    assert callable(make)
    make(path)
    (problem,) = read_compose(path).problems
    # A large one Compose itself reads.
    assert problem.kind == ("too-much" if make is make_large else "unreadable")
    assert reason in problem.message
    assert problem.position.path == path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "compose.yml"
    path.write_text("services: {}")
    path.chmod(0)
    assert [problem.kind for problem in read_compose(path).problems] == ["unreadable"]


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "compose.yml"
    make_latin(path)
    assert read_compose(path).problems[0].position.line == 2


def test_a_file_that_is_included_and_cannot_be_read_is_told_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {a: {image: a}}\ninclude: [broken.yml]\n")
    make_latin(tmp_path / "broken.yml")
    project = read_compose(tmp_path / "compose.yml")
    (problem,) = project.problems
    assert (problem.position.line, [place.line for place in problem.also]) == (2, [2])
    assert set(project.services) == {"a"}


def test_yaml_is_imported_only_when_a_file_is_read() -> None:
    code = (
        "import sys; import poetry_gpu_build.documents.compose.read; "
        "assert 'yaml' not in sys.modules, 'yaml'; assert 'poetry' not in sys.modules, 'poetry'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
