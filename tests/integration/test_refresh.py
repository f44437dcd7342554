"""tools/refresh_facts.py beside an index on loopback: what it reads and writes, and every way in which it fails."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest

from tools import refresh_facts
from tools.refresh.pip_settings import PipSettings

from .poetries import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HALF = 10
"""Of 20 containers, half: what is in as many counts."""
SASS, PTX = 2, 1


def fatbin(*containers: tuple[tuple[int, int], ...]) -> bytes:
    """Containers of (kind, architecture), as `poetry_gpu_build/binaries/fatbin.py` describes them."""
    made = b""
    for codes in containers:
        body = b"".join(
            struct.pack("<HHIQ12xI8xQ8x", kind, 0x101, 64, 0, sm, 0x11).ljust(64, b"\0") for kind, sm in codes
        )
        made += struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body
    return made


MAXWELL = (SASS, 50), (SASS, 86), (PTX, 86)
TWENTY = fatbin(*[MAXWELL] * HALF, *[((SASS, 50), (SASS, 86), (SASS, 89), (PTX, 86))] * (HALF - 1), ((SASS, 50),))


def torch_wheel(
    folder: Path, *, version: str = "2.7.1", cuda: str | None = "12.6", flags: str = "sm_50 sm_86 compute_86"
) -> Path:
    """A torch wheel with what the tool reads of one."""
    local = "cpu" if cuda is None else f"cu{cuda.replace('.', '')}"
    info = f"torch-{version}.dist-info"
    files = {
        "torch/version.py": (
            f"__version__ = '{version}+{local}'\ncuda: Optional[str] = {cuda!r}\ngit_version = '{'ab' * 20}'\n"
        ),
        f"{info}/METADATA": (
            "Metadata-Version: 2.1\nName: torch\nRequires-Python: >=3.9.0\n"
            'Requires-Dist: nvidia-cudnn-cu12==9.5.1.17; platform_system == "Linux"\n'
        ),
        "torch/lib/libtorch_python.so": f"\x7fELF some text before it{flags}\0",
    }
    path = folder / f"torch-{version}-cp310-cp310-manylinux_2_28_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        if cuda is not None:
            archive.writestr("torch/lib/libtorch_cuda.so", TWENTY)
    return path


class Ran(NamedTuple):
    """What a run left."""

    returncode: int
    stdout: str
    stderr: str


class World(NamedTuple):
    """An index on loopback, and a copy of the shipped facts."""

    simple: Path
    """The index's files; a file `NAME.cut` breaks off the download of NAME."""
    facts: Path
    address: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def publish(self, wheel: Path, *, sha256: str | None = None) -> None:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest() if sha256 is None else sha256
        project = self.simple / "torch"
        project.mkdir(exist_ok=True)
        shutil.copy(wheel, project)
        page = project / "index.html"
        before = page.read_text(encoding="utf-8") if page.exists() else ""
        page.write_text(f'{before}<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n', encoding="utf-8")

    def refresh(self, *arguments: str, index: str | None = None) -> Ran:
        settings = PipSettings(self.address if index is None else index, proxy="")
        self.monkeypatch.setattr(refresh_facts, "pip_settings", lambda: settings)
        status = refresh_facts.main(["--facts", str(self.facts), *arguments])
        said = self.capsys.readouterr()
        return Ran(status, said.out, said.err)

    @property
    def table(self) -> str:
        return self.facts.joinpath("torch_wheels.toml").read_text(encoding="utf-8")


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *arguments: object, root: Path) -> None:
        self.root = root
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.root / self.path.removeprefix("/simple/").strip("/")
        file = path / "index.html" if path.is_dir() else path
        if not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if file.suffix == ".html" else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if file.with_name(f"{file.name}.cut").exists() else body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass


@contextmanager
def serving(root: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, root=root)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    simple = tmp_path / "simple"
    simple.mkdir()
    facts = shutil.copytree(ROOT / "policies" / "facts", tmp_path / "facts")
    with serving(simple) as address:
        yield World(simple, facts, address, monkeypatch, capsys)


def test_a_wheel_that_contradicts_its_row_is_told_loudly_and_nothing_is_written(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path))
    before = world.table
    ran = world.refresh("torch==2.7.1")
    assert ran.returncode == 1, ran.stderr
    # sm_89 is in 9 of 20 containers, sm_86 and its PTX in 19.
    assert "! sass: the row says 5.0 6.0 7.0 7.5 8.0 8.6 9.0, and it is 5.0 8.6" in ran.stdout
    assert "! ptx: the row says nothing, and it is 8.6" in ran.stdout
    assert "  also: sass sm_89 in 9 of 20 containers" in ran.stdout
    assert "CONTRADICTION: the row of torch 2.7.1+cu126 (known by: measured) is wrong" in ran.stdout
    assert world.table == before


