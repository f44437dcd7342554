from __future__ import annotations

import io
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import GpuBuildError
from poetry_gpu_build.errors import UnreadableBinaryError

from .world import LIBRARY
from .world import World
from .world import record_of
from .world import torch_files
from .world import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INFO = "torch-2.4.1.dist-info"


def refused(world: World, wheel: Path, match: str) -> GpuBuildError:
    """The error; nothing was unpacked, and nothing was left."""
    before = world.snapshot()
    with pytest.raises(GpuBuildError, match=match) as error:
        world.apply(wheel)
    assert world.snapshot() == before
    assert isinstance(error.value, ConfigurationError | UnreadableBinaryError)
    return error.value


def rewritten(wheel: Path, change: Callable[[zipfile.ZipFile], None]) -> Path:
    with zipfile.ZipFile(wheel, "a") as archive:
        change(archive)
    return wheel


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "/tmp/evil.py",
        "torch/../../evil.py",
        "torch\\..\\..\\evil.py",
        "torch-2.4.1.data/purelib/../../../evil.py",
        "torch-2.4.1.data/scripts/../../evil",
    ],
)
def test_a_wheel_that_would_write_elsewhere_is_refused(world: World, name: str) -> None:
    refused(world, write_wheel(world.dist, files=torch_files() | {name: b"x"}), "write outside its folder")


def test_a_wheel_with_a_link_is_refused(world: World) -> None:
    files = torch_files() | {"torch/link": b"/etc/passwd"}
    wheel = write_wheel(world.dist, files=torch_files(), record=record_of(files, INFO))

    def add(archive: zipfile.ZipFile) -> None:
        link = zipfile.ZipInfo("torch/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    refused(world, rewritten(wheel, add), "such as a link")


def test_a_file_that_is_not_what_record_says_is_refused(world: World) -> None:
    record = record_of(torch_files(), INFO)
    changed = torch_files() | {"torch/__init__.py": torch_files()["torch/__init__.py"].replace(b"2.4.1", b"2.4.7")}
    refused(
        world, write_wheel(world.dist, files=changed, record=record), "torch/__init__.py is not what its RECORD says"
    )


def test_a_file_that_record_does_not_name_is_refused(world: World) -> None:
    record = record_of(torch_files(), INFO)
    files = torch_files() | {"sitecustomize.py": b"evil"}
    refused(world, write_wheel(world.dist, files=files, record=record), "sitecustomize.py is not mentioned in RECORD")


def test_a_file_that_only_record_names_is_refused(world: World) -> None:
    record = record_of(torch_files() | {"torch/lost.py": b""}, INFO)
    refused(world, write_wheel(world.dist, files=torch_files(), record=record), "torch/lost.py is in its RECORD")


@pytest.mark.parametrize("algorithm", ["sha512", "md5"])
def test_a_record_with_another_hash_counts_as_well(world: World, algorithm: str) -> None:
    import base64
    import hashlib

    files = torch_files()
    content = files["torch/__init__.py"]
    other = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
    lines = record_of(files, INFO).decode().splitlines()
    own = f"torch/__init__.py,{algorithm}={other},{len(content)}"
    named = [own if line.startswith("torch/__init__") else line for line in lines]
    right, wrong = "\n".join(named).encode(), "\n".join(named).replace(other, other[::-1]).encode()
    refused(world, write_wheel(world.root / "wrong", files=files, record=wrong), "corrupt")
    world.apply(write_wheel(world.dist, files=files, record=right))
    assert world.prefix.joinpath("torch", "__init__.py").read_bytes() == content


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_wheel_that_is_cut_off_is_refused(world: World, kept: float) -> None:
    wheel = write_wheel(world.dist)
    content = wheel.read_bytes()
    wheel.write_bytes(content[: int(len(content) * kept)])
    refused(world, wheel, "corrupt")


def test_a_wheel_with_a_broken_byte_is_refused(world: World) -> None:
    wheel = write_wheel(world.dist)
    content = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at = archive.getinfo(LIBRARY).header_offset + 30 + len(LIBRARY) + 5
    content[at] ^= 0xFF
    wheel.write_bytes(content)
    refused(world, wheel, "corrupt")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a wheel at all" * 100])
def test_what_is_no_zip_file_is_refused(world: World, content: bytes) -> None:
    world.dist.mkdir()
    wheel = world.dist / "torch-2.4.1-py3-none-any.whl"
    wheel.write_bytes(content)
    refused(world, wheel, "corrupt")


def test_two_dist_infos_are_refused(world: World) -> None:
    files = torch_files() | {"other-1.0.dist-info/METADATA": b"Name: other\nVersion: 1.0\n"}
    refused(world, write_wheel(world.dist, files=files), "must hold one dist-info folder")


@pytest.mark.parametrize("missing", ["METADATA", "WHEEL"])
def test_a_wheel_without_metadata_is_refused(world: World, missing: str) -> None:
    files = {name: content for name, content in torch_files().items() if not name.endswith(f"/{missing}")}
    refused(world, write_wheel(world.dist, files=files), f"has no {missing}")


def test_a_wheel_that_calls_itself_otherwise_inside_is_refused(world: World) -> None:
    files = torch_files() | {f"{INFO}/METADATA": b"Name: torch\nVersion: 2.7.1\n"}
    refused(world, write_wheel(world.dist, files=files), r"says inside that it is torch 2\.7\.1")


def test_a_wheel_that_would_unpack_to_far_too_much_is_refused(world: World) -> None:
    wheel = write_wheel(world.dist, files=torch_files() | {"torch/bomb": bytes(2**28 + 1)})
    refused(world, wheel, "no wheel does")


def test_the_same_file_twice_is_refused(world: World) -> None:
    wheel = write_wheel(world.dist)
    with pytest.warns(UserWarning, match="Duplicate"):
        rewritten(wheel, lambda archive: archive.writestr("torch/__init__.py", b"evil"))
    refused(world, wheel, "corrupt")


def test_a_file_and_a_folder_of_one_name_are_refused(world: World) -> None:
    files = torch_files() | {"torch/nn": b"a file"}
    refused(world, write_wheel(world.dist, files=files), "corrupt|cannot be changed")


def test_a_script_that_would_stand_for_another_is_refused(world: World) -> None:
    files = torch_files() | {"torch-2.4.1.data/data/torch/__init__.py": b"evil"}
    refused(world, write_wheel(world.dist, files=files), "corrupt")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("torchvision-2.4.1-py3-none-any.whl", "a wheel of torchvision"),
        ("torch.whl", "not the name of a wheel"),
        ("torch-2.4.1.tar.gz", "not the name of a wheel"),
    ],
)
def test_another_file_is_refused_by_its_name(world: World, name: str, match: str) -> None:
    wheel = write_wheel(world.dist)
    refused(world, wheel.rename(wheel.with_name(name)), match)


def test_a_wheel_that_is_not_there_is_refused(world: World) -> None:
    refused(world, world.root / "torch-2.4.1-py3-none-any.whl", "No such file")


def test_what_the_wheel_brings_to_uninstall_itself_is_left_out(world: World) -> None:
    files = torch_files() | {f"{INFO}/direct_url.json": b"{}", f"{INFO}/INSTALLER": b"pip\n"}
    world.apply(write_wheel(world.dist, files=files))
    names = {path.name for path in world.prefix.joinpath(INFO).iterdir()}
    assert names.isdisjoint({"RECORD", "direct_url.json"})
    assert world.prefix.joinpath(INFO, "INSTALLER").read_text() == "poetry gpu-build swap\n"
