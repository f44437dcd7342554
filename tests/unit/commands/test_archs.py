from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from ..binaries.fatbins import LINKED
from ..binaries.fatbins import elf
from ..binaries.fatbins import sass
from ..builders import put_on_path

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Poetry

TORCH = "torch/lib/libtorch_cuda.so"


@pytest.fixture
def library(root: Path) -> Path:
    path = root / "libk.so"
    path.write_bytes(elf((LINKED, sass(50, 86) + sass(50))))
    return path


@pytest.fixture
def wheel(root: Path) -> Path:
    path = root / "torch.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(TORCH, elf((LINKED, sass(50) + sass(50) + sass(50, 120))))
        archive.writestr("torch/lib/broken.so", b"\x7fELF and no more")
    return path


@pytest.mark.usefixtures("library")
def test_the_architectures_are_a_table_with_counts(poetry: Poetry) -> None:
    ran = poetry("gpu-build archs libk.so")
    assert ran.status == 0
    assert "sm_50 in 2 of 2" in ran.words
    assert "sm_86 in 1 of 2" in ran.words


@pytest.mark.usefixtures("library")
def test_the_cards_that_it_runs_on_are_told(poetry: Poetry) -> None:
    lines = dict(line.split(maxsplit=2)[::2] for line in poetry("gpu-build archs libk.so").out.splitlines()[-2:])
    assert lines["runs"] == "5.0 5.2 8.6 8.8 8.9"
    assert "8.7" in lines["not"].split()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("gpu", "status"), [("5.2", 0), ("'GTX 970'", 0), ("8.9", 0), ("12.0", 1), ("'RTX 5090'", 1)])
def test_the_exit_code_is_the_answer(poetry: Poetry, gpu: str, status: int) -> None:
    ran = poetry(f"gpu-build archs libk.so --runs-on {gpu}")
    assert ran.status == status
    assert ("does not run" in ran.out) is bool(status)
    assert "rule: " in ran.out


@pytest.mark.usefixtures("library")
def test_one_card_that_does_not_run_is_enough(poetry: Poetry) -> None:
    assert poetry("gpu-build archs libk.so --runs-on 5.2 --runs-on 12.0").status == 1


@pytest.mark.usefixtures("wheel")
def test_a_wheel_says_by_what_it_was_judged_and_what_was_not_read(poetry: Poetry) -> None:
    ran = poetry("gpu-build archs torch.whl --runs-on 12.0")
    assert ran.status == 1
    assert f"judged by {TORCH}: what is in at least half of its containers" in " ".join(ran.out.split())
    assert "broken.so" in ran.err


@pytest.mark.usefixtures("wheel")
def test_json_is_one_document(poetry: Poetry) -> None:
    ran = poetry("gpu-build archs torch.whl --format json --runs-on 5.2 --runs-on 12.0")
    document = json.loads(ran.out)
    assert document["schema_version"] == 1
    assert document["kind"] == "wheel"
    assert document["libraries"] == [
        {
            "path": TORCH,
            "containers": 3,
            "code": [
                {
                    "name": name,
                    "kind": "sass",
                    "compute_capability": capability,
                    "suffix": "",
                    "entries": count,
                    "containers": count,
                }
                for name, capability, count in (("sm_50", "5.0", 3), ("sm_120", "12.0", 1))
            ],
        }
    ]
    assert document["judged_by"] == [{"path": TORCH, "sass": ["sm_50"], "ptx": []}]
    assert document["compute_capabilities"]["runs"] == ["5.0", "5.2"]
    assert [(answer["target"], answer["runs"]) for answer in document["answers"]] == [("5.2", True), ("12.0", False)]
    assert [unread["path"] for unread in document["unread"]] == ["torch/lib/broken.so"]


def test_a_file_without_gpu_code_says_so(poetry: Poetry, root: Path) -> None:
    root.joinpath("libcpu.so").write_bytes(elf((".text", b"x")))
    assert poetry("gpu-build archs libcpu.so").words == "libcpu.so holds no GPU code"
    assert poetry("gpu-build archs libcpu.so --runs-on 8.6").status == 1


def test_a_name_cannot_speak_to_the_terminal(poetry: Poetry, root: Path) -> None:
    folder = root / "folder"
    folder.mkdir()
    (folder / "a\x1b[2Jb\n.so").write_bytes(elf((LINKED, sass(50))))
    out = poetry("gpu-build archs folder").out
    assert "\x1b" not in out
    assert r"a\x1b[2Jb\n.so" in out


@pytest.mark.parametrize("name", ["a\x1b[2J.so", "\x1b[2J/libtorch_cuda.so"])
def test_nor_can_that_of_a_broken_file(poetry: Poetry, root: Path, name: str) -> None:
    with zipfile.ZipFile(root / "x.whl", "w") as archive:
        archive.writestr(name, b"\x7fELF and no more")
    err = poetry("gpu-build archs x.whl").err
    assert r"\x1b[2J" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("missing.so", "missing.so cannot be read"),
        ("pyproject.toml", "is no ELF file, static library, fatbin or wheel"),
        ("libk.so --format yaml", "--format yaml is unknown"),
        ("libk.so --runs-on 5.2,8.6", '--runs-on "5.2" --runs-on "8.6"'),
        ("libk.so --runs-on 'GTX 9'", "no card of the table"),
        ("docker:", "names no image"),
    ],
)
@pytest.mark.usefixtures("library")
def test_what_cannot_be_asked_is_a_usage_error(poetry: Poetry, line: str, words: str) -> None:
    ran = poetry(f"gpu-build archs {line}")
    assert ran.status == 2
    assert words in ran.words
    assert ran.out == ""


def test_an_error_is_a_document_too(poetry: Poetry) -> None:
    assert json.loads(poetry("gpu-build archs missing.so --format json").out)["error"]["exit_code"] == 2


def test_an_image_is_read_through_the_engine(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = elf((LINKED, sass(52)))
    with tarfile.open(tmp_path / "files.tar", "w") as archive:
        member = tarfile.TarInfo(f"opt/{TORCH}")
        member.size = len(code)
        archive.addfile(member, io.BytesIO(code))
    put_on_path(
        monkeypatch,
        tmp_path / "bin",
        f'case "$1" in create) echo c0ffee ;; export) exec cat {tmp_path}/files.tar ;; esac',
    )
    ran = poetry("gpu-build archs docker:app:source --runs-on 5.2")
    assert ran.status == 0, ran.err
    assert f"opt/{TORCH}" in ran.out


def test_an_engine_that_does_not_answer_is_told(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "exit 1")
    assert poetry("gpu-build archs docker:app").status == 4


def test_the_help_shows_what_can_be_read(poetry: Poetry) -> None:
    said = poetry("gpu-build archs --help").words
    assert "docker:app:binary" in said
    assert "libtorch_cuda.so" in said