def test_the_row_is_rewritten_where_that_is_asked_for_and_then_holds(world: World, tmp_path: Path) -> None:
    wheel = torch_wheel(tmp_path)
    world.publish(wheel)
    before = world.table.splitlines()
    ran = world.refresh("torch==2.7.1", "--write")
    assert ran.returncode == 0, ran.stderr
    after = world.table.splitlines()
    start = next(
        at for at, line in enumerate(before) if line == 'torch = "2.7.1"' and 'variant = "cu126"' in before[at + 1]
    )
    assert after[: start + 4] == before[: start + 4]
    end = before.index("[[wheel]]", start)
    assert after[-len(before) + end :] == before[end:]
    row = after[start : after.index("[[wheel]]", start)]
    assert 'sass = ["5.0", "8.6"]' in row
    assert 'status = "measured"' in row
    assert f'sha256 = "{hashlib.sha256(wheel.read_bytes()).hexdigest()}"' in row
    assert any(line.startswith('note = "newest torch on PyPI proper') for line in row)
    assert world.refresh("torch==2.7.1").returncode == 0


def test_a_release_without_a_row_is_missing_and_gets_one(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path, version="2.99.0", cuda="13.0", flags="sm_50 sm_86 compute_86"))
    world.publish(torch_wheel(tmp_path, version="2.99.1", cuda="13.0", flags="sm_50 sm_86 compute_86"))
    ran = world.refresh("--missing")
    assert ran.stdout == "torch 2.99.1 is on the index and has no row: torch==2.99.1 --write measures it\n"
    assert world.refresh("torch==2.99.1", "--write").returncode == 0
    assert world.refresh("--missing").stdout == ""
    assert 'torch = "2.99.1"\nvariant = "cu130"\ncuda = "13.0"\nplatform = "linux_x86_64"\n' in world.table


def test_the_pythons_of_a_release_are_read_from_the_names_of_its_files(world: World, tmp_path: Path) -> None:
    for tags in (
        "cp39-cp39-manylinux_2_28_x86_64",
        "cp310-cp310-manylinux1_x86_64",
        "cp313-cp313t-manylinux_2_28_x86_64",  # an interpreter of its own
        "cp314-cp314-manylinux_2_28_aarch64",
        "cp314-none-macosx_11_0_arm64",
    ):
        wheel = tmp_path / f"torch-2.7.1-{tags}.whl"
        wheel.touch()
        world.publish(wheel)
    before = world.table
    ran = world.refresh("--pythons")
    assert ran.returncode == 1, ran.stderr
    said = "torch 2.7.1+cu126: wheels for Python 3.9, 3.10; the row says 3.9, 3.10, 3.11, 3.12, 3.13\n"
    assert said in ran.stdout
    assert (
        "torch 2.0.1+cu117: the index has no wheel of this release any more, and the row stays as it is" in ran.stdout
    )
    assert world.table == before
    assert world.refresh("--pythons", "--write").returncode == 0
    row = 'pythons = ["3.9", "3.10", "3.11", "3.12", "3.13"]'
    changed = [(old, new) for old, new in zip(before.splitlines(), world.table.splitlines(), strict=True) if old != new]
    assert changed == [(row, 'pythons = ["3.9", "3.10"]')]
    assert said not in world.refresh("--pythons").stdout


def test_a_kept_download_is_asked_for_once(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path))
    kept = tmp_path / "kept"
    assert world.refresh("torch==2.7.1", "--downloads", str(kept)).returncode == 1
    [file] = kept.iterdir()
    world.simple.joinpath("torch", file.name).unlink()
    assert world.refresh("torch==2.7.1", "--downloads", str(kept)).returncode == 1


def refused(ran: Ran) -> str:
    """What an error said. It is no traceback, and it says what to do."""
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr
    return ran.stderr


def test_a_release_that_the_index_has_not_is_told_with_those_that_it_has(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path))
    said = refused(world.refresh("torch==9.9"))
    assert "torch==9.9: no such release on http://127.0.0.1" in said
    assert "help: choose one of: 2.7.1\n" in said


def test_a_name_that_the_index_has_not_is_told(world: World) -> None:
    assert "answers 404" in refused(world.refresh("torch==2.7.1"))


