"""What this project decides for a machine: its own nvidia-smi reading, the shipped policy, examples/minimal."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

import poetry_gpu_build
from benchmarks.routes.machine import fields_asked
from poetry_gpu_build import resources
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.gpu.detect import ask_machine
from poetry_gpu_build.gpu.detect import load_cards_once
from poetry_gpu_build.gpu.nvidia_smi import NvidiaSmiDetector
from poetry_gpu_build.machine import this_machine
from poetry_gpu_build.plan import Inputs
from poetry_gpu_build.plan import Request
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import read_project
from poetry_gpu_build.selection.flags import Flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.routes.machine import FakeMachine
    from benchmarks.routes.truth import Capability
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.plan import Plan

NAME = "gpu-build"
FACTS = resources.policies_dir() / "facts"
PROJECT = Path(__file__).resolve().parent.parent.parent / "examples" / "minimal"
# The ways out that can be followed here: "pin torch 2.7.1 from PyPI (cu126)", "pin torch 2.14.1+cu126 from https://…",
# 'set modes.binary.base-image = "…"', "--binary: …", "--from-source: …", "install a newer driver", "install driver
# branch 580".
_PIN = re.compile(r"pin torch (?P<torch>\S+) from (?P<index>\S+)")
_IMAGE = re.compile(r"set modes\.(?P<mode>\w+)\.base-image = (?P<image>\"[^\"]+\")")
_FLAG = re.compile(r"--(?P<flag>binary|from-source): ")
_DRIVER = re.compile(r"install (?:a newer driver|driver branch (?P<branch>\d+))")
_PINNED = re.compile(r"^torch = .*$", re.MULTILINE)
_SOURCE = re.compile(r"^url = .*$", re.MULTILINE)


class Decided(NamedTuple):
    """One answer of ours; exactly one of the first three is given."""

    wheel: str | None = None
    """``2.7.1+cu128``: the binary mode."""
    compiled: tuple[Capability, ...] = ()
    """What the source mode compiles for."""
    ways_out: tuple[str, ...] | None = None
    """The refusal."""
    base_image: str = ""
    cuda: str = ""
    """The toolkit that compiles."""


class Ours:
    """The plan's inputs, read once; everything after them is done anew for every machine."""

    def __init__(self, folder: Path) -> None:
        self._inputs = self._read(read_toml(PROJECT / "pyproject.toml"))
        self._load_cards = load_cards_once(FACTS)
        self._folder = folder
        self.asked: frozenset[str] = frozenset()
        self._others: dict[str, Inputs] = {}

    @property
    def python(self) -> str:
        """The version of the image's Python."""
        return self._inputs.policy.python

    def route(self, machine: FakeMachine) -> Decided:
        """What would be built on this machine."""
        return self._decide(machine, self._inputs, Flags())

    def follow(self, way: str, machine: FakeMachine, drivers: Sequence[str]) -> tuple[FakeMachine, Decided] | None:
        """Do what a way out says, as it is written, and ask again; None for a way that cannot be followed here.

        ``drivers`` are those that drive the card, oldest first.
        """
        if _PIN.match(way) or _IMAGE.match(way):
            return machine, self._decide(machine, self._edited(way), Flags())
        if match := _FLAG.match(way):
            flags = Flags(binary=match["flag"] == "binary", from_source=match["flag"] == "from-source")
            return machine, self._decide(machine, self._inputs, flags)
        if match := _DRIVER.match(way):
            fitting = [driver for driver in drivers if match["branch"] in (None, driver.partition(".")[0])]
            updated = machine._replace(driver=fitting[-1])
            return updated, self._decide(updated, self._inputs, Flags())
        return None

    def _read(self, pyproject: TomlDocument) -> Inputs:
        policy = load_policy(FACTS.parent, pyproject)
        project = read_project(pyproject, policy.python)
        facts = load_compatibility(FACTS)
        return Inputs(project, policy, facts, this_machine(), poetry_gpu_build.__version__)

    def _decide(self, machine: FakeMachine, inputs: Inputs, flags: Flags) -> Decided:
        asked = self._folder / f"asked-by-{NAME}"
        asked.unlink(missing_ok=True)
        detector = NvidiaSmiDetector(self._load_cards, machine.environment(self._folder, asked))
        gpus = ask_machine([detector]).gpus
        self.asked |= fields_asked(asked)
        assert len(gpus) == 1, f"of {machine}, {gpus} was read"
        try:
            return _decided(make_plan(inputs, Request(flags, gpus)), inputs)
        except NoModeServesError as refusal:
            return Decided(ways_out=refusal.ways_out)

    def _edited(self, way: str) -> Inputs:
        """The inputs of the same project with another torch in the group, another base image, or both."""
        pin, image = _PIN.search(way), _IMAGE.search(way)
        edit = f"{pin and pin[0]} {image and image[0]}"
        if edit not in self._others:
            copy = self._folder / f"project-{len(self._others)}"
            shutil.copytree(PROJECT, copy)
            manifest = copy / "pyproject.toml"
            text = manifest.read_text(encoding="utf-8")
            if pin is not None:
                source = "" if pin["index"] == "PyPI" else ', source = "pytorch-cu128"'
                text = _PINNED.sub(f'torch = {{ version = "{pin["torch"]}"{source} }}', text)
                text = _SOURCE.sub(f'url = "{pin["index"]}"', text) if source else text
            if image is not None:
                text += f"\n[tool.gpu-build.modes.{image['mode']}]\nbase-image = {image['image']}\n"
            manifest.write_text(text, encoding="utf-8")
            self._others[edit] = self._read(read_toml(manifest))
        return self._others[edit]


def _decided(plan: Plan, inputs: Inputs) -> Decided:
    if plan.mode == "binary":
        return Decided(wheel=plan.torch, base_image=plan.base_image)
    compiled = tuple((code.major, code.minor) for code in plan.arch_list)
    return Decided(compiled=compiled, base_image=plan.base_image, cuda=str(inputs.policy.source.cuda))
