"""Asks a fresh interpreter for its torch: the script that it runs, and its answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion
from packaging.version import Version

from poetry_gpu_build.errors import ProofFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

#: For ``python -I -c PROBE`` and ``python -c PROBE``; with ``--cuda`` behind it a number is put on the GPU, too.
PROBE = Path(__file__).with_name("probe_script.py").read_text(encoding="utf-8")
CUDA_OPTION = "--cuda"

_MARK = "gpu-build-probe "
# A cold torch of some gigabytes from a slow disk takes a minute.
_TIMEOUT_SECONDS = 600
_LONGEST_SHOWN = 300
#: What would let another torch in, or keep this one out, by the environment alone.
_LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE")


class FoundTorch(NamedTuple):
    """One distribution called torch."""

    version: str
    location: str
    """The folder that holds its dist-info, links followed."""


class Unmet(NamedTuple):
    """A requirement of torch that is not satisfied."""

    requirement: str
    found: str | None
    """The version that is installed; None: none is."""


class Probe(NamedTuple):
    """What one interpreter answered. Paths have their links followed."""

    python: str
    isolated: bool
    site: tuple[str, ...]
    """The interpreter's own site-packages folders."""
    torches: tuple[FoundTorch, ...]
    """Every distribution called torch; the first is the one that counts."""
    unmet: tuple[Unmet, ...]
    """Of the first one's requirements."""
    origin: str | None
    """Where torch would be imported from; None: nowhere."""
    imported: bool | None
    """Whether `import torch` worked; None: the interpreter died of it."""
    error: str
    """What the import raised, in a line."""
    file: str | None
    """``torch.__file__``."""
    version: str | None
    """``torch.__version__``."""
    library: str | None
    """torch's libtorch_cuda.so; None: it has none."""
    cuda: bool | None = None
    """Whether a number could be put on the GPU; None: not asked."""
    device: str = ""
    """The GPU's name; what was raised, where that failed."""


def run_probe(python: str | Path, *, isolated: bool, cuda: bool = False) -> Probe:
    """Ask this interpreter, with nothing in the environment that helps it. Raises ProofFailedError without an answer.

    It runs in the current folder, as the program will: without ``isolated``, a `torch` folder there comes first.
    """
    import subprocess

    command = [str(python), *(["-I"] if isolated else []), "-c", PROBE, *([CUDA_OPTION] if cuda else [])]
    environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    try:
        answer = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProofFailedError(f"{python} did not import torch within {_TIMEOUT_SECONDS} seconds") from error
    except OSError as error:
        raise ProofFailedError(f"{python} cannot be run: {error.strerror or error}") from error
    return parse_probe(answer.stdout.decode("utf-8", "replace"), answer.stderr.decode("utf-8", "replace"))


def parse_probe(stdout: str, stderr: str = "") -> Probe:
    """Read the last answer in what the script printed.

    Raises ProofFailedError where there is none; ``stderr`` is quoted then.
    """
    lines = [line.removeprefix(_MARK) for line in stdout.splitlines() if line.startswith(_MARK)]
    if not lines:
        said = (stderr or stdout).strip().splitlines()
        last = f": {said[-1][:_LONGEST_SHOWN]}" if said else ""
        raise ProofFailedError(f"the interpreter did not tell about its torch{last}")
    try:
        return _probe(json.loads(lines[-1]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProofFailedError("the interpreter's answer about its torch is not one") from error


def _probe(facts: dict[str, Any]) -> Probe:
    torches = facts["torches"]
    requires = torches[0]["requires"] if torches else []
    imported = facts["imported"]
    return Probe(
        python=str(facts["python"]),
        isolated=bool(facts["isolated"]),
        site=tuple(map(str, facts["site"])),
        torches=tuple(FoundTorch(str(torch["version"]), str(torch["location"])) for torch in torches),
        unmet=tuple(_unmet(map(str, requires), facts["installed"], facts["environment"])),
        origin=_text(facts["origin"]),
        imported=None if imported is None else bool(imported),
        error=str(facts.get("error", "")),
        file=_text(facts.get("file")),
        version=_text(facts.get("version")),
        library=_text(facts.get("library")),
        cuda=None if facts.get("cuda") is None else bool(facts["cuda"]),
        device=str(facts.get("device", "")),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _unmet(requires: Iterator[str], installed: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Unmet]:
    """Which requirements the installed versions do not satisfy; an extra of torch is none that was asked for."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield Unmet(text, None)
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({**environment, "extra": ""}):
            continue
        found = installed.get(canonicalize_name(requirement.name))
        if found is None or not _satisfies(found, requirement):
            yield Unmet(str(requirement), found)


def _satisfies(version: str, requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False