def test_a_wheel_for_other_machines_only_is_told(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path).rename(tmp_path / "torch-2.7.1-cp310-none-macosx_11_0_arm64.whl"))
    assert "no wheel for Linux on x86-64" in refused(world.refresh("torch==2.7.1"))


def test_no_network_is_told(world: World) -> None:
    said = refused(world.refresh("torch==2.7.1", index="http://127.0.0.1:9/simple/"))
    assert "http://127.0.0.1:9/simple/torch/ cannot be reached" in said


def test_a_secret_in_the_address_of_the_index_is_not_repeated(world: World) -> None:
    said = refused(world.refresh("torch==2.7.1", index="http://user:hunter2@127.0.0.1:9/simple/"))
    assert "hunter2" not in said


@pytest.mark.parametrize("written", ["torch", "torch>=2", "torch==2.*", "torch ==", "torch==2.7.1,!=3"])
def test_what_names_no_single_release_is_told(world: World, written: str) -> None:
    assert "help: write it as torch==2.7.1" in refused(world.refresh(written))


def test_a_download_that_breaks_off_leaves_nothing(world: World, tmp_path: Path) -> None:
    wheel = torch_wheel(tmp_path)
    world.publish(wheel)
    world.simple.joinpath("torch", f"{wheel.name}.cut").touch()
    kept, before = tmp_path / "kept", world.table
    said = refused(world.refresh("torch==2.7.1", "--write", "--downloads", str(kept)))
    size = wheel.stat().st_size
    assert f"broke off after {size // 2:,} of {size:,} bytes" in said
    assert list(kept.iterdir()) == []
    assert world.table == before


def test_a_file_with_another_hash_is_not_read(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path), sha256="00" * 32)
    kept = tmp_path / "kept"
    assert "it is another file" in refused(world.refresh("torch==2.7.1", "--write", "--downloads", str(kept)))
    assert list(kept.iterdir()) == []


def test_a_file_without_a_hash_is_not_fetched(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path), sha256="")
    assert "the index names no sha256" in refused(world.refresh("torch==2.7.1"))


def test_a_folder_that_cannot_hold_the_download_is_told(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path))
    taken = tmp_path / "taken"
    taken.touch()
    assert "cannot hold downloads" in refused(world.refresh("torch==2.7.1", "--downloads", str(taken)))


def test_a_full_disk_is_told(world: World, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full here")
    wheel = torch_wheel(tmp_path)
    world.publish(wheel)
    kept = tmp_path / "kept"
    kept.mkdir()
    kept.joinpath(f"{wheel.name}.part").symlink_to("/dev/full")
    said = refused(world.refresh("torch==2.7.1", "--write", "--downloads", str(kept)))
    assert "cannot be written: No space left on device" in said
    assert "help: name a folder with room for it: --downloads FOLDER" in said
    assert list(kept.iterdir()) == []


def test_a_wheel_without_cuda_is_told(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path, cuda=None))
    assert "torch 2.7.1+cpu without CUDA" in refused(world.refresh("torch==2.7.1", "--write"))


def test_a_wheel_whose_code_is_not_what_its_arch_string_says_is_not_written(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path, flags="sm_50 sm_60"))
    before = world.table
    said = refused(world.refresh("torch==2.7.1", "--write"))
    assert (
        "libtorch_cuda.so holds 5.0, 8.6 with PTX for 8.6, and its arch string says 5.0, 6.0 with PTX for nothing"
        in said
    )
    assert world.table == before


def test_a_corrupt_wheel_is_told(world: World, tmp_path: Path) -> None:
    wheel = torch_wheel(tmp_path)
    wheel.write_bytes(wheel.read_bytes()[:-30])
    world.publish(wheel)
    assert "is corrupt" in refused(world.refresh("torch==2.7.1"))


def test_the_script_asks_the_index_of_the_machines_pip(world: World, tmp_path: Path) -> None:
    world.publish(torch_wheel(tmp_path))
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    environment |= {"PIP_INDEX_URL": world.address, "PIP_CONFIG_FILE": os.devnull}
    program = sys.executable, ROOT / "tools" / "refresh_facts.py", "--facts", world.facts, "torch==2.7.1"
    ran = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "CONTRADICTION" in ran.stdout


def test_nothing_to_do_is_a_usage_error(world: World) -> None:
    with pytest.raises(SystemExit) as caught:
        world.refresh()
    assert caught.value.code == 2
    assert "name a wheel (torch==2.7.1)" in world.capsys.readouterr().err
