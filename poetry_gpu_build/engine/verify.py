"""Proves a built image: its labels against its plan, and its torch by what fresh interpreters in it answer.

The image runs without a network. It runs on this machine's GPUs only if they are among those that it was made for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.engine.container import NOT_STARTED
from poetry_gpu_build.engine.container import run_python
from poetry_gpu_build.engine.export import exported_file
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.errors import ProofFailedError
from poetry_gpu_build.errors import UnreadableBinaryError
from poetry_gpu_build.plan import LABEL_PREFIX
from poetry_gpu_build.plan import REVISION_LABEL
from poetry_gpu_build.swap.probe import CUDA_OPTION
from poetry_gpu_build.swap.probe import PROBE
from poetry_gpu_build.swap.probe import parse_probe
from poetry_gpu_build.swap.proof import Expectation
from poetry_gpu_build.swap.proof import ProofLine
from poetry_gpu_build.swap.proof import judge
from poetry_gpu_build.swap.proof import proved
from poetry_gpu_build.torch_pin import allows
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.binaries.judgement import Judged
    from poetry_gpu_build.engine.image import BuiltImage
    from poetry_gpu_build.engine.preflight import Answer
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.swap.probe import Probe

    RunPython = Callable[..., Answer]

# Each label of a plan, as a reader calls it. The policy that an image follows comes with the plugin's version.
_LABELS = {
    f"{LABEL_PREFIX}.mode": "mode",
    f"{LABEL_PREFIX}.torch": "torch",
    f"{LABEL_PREFIX}.targets": "targets",
    f"{LABEL_PREFIX}.version": "policy version",
    REVISION_LABEL: "revision",
}
_DIRTY = "-dirty"
_ON_THE_GPU = "it computes on the GPU"
_LONGEST_SHOWN = 300


class Verification(NamedTuple):
    """What was seen of one image."""

    image: BuiltImage
    lines: tuple[ProofLine, ...]

    @property
    def is_proven(self) -> bool:
        """Whether nothing speaks against it."""
        return proved(self.lines)


def verify_image(
    image: BuiltImage,
    plan: Plan,
    machine: Sequence[Gpu],
    facts: CompatibilityFacts,
    run: RunPython = run_python,
    read: Callable[[str, str], Judged] | None = None,
) -> Verification:
    """Compare the labels, ask the image's interpreter, judge; ``machine`` is what GPUs this machine has."""
    lines = [*compare_labels(plan.labels, image.labels)]
    reason = _why_no_gpu(plan, machine)
    try:
        isolated, refused = _ask_with_gpu(image, run) if reason is None else (_ask(image, run, isolated=True), None)
        plain = _ask(image, run, isolated=False)
    except ProofFailedError as error:
        help_ = error.ways_out[0] if error.ways_out else ""
        return Verification(
            image, (*lines, ProofLine("its interpreter tells about torch", error.message, False, help_))
        )
    held, unread = _read_library(image, isolated.library or plain.library, read or _reader(facts))
    targets = plan.targets or plan.arch_list
    lines += judge(isolated, plain, held, Expectation(_meant(plan, isolated), plan.prefix, targets), facts)
    lines += [ProofLine("libtorch_cuda.so can be read", unread, False)] if unread else []
    if reason is not None or refused is not None:
        lines.append(ProofLine(_ON_THE_GPU, f"not tried: {reason or refused}", None))
    return Verification(image, tuple(lines))


def compare_labels(planned: Mapping[str, str], found: Mapping[str, str]) -> Iterator[ProofLine]:
    """A line for each label of a plan: the same in the image, another, or none."""
    for label, called in _LABELS.items():
        claim = f"label {called}"
        wanted, seen = planned.get(label), found.get(label)
        if wanted == seen:
            yield _same(claim, label, seen)
        elif seen is None:
            yield ProofLine(claim, f"none; the plan says {_shown(wanted)}", False, "build it with poetry gpu-build")
        elif wanted is None:
            yield ProofLine(claim, f"{_shown(seen)}; this project is under no git here", None)
        else:
            yield ProofLine(claim, f"{_shown(seen)}; the plan says {_shown(wanted)}", False, _HELP.get(called, _AGAIN))


