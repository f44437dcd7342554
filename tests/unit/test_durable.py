from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.durable import write_whole
from poetry_gpu_build.errors import ConfigurationError

from .builders import tree

if TYPE_CHECKING:
    from pathlib import Path


def test_a_written_file_holds_every_byte_that_was_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"\xef\xbb\xbfFROM a\r\n\xff\xfe\x00 b\n")
    text = read_source(path).text
    write_whole(path, text, text.replace("FROM a", "FROM c"))
    assert path.read_bytes() == b"\xef\xbb\xbfFROM c\r\n\xff\xfe\x00 b\n"


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o4755, 0o444])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("a")
    path.chmod(mode)
    write_whole(path, "a", "b")
    assert path.stat().st_mode & 0o7777 == mode
    assert path.read_text() == "b"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("a")
    os.chown(path, 12345, 54321)
    write_whole(path, "a", "b")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    write_whole(tmp_path / ".dockerignore", None, "a\n")
    tmp_path.joinpath("other").write_text("")
    assert tree(tmp_path)[".dockerignore"] == (tree(tmp_path)["other"][0], b"a\n")


@pytest.mark.parametrize("now", [b"changed", b"a\r\n", b"", None])
def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path, now: bytes | None) -> None:
    path = tmp_path / "Dockerfile"
    if now is not None:
        path.write_bytes(now)
    before = tree(tmp_path)
    with pytest.raises(ConfigurationError, match="Dockerfile changed since it was read") as caught:
        write_whole(path, "a\n", "b\n")
    assert tree(tmp_path) == before
    assert caught.value.where is not None
    assert caught.value.ways_out == ("run the command again",)


def test_a_file_that_somebody_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    tmp_path.joinpath("new").write_text("theirs")
    before = tree(tmp_path)
    with pytest.raises(ConfigurationError, match="changed since"):
        write_whole(tmp_path / "new", None, "ours")
    assert tree(tmp_path) == before


def test_what_became_a_pipe_is_left_alone_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Dockerfile")
    with pytest.raises(ConfigurationError, match="changed since"):
        write_whole(tmp_path / "Dockerfile", "a", "b")
    assert [path.name for path in tmp_path.iterdir()] == ["Dockerfile"]


def test_through_a_link_the_file_behind_it_is_written_and_the_link_stays(tmp_path: Path) -> None:
    tmp_path.joinpath("real").write_text("a")
    link = tmp_path / "Dockerfile"
    link.symlink_to("real")
    write_whole(link, "a", "b", root=tmp_path)
    assert link.is_symlink()
    assert tmp_path.joinpath("real").read_text() == "b"


def test_a_link_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    tmp_path.joinpath("secret").write_text("a")
    project.joinpath("Dockerfile").symlink_to("../secret")
    before = tree(tmp_path)
    with pytest.raises(ConfigurationError, match="outside the project"):
        write_whole(project / "Dockerfile", "a", "b", root=project)
    assert tree(tmp_path) == before


def test_a_loop_of_links_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    tmp_path.joinpath("a").symlink_to("b")
    tmp_path.joinpath("b").symlink_to("a")
    with pytest.raises(ConfigurationError, match=r"a cannot be written|a changed"):
        write_whole(tmp_path / "a", "x", "y")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file or directory"):
        write_whole(tmp_path / "missing" / "Dockerfile", None, "y")


def test_a_text_that_utf_8_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("a")
    with pytest.raises(ConfigurationError, match="holds a character that UTF-8 has not"):
        write_whole(path, "a", "\ud800")
    assert tree(tmp_path).keys() == {"Dockerfile"}


def test_nothing_is_left_beside_a_file_whose_writing_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("a")

    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "a", "b")
    assert tree(tmp_path) == {"Dockerfile": (path.stat().st_mode, b"a")}
