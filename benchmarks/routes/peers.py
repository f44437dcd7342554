"""What the installers that choose a torch by the machine choose: the real programs, asked for `torch` and no more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.routes.machine import fields_asked

if TYPE_CHECKING:
    from benchmarks.routes.index import StandIn
    from benchmarks.routes.machine import FakeMachine

UV = "uv"
LTT = "ltt"
PACKAGES = {UV: "uv", LTT: "light-the-torch"}
# uv reads these before it asks nvidia-smi.
_OF_A_REAL_DRIVER = (Path("/sys/module/nvidia/version"), Path("/proc/driver/nvidia/version"))
_CHOSEN = re.compile(r"\btorch(?:==|-)(\d[\w.]*\+?\w*)")
# Settings of this machine that would lead an installer elsewhere than to the stand-in, or forbid it.
_FOREIGN = re.compile(r"(UV|PIP|LTT|PYTHON|SSL_CERT|REQUESTS_CA|CURL_CA)_?|\w+_proxy$", re.IGNORECASE)
# "No" is an answer; an index that was not reached is none.
_NO = re.compile(r"No solution found|No matching distribution")
_UNREACHED = re.compile(r"Could not fetch|Failed to fetch|error sending request|Retrying")
_TIMEOUT_S = 120


class Peer:
    """One installer, in a virtual environment of its own; remembers what it answered to the same answers."""

    def __init__(self, name: str, scripts: Path, index: StandIn, python: str, folder: Path) -> None:
        self.name = name
        self.scripts = scripts
        self.index = index
        self.python = python
        self.folder = folder
        self.runs = 0
        self.is_told = name == UV and any(path.exists() for path in _OF_A_REAL_DRIVER)
        """Whether this machine's own driver would be seen first, so that the peer's own override must tell it."""
        self.asked: frozenset[str] = frozenset({"driver_version"} if self.is_told else ())
        self._known: dict[frozenset[tuple[str, str]], str | None] = {}

    @property
    def version(self) -> str:
        """What it says that it is."""
        said = subprocess.run([self.scripts / self.name, "--version"], check=True, capture_output=True, text=True)
        return " ".join(said.stdout.split()[:2])

    def route(self, machine: FakeMachine) -> str | None:
        """The torch that it would install on this machine (``2.14.1+cu132``); None: it would not.

        A machine that answers everything that it ever asks as another one did is that machine, for all that it knows.
        """
        key = self._key(machine)
        if key not in self._known:
            chosen = self._run(machine)
            self._known = self._known if self._key(machine) == key else {}
            self._known[self._key(machine)] = chosen
        return self._known[self._key(machine)]

    def _key(self, machine: FakeMachine) -> frozenset[tuple[str, str]]:
        return frozenset((field, said) for field, said in machine.answers.items() if field in self.asked)

    def _run(self, machine: FakeMachine) -> str | None:
        asked = self.folder / f"asked-by-{self.name}"
        asked.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
        environment = {**kept, **machine.environment(self.folder, asked), **self.index.environment}
        if self.is_told:
            environment["UV_CUDA_DRIVER_VERSION"] = machine.driver
        ran = subprocess.run(
            [self.scripts / self.name, *self._command()],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=_TIMEOUT_S,
            env={**environment, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"},
        )
        self.runs += 1
        self.asked |= fields_asked(asked)
        said = f"{ran.stdout}{ran.stderr}"
        match = _CHOSEN.search(said.rpartition("Would install")[2])
        if _UNREACHED.search(said) or not (_NO.search(said) if match is None else ran.returncode == 0):
            sys.exit(f"{self.name} gave no answer:\n{said}")
        return None if match is None else match[1]

    def _command(self) -> list[str | Path]:
        if self.name == UV:
            python = self.scripts / "python"
            options = ["--torch-backend=auto", "--no-cache", "--python-version", self.python]
            return ["pip", "install", "--dry-run", "--python", python, *options, "torch"]
        options = ["--no-cache-dir", "--only-binary", ":all:", "--python-version", self.python]
        return ["install", "--dry-run", "--target", self.folder / "target", *options, "torch"]


def installed(names: list[str], folder: Path) -> Path:
    """Make a virtual environment with these peers from the machine's own package index; returns its scripts."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    scripts = folder / "bin"
    packages = [PACKAGES[name] for name in names]
    quiet = ["--quiet", "--quiet", "--disable-pip-version-check"]
    subprocess.run([scripts / "python", "-m", "pip", "install", *quiet, *packages], check=True)
    return scripts