_AGAIN = "build it again: poetry gpu-build"
_HELP = {"targets": "if it is for other cards, name them: --gpu 8.6; else build it again: poetry gpu-build"}


def _same(claim: str, label: str, seen: str | None) -> ProofLine:
    if seen is None:
        return ProofLine(claim, "none; this project is under no git", None)
    if label == REVISION_LABEL and seen.endswith(_DIRTY):
        return ProofLine(claim, f"{_shown(seen)}: made with changes that no commit tells", None)
    return ProofLine(claim, _shown(seen), True)


def _shown(value: str | None) -> str:
    return (value or "")[:_LONGEST_SHOWN] or "nothing"


def _why_no_gpu(plan: Plan, machine: Sequence[Gpu]) -> str | None:
    """Why the image is not tried on this machine's GPUs; None where it is."""
    if not machine:
        return "this machine has no GPU"
    targets = plan.targets or plan.arch_list
    strange = sorted({gpu.capability for gpu in machine} - set(targets))
    if targets and strange:
        listed, meant = ", ".join(map(str, strange)), ", ".join(map(str, targets))
        return f"this machine's GPU is {listed}, and the image is for {meant}"
    return None


def _ask_with_gpu(image: BuiltImage, run: RunPython) -> tuple[Probe, str | None]:
    """Ask with the machine's GPUs; without them, and why, where docker cannot hand them over."""
    answer = run(image.id or image.name, ["-I", "-c", PROBE, CUDA_OPTION], gpus=True)
    if answer.status in NOT_STARTED:
        return _ask(image, run, isolated=True), f"docker hands no GPU to a container: {_last_line(answer)}"
    return _parsed(answer), None


def _ask(image: BuiltImage, run: RunPython, *, isolated: bool) -> Probe:
    return _parsed(run(image.id or image.name, [*(["-I"] if isolated else []), "-c", PROBE]))


def _parsed(answer: Answer) -> Probe:
    if answer.status is None:
        raise ProofFailedError("its interpreter gave no answer in time")
    if answer.status in NOT_STARTED:
        raise ProofFailedError(
            f"its interpreter cannot be started: {_last_line(answer)}",
            ways_out=("the image needs a python on PATH: see docker/Dockerfile",),
        )
    return parse_probe(answer.output, answer.errors)


def _last_line(answer: Answer) -> str:
    lines = [line.strip() for line in answer.errors.splitlines() if line.strip() and "--help" not in line]
    return lines[-1][:_LONGEST_SHOWN] if lines else "docker gave no reason"


def _meant(plan: Plan, probe: Probe) -> TorchBuild:
    """The torch that the plan means; where it leaves a choice, the one that the image chose of it."""
    found = probe.torches[0].version if probe.torches else None
    try:
        if plan.torch_range is not None and found is not None and allows(plan.torch_range, found):
            return TorchBuild.parse(found)
        return TorchBuild.parse(plan.torch)
    except InvalidValueError:
        return TorchBuild(plan.torch)


def _read_library(
    image: BuiltImage, library: str | None, read: Callable[[str, str], Judged]
) -> tuple[Judged | None, str | None]:
    """What libtorch_cuda.so holds, or why it cannot be read; neither, where there is none."""
    if library is None:
        return None, None
    try:
        return read(image.id or image.name, library), None
    except UnreadableBinaryError as error:
        return None, error.message


def _reader(facts: CompatibilityFacts) -> Callable[[str, str], Judged]:
    """What tells the architectures in a library of an image; it raises UnreadableBinaryError."""
    from poetry_gpu_build.binaries.judgement import judge as judge_contents
    from poetry_gpu_build.binaries.tarball import read_tarball

    def read(image: str, path: str) -> Judged:
        with exported_file(image, path) as stream:
            deciding = judge_contents(read_tarball(stream, path), (), facts).deciding
        if not deciding:
            raise UnreadableBinaryError(f"{path} holds no GPU code")
        return deciding[0]

    return read
