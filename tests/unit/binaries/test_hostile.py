"""Files that were made to break a reader: each gives an answer or an error, in little time and memory."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest

from poetry_gpu_build.binaries.library import read_library
from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.errors import UnreadableBinaryError

from .fatbins import LINKED
from .fatbins import PTX
from .fatbins import SASS
from .fatbins import bsd_archive
from .fatbins import container
from .fatbins import elf
from .fatbins import entry
from .fatbins import gnu_archive
from .fatbins import sass
from .fatbins import span

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 2**20
SECONDS = 20
MOST_MEGABYTES = 200

FATBIN = container(entry(SASS, 52), entry(PTX, 90, payload=bytes(16))) + sass(61, 70)
SEEDS = {
    "fatbin": FATBIN,
    "elf": elf((".text", b"code"), (LINKED, FATBIN), (".data", b"x")),
    "elf of 32 bit": elf((LINKED, FATBIN), bits=32),
    "elf of many sections": elf((LINKED, FATBIN), far=True),
    "gnu archive": gnu_archive(("a.o", elf((LINKED, FATBIN))), ("a_name_of_more_than_sixteen.o", b"x")),
    "bsd archive": bsd_archive(("a.o", elf((LINKED, FATBIN))), ("b.o", b"x")),
}
# What a field is set to: its ends, signs and neighbours.
NUMBERS = (0, 1, 7, 8, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1)


def mutated(data: bytes, chance: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(max(len(broken), 1))
        match chance.randrange(4):
            case 0:
                broken[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                size = chance.choice((2, 4, 8))
                number = chance.choice(NUMBERS) % 2 ** (8 * size)
                broken[at : at + size] = number.to_bytes(size, "little")
            case 2:
                del broken[at:]
            case _:
                broken[at:at] = broken[chance.randrange(len(broken) + 1) :][: chance.randrange(64)]
    return bytes(broken)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_library_gives_an_answer_or_an_error(seed: str) -> None:
    chance = random.Random(f"libraries: {seed}")
    outcomes: set[object] = set()
    for _ in range(3000):
        try:
            outcomes.add(len(read_library(span(mutated(SEEDS[seed], chance))).held) > 0)
        except UnreadableBinaryError as error:
            outcomes.add(error.message[:2])
    # The damage is neither always fatal nor never, and each error names the file.
    assert {True, "it"} <= outcomes <= {True, False, "it"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_library_cut_off_anywhere_gives_an_answer_or_an_error(seed: str) -> None:
    data = SEEDS[seed]
    for size in range(len(data)):
        try:
            read_library(span(data[:size]))
        except UnreadableBinaryError:
            continue


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_wheel_gives_an_answer_or_an_error(tmp_path: Path, method: int) -> None:
    path = tmp_path / "it.whl"
    data = zipped({"a.so": SEEDS["elf"], "b.py": b"import this", "c.a": SEEDS["gnu archive"]}, method)
    chance = random.Random(f"wheels: {method}")
    outcomes: set[object] = set()
    for _ in range(500):
        path.write_bytes(mutated(data, chance))
        try:
            outcomes.add(len(read_path(path).unread))
        except UnreadableBinaryError:
            outcomes.add("error")
    assert "error" in outcomes
    assert len(outcomes) > 2


# --- what is large, in a process of its own


class Measured(NamedTuple):
    """How reading a file ended, and what it took."""

    error: str | None
    unread: list[str]
    megabytes: float


READ = r"""
import json, re, sys
from pathlib import Path
from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.errors import UnreadableBinaryError
error, unread = None, []
try:
    unread = [each.fault for each in read_path(Path(sys.argv[1])).unread]
except UnreadableBinaryError as raised:
    error = raised.message
