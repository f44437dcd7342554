"""What this project decides for a machine: its own nvidia-smi reading, the shipped policy, examples/minimal."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

import poetry_gpu_build
from benchmarks.routes.machine import fields_asked
from benchmarks.routes.truth import numbers
from poetry_gpu_build import resources
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.gpu.detect import ask_machine
from poetry_gpu_build.gpu.detect import load_cards_once
from poetry_gpu_build.gpu.nvidia_smi import NvidiaSmiDetector
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
# The steps of a way out, by the name under which it is counted: "pin torch 2.7.1 from PyPI (cu126)", "pin torch
# 2.14.1+cu126 from https://…", 'with floor = "wheel"', 'set modes.binary.base-image = "…"', "--from-source on CUDA
# 12.8", "--binary", "--from-source", "install driver 570.26 or newer", "install driver branch 580".
_PIN = re.compile(r"pin torch (?P<torch>\S+) from (?P<index>\S+)")
_FLOOR = re.compile(r'with (?P<floor>floor = "wheel")')
_IMAGE = re.compile(r"set (?P<key>modes\.binary\.base-image) = (?P<image>\"[^\"]+\")")
_TOOLKIT = re.compile(r"--from-source on CUDA (?P<cuda>[\d.]+)")
_FLAG = re.compile(r"--(?P<flag>binary|from-source)(?=[:,]|$)")
_DRIVER = re.compile(r"install driver (?:branch (?P<branch>\d+)|(?P<oldest>[\d.]+) or newer)")
_STEPS = {"pin": _PIN, "image": _IMAGE, "toolkit": _TOOLKIT, "flag": _FLAG, "driver": _DRIVER}
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

    def follow(self, way: str, machine: FakeMachine, drivers: Sequence[str]) -> tuple[str, FakeMachine, Decided] | None:
        """Do what a way out says, as it is written, and ask again; None for a way that cannot be followed here.

        ``drivers`` are those that drive the card, oldest first. Returns the names of its steps as well.
        """
        said = {name: match for name, step in _STEPS.items() if (match := step.search(way.partition(": ")[0]))}
        if not said:
            return None
        inputs = self._edited(way.partition(": ")[0]) if {"pin", "image", "toolkit"} & {*said} else self._inputs
        flag = "from-source" if "toolkit" in said else said["flag"]["flag"] if "flag" in said else None
        if "driver" in said:
            branch, oldest = said["driver"].group("branch", "oldest")
            fitting = [
                driver
                for driver in drivers
                if (numbers(driver)[0] == int(branch) if branch else numbers(driver) >= numbers(oldest))
            ]
            machine = machine._replace(driver=fitting[-1 if branch else 0])
        flags = Flags(binary=flag == "binary", from_source=flag == "from-source")
        return " + ".join(said), machine, self._decide(machine, inputs, flags)

    def _read(self, pyproject: TomlDocument) -> Inputs:
        policy = load_policy(FACTS.parent, pyproject)
        project = read_project(pyproject, policy.python)
        facts = load_compatibility(FACTS)
        return Inputs(project, policy, facts, poetry_gpu_build.__version__)

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
        """The inputs of the same project as the way would have it written."""
        if way not in self._others:
            copy = self._folder / f"project-{len(self._others)}"
            shutil.copytree(PROJECT, copy)
            manifest = copy / "pyproject.toml"
            text = manifest.read_text(encoding="utf-8")
            settings = []
            if pin := _PIN.search(way):
                source = "" if pin["index"] == "PyPI" else ', source = "pytorch-cu128"'
                text = _PINNED.sub(f'torch = {{ version = "{pin["torch"]}"{source} }}', text)
                text = _SOURCE.sub(f'url = "{pin["index"]}"', text) if source else text
            if floor := _FLOOR.search(way):
                settings.append(floor["floor"])
            if image := _IMAGE.search(way):
                settings.append(f"{image['key']} = {image['image']}")
            if toolkit := _TOOLKIT.search(way):
                settings.append(f'modes.source.base-image = "nvidia/cuda:{toolkit["cuda"]}.0-devel-ubuntu22.04"')
            text += "\n".join(["\n[tool.gpu-build]", *settings, ""])
            manifest.write_text(text, encoding="utf-8")
            self._others[way] = self._read(read_toml(manifest))
        return self._others[way]


def _decided(plan: Plan, inputs: Inputs) -> Decided:
    if plan.mode == "binary":
        return Decided(wheel=plan.torch, base_image=plan.base_image)
    compiled = tuple((code.major, code.minor) for code in plan.arch_list)
    return Decided(compiled=compiled, base_image=plan.base_image, cuda=str(inputs.policy.source.cuda))
