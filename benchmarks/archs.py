"""How long it takes to tell the architectures inside a library of about 1 GB, beside NVIDIA's cuobjdump.

    python benchmarks/archs.py --cuobjdump /usr/local/cuda/bin/cuobjdump --library libtorch_cuda.so
    python benchmarks/archs.py --cuobjdump … --fatbin k.fatbin

Either library does: a real one, or one that is made here for the occasion, by repeating the containers of a fatbin of
nvcc's in an ELF file of 1 GB. Both programs read the same file in turns, from the page cache, and must count the same.
Printed are the medians and their ratio; the budget is a ratio of 50. Ours is measured twice: the reading alone, and a
fresh Python that imports the reader, reads and counts, which is what `cuobjdump`, a process too, is compared with.
"""

from __future__ import annotations

import argparse
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from poetry_gpu_build.binaries.read import read_path

BYTES = 10**9
READ = """
import sys
from pathlib import Path
from poetry_gpu_build.binaries.read import read_path
read_path(Path(sys.argv[1]))
"""
_NAMES = b"\0.nv_fatbin\0.shstrtab\0"
_LISTED = re.compile(r"\.(sm_\d+)\w?\.(?:cubin|ptx)$", re.MULTILINE)


def made_library(path: Path, fatbin: bytes) -> Path:
    """An ELF file of 1 GB whose `.nv_fatbin` is the fatbin, over and over; its payloads are real bytes on the disk."""
    fatbin = fatbin.ljust(len(fatbin) + -len(fatbin) % 8, b"\0")
    times = BYTES // len(fatbin)
    code, names = 64, 64 + times * len(fatbin)
    table = names + len(_NAMES) + -(names + len(_NAMES)) % 8
    with path.open("wb") as file:
        file.write(b"\x7fELF\2\1\1".ljust(16, b"\0"))
        file.write(struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2))
        for _ in range(times):
            file.write(fatbin)
        file.write(_NAMES.ljust(table - names, b"\0"))
        for name, kind, offset, size in (
            (0, 0, 0, 0),
            (1, 1, code, times * len(fatbin)),
            (12, 3, names, len(_NAMES)),
        ):
            file.write(struct.pack("<IIQQQQIIQQ", name, kind, 2 if kind == 1 else 0, 0, offset, size, 0, 0, 8, 0))
    return path


def counted_by_us(library: Path) -> Counter[str]:
    """How often each architecture is there, SASS and PTX together, without suffixes, as cuobjdump 11.8 tells it."""
    counts: Counter[str] = Counter()
    for each in read_path(library).libraries:
        for code, entries, _ in each.held:
            if code.kind in ("sass", "ptx"):
                counts[code.architecture.capability.sm] += entries
    return counts


def counted_by_cuobjdump(program: Path, library: Path) -> Counter[str]:
    """The same by `--list-elf` and `--list-ptx`, in one run."""
    return Counter(_LISTED.findall(run(program, "--list-elf", library) + run(program, "--list-ptx", library)))


def run(*command: str | Path) -> str:
    """What a program prints; cuobjdump fails where it finds no PTX."""
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def seconds(*command: str | Path) -> float:
    """How long a program takes."""
    start = time.perf_counter()
    run(*command)
    return time.perf_counter() - start


def reading_s(library: Path) -> float:
    """How long our reading takes, in this process."""
    start = time.perf_counter()
    read_path(library)
    return time.perf_counter() - start


def main() -> int:
    """Measure and print; 1 where the counts differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuobjdump", type=Path, required=True, help="NVIDIA's program, the peer")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--library", type=Path, help="a real library")
    source.add_argument("--fatbin", type=Path, help="what to make a library of")
    parser.add_argument("--runs", type=int, default=5, help="rounds (default: 5)")
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        library = given.library or made_library(Path(folder, "library.so"), given.fatbin.read_bytes())
        ours, theirs = counted_by_us(library), counted_by_cuobjdump(given.cuobjdump, library)
        total = sum(ours.values())
        print(f"{library.name}: {library.stat().st_size / 1e6:.0f} MB, {total} pieces of code")
        if ours != theirs:
            print(f"the counts differ: {ours} by us, {theirs} by cuobjdump")
            return 1
        rows = [
            (
                reading_s(library),
                seconds(sys.executable, "-c", READ, library),
                seconds(given.cuobjdump, "--list-elf", library),
            )
            for _ in range(given.runs)
        ]
    reading, process, peer = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"median of {given.runs}: cuobjdump --list-elf {peer:.2f} s")
    print(f"    reading alone {reading * 1000:.1f} ms, ratio {peer / reading:.0f}")
    print(f"    a fresh Python {process * 1000:.0f} ms, ratio {peer / process:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
