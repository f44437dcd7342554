"""Judges what fresh interpreters answered: whether the torch that they import is the one that was meant. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import NamedTuple

from packaging.version import InvalidVersion
from packaging.version import Version

from poetry_gpu_build.coverage.code import code_covers

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.judgement import Judged
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.swap.probe import Probe
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import TorchBuild


class Expectation(NamedTuple):
    """The torch that was meant."""

    torch: TorchBuild
    prefix: str | None
    """Where it must lie; None, the binary mode: in site-packages."""
    targets: tuple[ComputeCapability, ...]
    """What its machine code must run on; empty: nothing is known of the GPUs."""


class ProofLine(NamedTuple):
    """One claim, and what was seen."""

    claim: str
    seen: str
    ok: bool | None
    """None: it could not be told."""
    help: str = ""
    """What to do where it is not so."""


class _Answer(NamedTuple):
    """What one interpreter shows for one claim."""

    seen: str
    ok: bool
    help: str = ""


def proved(lines: Iterable[ProofLine]) -> bool:
    """Whether nothing speaks against it."""
    return all(line.ok is not False for line in lines)


def judge(
    isolated: Probe, plain: Probe, held: Judged | None, expectation: Expectation, facts: CompatibilityFacts
) -> tuple[ProofLine, ...]:
    """Judge the answers of ``python -I`` and of ``python`` alone, both without PYTHONPATH.

    ``held``: what is in libtorch_cuda.so, as binaries.judgement judges it; None: nobody has read it.
    """
    return (
        _both("importing torch works", isolated, plain, _imports),
        _both(f"torch comes from {expectation.prefix or 'site-packages'}", isolated, plain, _place(expectation)),
        _both("there is one distribution of torch", isolated, plain, _only_one(expectation)),
        _both(f"its version is {expectation.torch}", isolated, plain, _version(expectation)),
        _both("its requirements are satisfied", isolated, plain, _requirements),
        *_architectures(isolated, held, expectation, facts),
        *_on_the_gpu(isolated),
    )


def _both(claim: str, isolated: Probe, plain: Probe, look: Callable[[Probe], _Answer]) -> ProofLine:
    """Both interpreters must show it; what only one shows is said of that one."""
    first, second = look(isolated), look(plain)
    seen = first.seen if first.seen == second.seen else f"{first.seen} (python -I); {second.seen} (python)"
    return ProofLine(claim, seen, first.ok and second.ok, first.help or second.help)


def _imports(probe: Probe) -> _Answer:
    if probe.imported:
        return _Answer(f"torch {probe.version or 'without a version'}", True)
    if probe.imported is None:
        see = f"see how: {probe.python} -X faulthandler -c 'import torch'"
        return _Answer("the interpreter died of it", False, see)
    return _Answer(probe.error or "it failed", False, f"see the whole error: {probe.python} -c 'import torch'")


def _place(expectation: Expectation) -> Callable[[Probe], _Answer]:
    def look(probe: Probe) -> _Answer:
        file = probe.file if probe.imported else probe.origin
        if file is None:
            return _Answer("there is no torch", False, _BRING[expectation.prefix is None])
        right = _below(file, (expectation.prefix,) if expectation.prefix else probe.site)
        help_ = "" if right else _shadow_help(file, probe, expectation)
        return _Answer(file, right, help_)

    return look


_BRING = {
    True: "install the group that holds torch: poetry install",
    False: "put it there: poetry gpu-build swap --apply WHEEL",
}


def _shadow_help(file: str, probe: Probe, expectation: Expectation) -> str:
    if expectation.prefix is None:
        return "this is the binary mode: undo the swap: poetry gpu-build swap --undo"
    if _below(file, probe.site):
        return "move the torch in site-packages aside: poetry gpu-build swap --apply --remove-shadow"
    return f"remove or rename {file}: it stands before {expectation.prefix} on the path"


def _only_one(expectation: Expectation) -> Callable[[Probe], _Answer]:
    def look(probe: Probe) -> _Answer:
        seen = ", ".join(f"{torch.version} in {torch.location}" for torch in probe.torches) or "there is none"
        allowed = (expectation.prefix,) if expectation.prefix else probe.site
        strays = [torch.location for torch in probe.torches if not _below(torch.location, allowed)]
        if len(probe.torches) == 1 and not strays:
            return _Answer(seen, True)
        if not probe.torches:
            return _Answer(seen, False, _BRING[expectation.prefix is None])
        if strays:
            return _Answer(seen, False, f"remove the one in {', '.join(dict.fromkeys(strays))}")
        return _Answer(seen, False, f"leave one in {probe.torches[0].location}")

    return look


def _version(expectation: Expectation) -> Callable[[Probe], _Answer]:
    def look(probe: Probe) -> _Answer:
        told = [probe.torches[0].version] if probe.torches else []
        if probe.imported and probe.version is not None:
            told.append(probe.version)
        wrong = [version for version in told if not is_build(version, expectation)]
        seen = " and ".join(dict.fromkeys(told)) or "there is none"
        if told and not wrong:
            return _Answer(seen, True)
        return _Answer(seen, False, version_help(expectation))

    return look


def is_build(version: str, expectation: Expectation) -> bool:
    """Whether a version is the build that was meant.

    The compiled torch must say exactly what the policy says. Of wheels, those of PyPI have no label for their CUDA:
    there the release decides.
    """
    try:
        found, meant = Version(version), Version(str(expectation.torch))
    except InvalidVersion:
        return False
    if expectation.prefix is not None:
        return found == meant
    labels = {None, meant.local} if meant.local else {None, found.local}
    return found.public == meant.public and found.local in labels


def version_help(expectation: Expectation) -> str:
    """What to do about another version."""
    if expectation.prefix is None:
        return f"lock and install torch {expectation.torch}: poetry lock && poetry install"
    return f"compile it with PYTORCH_BUILD_VERSION={expectation.torch} and PYTORCH_BUILD_NUMBER=1 in the environment"


def _requirements(probe: Probe) -> _Answer:
    if not probe.torches:
        return _Answer("there is no torch", False)
    if not probe.unmet:
        return _Answer("all of them", True)
    seen = ", ".join(f"{unmet.requirement} ({unmet.found or 'not installed'})" for unmet in probe.unmet)
    names = " ".join(f"'{unmet.requirement}'" for unmet in probe.unmet)
    return _Answer(seen, False, f"add them to a group that this mode installs: poetry add {names}")


def _architectures(
    probe: Probe, held: Judged | None, expectation: Expectation, facts: CompatibilityFacts
) -> Iterator[ProofLine]:
    claim = f"its machine code runs on {', '.join(map(str, expectation.targets)) or 'the targets'}"
    if probe.imported and probe.library is None:
        yield ProofLine(claim, "there is no libtorch_cuda.so", False, "compile torch with CUDA: USE_CUDA=1")
        return
    if held is None:
        yield ProofLine(claim, "libtorch_cuda.so was not read", None)
        return
    if not expectation.targets:
        codes = ", ".join([*(code.sm for code in held.sass), *(f"{code.sm} as PTX" for code in held.ptx)])
        yield ProofLine(claim, f"no target is named; it holds {codes or 'no GPU code'}", None if codes else False)
        return
    for target in expectation.targets:
        coverage = code_covers(held.sass, held.ptx, target, facts.sass_rules)
        compiled = f"compile it for {target} too: TORCH_CUDA_ARCH_LIST"
        published = f"choose another wheel, or compile torch: poetry gpu-build --from-source --gpu {target}"
        help_ = published if expectation.prefix is None else compiled
        yield ProofLine(
            f"its machine code runs on {target}", coverage.because, coverage.runs, "" if coverage.runs else help_
        )


def _on_the_gpu(probe: Probe) -> Iterator[ProofLine]:
    if probe.cuda is not None:
        help_ = "" if probe.cuda else "compare the card, the driver and the architectures: poetry gpu-build archs PATH"
        yield ProofLine("it computes on the GPU", probe.device, probe.cuda, help_)


def _below(path: str, folders: Iterable[str | None]) -> bool:
    return any(folder is not None and PurePosixPath(path).is_relative_to(folder) for folder in folders)
