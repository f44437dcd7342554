"""What docs/gpus.md says: for each compute capability of the table of cards, what is decided and what is known.

Nothing is decided here: the program's own functions are asked, with the shipped policy and facts.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from typing import NamedTuple

from packaging.version import Version

from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.coverage.drivers import driver_answers
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.coverage.drivers import some_branch_drives
from poetry_gpu_build.coverage.toolkits import toolkits_compiling
from poetry_gpu_build.coverage.wheels import wheels_covering
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.facts.evidence import STATUSES
from poetry_gpu_build.facts.evidence import weakest
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.facts.load import load_gpus
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.question import Question
from poetry_gpu_build.selection.select import select_mode
from poetry_gpu_build.torch_pin import PYPI
from poetry_gpu_build.torch_pin import PinnedTorch
from poetry_gpu_build.torch_pin import TorchPin
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import GpuFact
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion

_HEADER = """\
# From the card to the image

<!-- Written by `make docs` from policies/. -->

What the shipped policy decides for a project without settings that pins torch {pin}, for each compute capability
in the table of cards, and what the facts know beside it. `poetry gpu-build --dry-run --gpu CARD` decides for your own
project, and gives every reason ([how the mode is chosen](choosing-the-mode.md)).

| GPU | such as | decided | newest wheel on PyPI | newest wheel anywhere | driver | last branch | CUDA toolkits |
|---|---|---|---|---|---|---|---|
"""
_LEGEND = """
- **decided**: the mode. *refused*: no mode serves the card, exit 3; [what to do instead](#where-the-defaults-refuse).
- **newest wheel**: of the official wheels for Linux on x86-64, the newest release that holds machine code for it. PyPI
  has one variant of each release; *anywhere* looks at PyTorch's own indexes (download.pytorch.org) too.
- **driver**: the oldest that drives the card and runs what was decided; where that is refused, the newest wheel. PTX
  and the base image may ask for a newer one.
- **last branch**: the last driver branch for the card; -: the newest branch that is known still drives it.
- **CUDA toolkits**: whose nvcc makes machine code that runs on it, from the first to the last that is known.
- Jetson and DRIVE boards are refused: they are aarch64, the wheels and the base images here x86_64. So are Grace
  machines (GH200, GB200, GB300) and GB10, whose capabilities cards for x86_64 have too: the rules for their GPUs are
  the same, the wheels and the base images are others.

## How it is known

What decides is shown with its status in brackets, unless it was measured; of several facts, the weakest counts. Each
row of `policies/facts/` has its source.

"""
_REFUSED = """
## Where the defaults refuse

What `poetry gpu-build --gpu` says there, with exit code 3.
"""
_MEANINGS = {
    "measured": "read from the artefact itself, by `tools/refresh_facts.py` or by hand",
    "documented": "said by NVIDIA or PyTorch of their own product",
    "script": "read from the script that builds the artefact",
    "secondary": "taken from somebody's table of these",
    "user reports": "what people saw",
    "conflict": "the sources contradict each other",
}
_NONE = "-"


class _Decided(NamedTuple):
    """What the program answers for one capability."""

    cell: str
    cuda: CudaVersion | None
    """Of what would be built; None where that is refused."""
    refusal: NoModeServesError | None = None


def gpus_page(policies: Path) -> str:
    """The page as the policy and the facts in ``policies`` say it should be."""
    facts, policy = load_compatibility(policies / "facts"), load_policy(policies)
    cards = sorted(load_gpus(policies / "facts"), key=lambda card: card.capability)
    by_capability = {target: list(found) for target, found in groupby(cards, key=lambda card: card.capability)}
    decided = {target: _decided(target, policy, facts, policies) for target in by_capability}
    rows = (_row(target, found, decided[target], policy, facts) for target, found in by_capability.items())
    statuses = (f"- *{status}*: {_MEANINGS[status]}.\n" for status in STATUSES)
    return "".join(
        [
            _HEADER.format(pin=policy.binary.torch),
            *rows,
            _LEGEND,
            *statuses,
            _REFUSED,
            *_refusals(decided),
        ]
    )


def _row(
    target: ComputeCapability, cards: Sequence[GpuFact], decided: _Decided, policy: Policy, facts: CompatibilityFacts
) -> str:
    covering = wheels_covering([target], facts)
    newest = _newest(covering)
    cuda = decided.cuda or (newest.cuda if newest else None)
    cells = (
        f"**{target}**",
        ", ".join(_examples(cards)),
        decided.cell,
        _wheel(_newest(wheel for wheel in covering if wheel.index == PYPI), policy),
        _wheel(newest, policy),
        _NONE if cuda is None else _first_driver(target, cuda, facts),
        _last_branch(target, facts),
        _toolkits(target, facts),
    )
    return f"| {' | '.join(cells)} |\n"


def _decided(target: ComputeCapability, policy: Policy, facts: CompatibilityFacts, policies: Path) -> _Decided:
    """What `--gpu` answers in a project that pins what the policy names."""
    pin = TorchPin(str(policy.binary.torch), policy.torch_group, None, None, Position(policies / "modes.toml"))
    gpu = Gpu(capability=target, reported_by="--gpu")
    pinned = PinnedTorch(policy.binary.torch, pin, "the policy")
    question = Question(Flags(), (gpu,), policy, pinned, facts)
    try:
        selection = select_mode(question)
    except NoModeServesError as error:
        return _Decided("*refused*", None, error)
    doubts = dict.fromkeys(reason.status for reason in selection.reasons if reason.step == "facts" and reason.status)
    cuda = question.wheel.cuda if selection.mode == "binary" and question.wheel else policy.mode(selection.mode).cuda
    return _Decided(_with_doubt(f"**{selection.mode}**", ", ".join(doubts)), cuda)


def _examples(cards: Sequence[GpuFact]) -> list[str]:
    """Two that many people own, and one of another line; none whose chip the sources dispute."""
    names = [card.name.partition(" (")[0] for card in cards if card.check != "conflict" and "OEM" not in card.name]
    common = [name for name in names if name.startswith("GeForce")]
    others = [name for name in names if not name.startswith("GeForce")]
    return [*common[:2], *others[: 3 - len(common[:2])]]


def _newest(wheels: Iterable[WheelFact]) -> WheelFact | None:
    """The newest release; of its variants, the best known."""
    return max(wheels, key=lambda wheel: (Version(wheel.torch.version), -wheel.evidence.rank, wheel.cuda), default=None)


def _wheel(wheel: WheelFact | None, policy: Policy) -> str:
    if wheel is None:
        return _NONE
    python = "" if wheel.installs_on(policy.python) else f", Python {wheel.requires_python}"
    return _with_doubt(f"{wheel.torch}{python}", wheel.evidence.doubt)


def _first_driver(target: ComputeCapability, cuda: CudaVersion, facts: CompatibilityFacts) -> str:
    """The oldest driver against which nothing is known, of those that some row names."""
    named = {toolkit.driver_minimum: str(toolkit.driver_minimum) for toolkit in facts.toolkits}
    named |= {DriverVersion.parse(f"{floor.branch}.0"): f"{floor.branch}" for floor in facts.driver_floors}
    for driver in sorted(named):
        answer = all_of(driver_answers(driver, target, cuda, facts))
        if answer.runs:
            return _with_doubt(named[driver], answer.doubt)
    return _NONE


def _last_branch(target: ComputeCapability, facts: CompatibilityFacts) -> str:
    last = last_branch_for(target, facts)
    if last is not None:
        return _with_doubt(str(last.branch), last.evidence.doubt)
    return _NONE if some_branch_drives(target, facts) else "not known"


def _toolkits(target: ComputeCapability, facts: CompatibilityFacts) -> str:
    """As ranges: one that skips a toolkit of the table is two."""
    compiling = toolkits_compiling([target], facts)
    runs = groupby(sorted(facts.toolkits, key=lambda toolkit: toolkit.cuda), key=compiling.__contains__)
    ranges = [[str(toolkit.cuda) for toolkit in found] for compiles, found in runs if compiles]
    text = ", ".join(f"{found[0]} to {found[-1]}" if len(found) > 1 else found[0] for found in ranges)
    evidence = weakest(toolkit.row for toolkit in compiling)
    return _with_doubt(text, evidence.doubt) if evidence is not None else _NONE


def _refusals(decided: dict[ComputeCapability, _Decided]) -> Iterator[str]:
    """The refusals, with the capabilities to which the same is said."""
    for target, each in decided.items():
        if each.refusal is not None:
            yield f"\n**{target}**\n\n```text\nerror: {each.refusal}\n```\n"


def _with_doubt(text: str, doubt: str | None) -> str:
    return f"{text} ({doubt})" if doubt else text
