"""Wheels, folders and images: many files at once, of which one may be broken."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.binaries.tarball import read_tarball
from poetry_gpu_build.errors import UnreadableBinaryError

from .fatbins import LINKED
from .fatbins import elf
from .fatbins import gnu_archive
from .fatbins import sass

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.binaries.contents import Contents

MAXWELL = elf((LINKED, sass(50, 52)))
AMPERE = elf((LINKED, sass(86)))
BROKEN = elf((LINKED, b"x" * 64))
FILES = {
    "torch/lib/libtorch_cuda.so": MAXWELL,
    "torch/lib/libc10.so": elf((".text", b"x")),
    "torch/lib/libstatic.a": gnu_archive(("a.o", AMPERE)),
    "torch/__init__.py": b"import this\n",
    "torch/empty": b"",
}


def wheel(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        path.joinpath(name).write_bytes(content)
    return path


def tarball(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def found(contents: Contents) -> dict[str, list[str]]:
    return {library.path: [held.code.name for held in library.held] for library in contents.libraries}


EXPECTED = {"torch/lib/libtorch_cuda.so": ["sm_50", "sm_52"], "torch/lib/libstatic.a": ["sm_86"]}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wheel_is_read_file_by_file(tmp_path: Path, method: int) -> None:
    contents = read_path(wheel(tmp_path / "torch.whl", FILES, method))
    assert contents.kind == "wheel"
    assert found(contents) == EXPECTED
    assert contents.unread == ()


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    contents = read_path(folder(tmp_path / "site-packages", FILES))
    assert contents.kind == "folder"
    assert found(contents) == EXPECTED
    assert contents.unread == ()


def test_an_image_is_read_file_by_file() -> None:
    contents = read_tarball(io.BytesIO(tarball(FILES)), "docker:app")
    assert contents.kind == "image"
    assert found(contents) == EXPECTED
    assert contents.unread == ()


def test_a_single_library_is_read(tmp_path: Path) -> None:
    path = folder(tmp_path, {"libk.so": AMPERE}) / "libk.so"
    contents = read_path(path)
    assert contents.kind == "file"
    assert found(contents) == {str(path): ["sm_86"]}


def test_a_broken_library_does_not_hide_the_others(tmp_path: Path) -> None:
    files = {"a.so": BROKEN, "b.so": AMPERE}
    for contents in (
        read_path(wheel(tmp_path / "x.whl", files)),
        read_path(folder(tmp_path / "folder", files)),
        read_tarball(io.BytesIO(tarball(files)), "docker:app"),
    ):
        assert found(contents) == {"b.so": ["sm_86"]}
        [unread] = contents.unread
        assert unread.path == "a.so"
        assert "a.so is corrupt" in unread.fault


# --- folders


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    place = folder(tmp_path / "folder", {"a.so": AMPERE})
    (place / "link.so").symlink_to("a.so")
    (place / "hard.so").hardlink_to(place / "a.so")
    (place / "up").symlink_to("..")
    assert len(read_path(place).libraries) == 1


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    place = folder(tmp_path / "folder", {"a.so": AMPERE})
    os.mkfifo(place / "pipe.so")
    assert list(found(read_path(place))) == ["a.so"]
    with pytest.raises(UnreadableBinaryError, match="neither a file nor a folder"):
        read_path(place / "pipe.so")


def test_a_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.so")
    place = folder(tmp_path / "folder", {name: AMPERE})
    assert list(found(read_path(place))) == ["caf\\xe9.so"]


@pytest.mark.parametrize("name", ["missing", "nul\0byte"])
def test_a_path_that_leads_nowhere_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableBinaryError, match="cannot be read"):
        read_path(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more"])
def test_a_file_of_another_kind_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableBinaryError):
        read_path(folder(tmp_path, {"it": content}) / "it")


# --- wheels


def test_a_member_whose_bytes_were_damaged_is_not_read(tmp_path: Path) -> None:
    path = wheel(tmp_path / "x.whl", {"a.so": AMPERE}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"shstrtab", b"shstrtax"))
    [unread] = read_path(path).unread
    assert "a.so" in unread.fault


def test_a_wheel_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    path = wheel(tmp_path / "x.whl", FILES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableBinaryError, match="corrupt"):
        read_path(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_may_take_any_amount_of_memory_are_refused(tmp_path: Path, method: int) -> None:
    [unread] = read_path(wheel(tmp_path / "x.whl", {"a.so": AMPERE}, method)).unread
    assert "packed in a way that no wheel is" in unread.fault


def test_without_room_for_unpacking_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    [unread] = read_path(wheel(tmp_path / "x.whl", {"a.so": AMPERE})).unread
    assert "No space left on device" in unread.fault


# --- images


@pytest.mark.parametrize("kept", [100, 600, 2000])
def test_a_stream_that_ends_early_is_an_error(kept: int) -> None:
    with pytest.raises(UnreadableBinaryError, match="cut off"):
        read_tarball(io.BytesIO(tarball({"a.so": AMPERE * 9})[:kept]), "docker:app")
