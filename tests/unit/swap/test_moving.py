from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.swap.moving import move
from poetry_gpu_build.swap.moving import part_of
from poetry_gpu_build.swap.moving import remove

from .world import seen

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def lay(folder: Path) -> dict[str, tuple[int, bytes]]:
    folder.joinpath("deep", "empty").mkdir(parents=True)
    folder.joinpath("deep", "file").write_bytes(b"content")
    folder.joinpath("deep", "file").chmod(0o755)
    folder.joinpath("deep").chmod(0o750)
    folder.joinpath("link").symlink_to("nowhere")
    return contents(folder)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path.relative_to(folder)): seen(path) for path in sorted(folder.rglob("*"))}


def test_a_folder_goes_to_another_file_system_and_back_with_modes_and_links(tmp_path: Path, elsewhere: Path) -> None:
    before = lay(tmp_path / "here")
    move(tmp_path / "here", elsewhere / "there")
    assert not tmp_path.joinpath("here").exists()
    assert contents(elsewhere / "there") == before
    move(elsewhere / "there", tmp_path / "here")
    assert contents(tmp_path / "here") == before
    assert not elsewhere.joinpath("there").exists()


@pytest.mark.parametrize("moved", [["deep/file"], ["link"], ["deep/file", "link"]])
def test_what_was_moved_half_way_is_moved_on_or_back(tmp_path: Path, moved: list[str]) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    before = lay(here)
    for again in (there, here):  # on, then back
        source = here if again == there else there
        for name in moved:
            again.joinpath(name).parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            source.joinpath(name).rename(again / name)
        again.joinpath("deep").mkdir(exist_ok=True)
        again.joinpath("deep").chmod(0o750)
        move(source, again)
        assert contents(again) == before
        assert not source.exists()


def test_half_a_copy_of_an_interrupted_move_is_thrown_away(tmp_path: Path, elsewhere: Path) -> None:
    here, there = tmp_path / "here", elsewhere / "there"
    before = lay(here)
    there.joinpath("deep").mkdir(parents=True, mode=0o750)
    part_of(there / "deep" / "file").write_bytes(b"con")
    move(there, here)
    assert contents(here) == before
    assert not there.exists()


def test_a_file_that_was_copied_and_not_removed_is_there_once(tmp_path: Path, elsewhere: Path) -> None:
    here, there = tmp_path / "file", elsewhere / "file"
    here.write_bytes(b"content")
    there.write_bytes(b"content")
    move(there, here)
    assert here.read_bytes() == b"content"
    assert not there.exists()


def test_nothing_is_moved_from_where_nothing_is(tmp_path: Path) -> None:
    move(tmp_path / "none", tmp_path / "there")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_fails_leaves_the_original_alone(tmp_path: Path, elsewhere: Path) -> None:
    tmp_path.joinpath("file").write_bytes(b"content")
    with pytest.raises(OSError, match="No such file"):
        move(tmp_path / "file", elsewhere / "none" / "file")
    assert tmp_path.joinpath("file").read_bytes() == b"content"
    assert list(elsewhere.iterdir()) == []


def test_a_link_to_a_folder_is_removed_and_the_folder_stays(tmp_path: Path) -> None:
    tmp_path.joinpath("folder").mkdir()
    tmp_path.joinpath("link").symlink_to("folder")
    remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
