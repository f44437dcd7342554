"""`poetry gpu-build swap` in an interpreter that is laid out like an image's, against a really installed pip."""

from __future__ import annotations

import base64
import hashlib
import shutil
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .images import Image
from .images import digest
from .images import make_image
from .index import make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .poetries import InstalledPoetry

BUILT = "2.4.1"
MANIFEST = """\
[project]
name = "app"
version = "1"

[tool.gpu-build.modes.source]
prefix = "{prefix}"
"""


@pytest.fixture(scope="module")
def prefix() -> Iterator[Path]:
    """A prefix below the real /opt, which nobody else uses."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="gpu-build-tests-", dir="/opt"))
    except OSError as error:
        pytest.skip(f"/opt cannot be written here: {error.strerror}")
    yield folder / "torch"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(plain_poetry: InstalledPoetry, wheel: Path, prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    files = {"pyproject.toml": MANIFEST.format(prefix=prefix)}
    return make_image(plain_poetry, tmp_path_factory.mktemp("image") / "image", wheel, files)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a compile for 5.2 left."""
    made = make_wheel(tmp_path_factory.mktemp("dist"), "torch", BUILT)
    entry = struct.pack("<HHIQ12xI8xQ", 2, 0x101, 64, 8, 52, 0x11).ljust(64, b"\0") + bytes(8)
    code = struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entry)) + entry
    with zipfile.ZipFile(made) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    record = f"torch-{BUILT}.dist-info/RECORD"
    content["torch/lib/libtorch_cuda.so"] = code
    del content[record]
    lines = [f"{name},sha256={_hash(data)},{len(data)}" for name, data in content.items()]
    content[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return made


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def swapped(image: Image, built: Path) -> Iterator[Image]:
    """With the torch in force; everything is as it was afterwards."""
    applied = swap(image, f"--apply {built}")
    assert applied.status == 0, applied.said
    yield image
    shutil.rmtree(image.packages / "torch", ignore_errors=True)
    for left in image.packages.glob("torch-*.dist-info"):
        shutil.rmtree(left)
    undone = swap(image, "--undo")
    assert undone.status == 0, undone.said


class Ran:
    def __init__(self, status: int, said: str) -> None:
        self.status = status
        self.said = " ".join(said.split())


def swap(image: Image, line: str) -> Ran:
    done = image.run(f"gpu-build swap {line} --site-dir {image.packages}")
    return Ran(done.returncode, done.stdout + done.stderr)


def pip(image: Image, line: str) -> Ran:
    run = subprocess.run(
        [image.poetry.python, "-m", "pip", *line.split(), "--no-input", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1"},
    )
    return Ran(run.returncode, run.stdout + run.stderr)


def test_the_wheel_of_the_compile_is_put_in_force_and_proven_without_a_network(swapped: Image, prefix: Path) -> None:
    checked = swap(swapped, "--check")
    assert checked.status == 0, checked.said
    assert "✓ its machine code runs on 5.2" in checked.said
    assert swapped.python("-I", "-c", "import torch; print(torch.__file__)").strip() == f"{prefix}/torch/__init__.py"


def test_undo_restores_the_interpreter_byte_for_byte(image: Image, built: Path, prefix: Path) -> None:
    swap(image, "--check")  # what Poetry compiles on its first run is no matter of the swap
    before = _settled(image)
    assert swap(image, f"--apply {built}").status == 0
    assert _settled(image) != before
    assert swap(image, "--undo").status == 0
    assert _settled(image) == before
    assert not prefix.exists()


def _settled(image: Image) -> dict[str, bytes]:
    """Everything in site-packages and among the scripts, without what a run of Python compiles."""
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for folder in (image.packages, image.root / "bin")
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("line", ["uninstall --yes torch", "install --force-reinstall --no-deps {other}"])
def test_pip_refuses_and_leaves_it_alone(swapped: Image, prefix: Path, tmp_path: Path, line: str) -> None:
    other = make_wheel(tmp_path, "torch", "2.7.1")
    before = digest(prefix)
    ran = pip(swapped, line.format(other=other))
    assert ran.status != 0
    assert "RECORD" in ran.said
    assert digest(prefix) == before
    assert swap(swapped, "--check").status == 0


def test_the_requirement_that_it_satisfies_is_satisfied_for_pip(swapped: Image, prefix: Path) -> None:
    before = digest(prefix)
    ran = pip(swapped, f"install torch=={BUILT}")
    assert (ran.status, "already satisfied" in ran.said) == (0, True)
    assert digest(prefix) == before


def test_what_was_usual_before_lets_pip_empty_it(image: Image, built: Path, tmp_path: Path) -> None:
    # findings, section 2: a tree with its RECORD and a .pth file is uninstalled like anything else.
    target = tmp_path / "torch"
    installed = pip(image, f"install --no-deps --target {target} {built}")
    assert installed.status == 0, installed.said
    pth = image.packages / "gpu-build-opt.pth"
    pth.write_text(f"{target}\n")
    try:
        assert pip(image, "uninstall --yes torch").status == 0
        assert not target.joinpath("torch", "__init__.py").exists()
    finally:
        pth.unlink()


def test_a_torch_that_another_tool_put_into_site_packages_is_moved_aside(swapped: Image, tmp_path: Path) -> None:
    other = make_wheel(tmp_path, "torch", "2.7.1")
    assert pip(swapped, f"install --no-deps --ignore-installed {other}").status == 0
    assert swap(swapped, "--check").status == 6
    refused = swap(swapped, "--apply")
    assert (refused.status, "torch 2.7.1" in refused.said) == (2, True)
    moved = swap(swapped, "--apply --remove-shadow")
    assert moved.status == 0, moved.said