# Not getrusage(): its peak begins with that of the process that started this one.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps([error, unread, int(peak[1]) / 1024]))
"""


def measured(path: Path) -> Measured:
    done = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    found = Measured(*json.loads(done.stdout))
    assert found.megabytes < MOST_MEGABYTES
    return found


def sparse_elf(path: Path, section: bytes, size: int) -> Path:
    """An ELF file whose code section begins with these bytes and has this size, most of it a hole."""
    small = elf((LINKED, section))
    with path.open("wb") as file:
        file.write(small)
        file.truncate(len(small) + size)
        # The second header of the table: the size of the code section.
        table = struct.unpack_from("<Q", small, 40)[0]
        file.seek(table + 64 + 32)
        file.write(struct.pack("<Q", size))
    return path


def test_a_gigabyte_of_zeros_is_no_code(tmp_path: Path) -> None:
    path = sparse_elf(tmp_path / "it.so", bytes(8), 1024 * MEGABYTE)
    assert "there is no fatbin" in (measured(path).error or "")


def test_nothing_but_empty_containers(tmp_path: Path) -> None:
    path = tmp_path / "it.fatbin"
    path.write_bytes(container() * (2 * MEGABYTE))
    assert "headers" in (measured(path).error or "")


def test_one_container_of_nothing_but_headers(tmp_path: Path) -> None:
    path = tmp_path / "it.fatbin"
    path.write_bytes(container(entry(SASS, 52, payload=b"", header=48) * (2 * MEGABYTE)))
    assert "headers" in (measured(path).error or "")


def test_kinds_and_architectures_that_all_differ(tmp_path: Path) -> None:
    path = tmp_path / "it.fatbin"
    entries = (entry(number % 65536, 10 + number % 990, payload=b"", header=48) for number in range(900_000))
    path.write_bytes(container(*entries))
    assert measured(path).error is None


def test_headers_far_apart_are_not_kept_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "it.fatbin"
    with path.open("wb") as file:
        piece = entry(SASS, 52, payload=bytes(64 * 1024 - 64))
        file.write(struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 8000 * len(piece)))
        for _ in range(8000):
            file.write(piece)
    assert measured(path).error is None


def test_a_section_table_of_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "it.so"
    small = bytearray(elf((LINKED, sass(52)), far=True))
    table = struct.unpack_from("<Q", small, 40)[0]
    struct.pack_into("<Q", small, table + 32, 2**24)
    with path.open("wb") as file:
        file.write(small)
        file.truncate(table + 64 * 2**24)
    assert "headers" in (measured(path).error or "")


def test_sections_that_all_hold_the_same_code(tmp_path: Path) -> None:
    code = sass(*[52] * 1000)
    small = elf(*[(LINKED, b"")] * 60000, (LINKED, code))
    data = bytearray(small)
    table = struct.unpack_from("<Q", small, 40)[0]
    row = small[table + 64 * 60001 : table + 64 * 60002]
    for number in range(1, 60001):
        data[table + 64 * number : table + 64 * (number + 1)] = row
    path = tmp_path / "it.so"
    path.write_bytes(data)
    assert "headers" in (measured(path).error or "")


def test_an_archive_of_nothing_but_members(tmp_path: Path) -> None:
    path = tmp_path / "it.a"
    member = gnu_archive(("a.o", b""))[-60:]
    path.write_bytes(b"!<arch>\n" + member * (2 * MEGABYTE))
    assert "headers" in (measured(path).error or "")


def test_a_wheel_that_unpacks_to_much_more(tmp_path: Path) -> None:
    path = tmp_path / "it.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.so", "w") as member:
        member.write(b"\x7fELF")
        for _ in range(256):
            member.write(bytes(MEGABYTE))
    [fault] = measured(path).unread
    assert "which no library does" in fault


def test_a_wheel_whose_members_are_all_one(tmp_path: Path) -> None:
    data = zipped({"a.so": elf((LINKED, sass(52)), (".text", random.Random(1).randbytes(MEGABYTE)))})
    at = data.rindex(b"PK\1\2")
    end = data.rindex(b"PK\5\6")
    listed = data[at:end] * 20000
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 20000, 20000, len(listed), at, 0)
    path = tmp_path / "it.whl"
    path.write_bytes(data[:at] + listed + tail)
    assert "overlap" in (measured(path).error or "").lower()


def test_a_wheel_that_is_nothing_but_a_list(tmp_path: Path) -> None:
    row = struct.pack("<4s6H3I5H2I", b"PK\1\2", *[0] * 9, 8, *[0] * 6) + b"a" * 8
    size = len(row) * 2**20
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFE, 0xFFFE, size, 4, 0)
    path = tmp_path / "it.whl"
    path.write_bytes(b"PK\3\4" + row * 2**20 + tail)
    assert "list of files" in (measured(path).error or "")
