"""What the checks share: each question that several of them need an answer to is asked once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.docker_info import ask_info
from poetry_gpu_build.doctor.project_seen import look_around
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.engine.preflight import check_engine
from poetry_gpu_build.errors import EngineUnavailableError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.facts.load import load_packages
from poetry_gpu_build.gpu.detect import find_gpus
from poetry_gpu_build.selection.decision import mode_by_policy
from poetry_gpu_build.selection.flags import FLAG
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.flags import requested_mode
from poetry_gpu_build.selection.question import Question
from poetry_gpu_build.torch_pin import PinnedTorch
from poetry_gpu_build.torch_pin import TorchPin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.docker_info import DockerInfo
    from poetry_gpu_build.doctor.project_seen import Around
    from poetry_gpu_build.doctor.project_seen import ProjectSeen
    from poetry_gpu_build.engine.preflight import Ask
    from poetry_gpu_build.engine.preflight import Engine
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.detect import GpuReport
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.machine import Machine
    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.policy import Policy


class World(NamedTuple):
    """Where the checks look: a test puts its own in place of each."""

    start: Path
    """Where the project is looked for."""
    environment: Mapping[str, str]
    root: Path
    """Of the file system."""
    policies: Path
    machine: Machine
    hostname: str
    ask: Ask
    """Runs a short docker command, within a limit."""


class Wish(NamedTuple):
    """What the options say about the image that is meant."""

    gpus: tuple[str, ...] = ()
    from_source: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that was asked."""

    world: World
    wish: Wish
    here: GpuReport
    """The machine's own GPUs."""
    named: GpuReport | None
    """Those that --gpu or the project's settings name; None: the machine's count."""
    project: ProjectSeen
    policy: Policy
    question: Question | None
    """What the choice of the mode depends on; None: the project pins no torch that is known."""
    mode: Mode
    because: str
    """Why it is this mode."""
    facts: CompatibilityFacts
    engine: Engine | EngineUnavailableError
    info: DockerInfo | str
    """A text says why nothing is known."""


def look(wish: Wish, world: World) -> Seen:
    """Ask the machine, the engine and the project, at the same time.

    Raises ConfigurationError for what the options or BUILD_FROM_SOURCE say wrongly; what is wrong elsewhere is seen.
    """
    flags = Flags(wish.from_source, wish.binary, world.environment.get(FLAG))
    asked_for, said = requested_mode(flags)
    by_option = _find(world, flags=wish.gpus) if wish.gpus else None
    with ThreadPoolExecutor() as pool:
        engine = pool.submit(_engine, world.ask)
        info = pool.submit(ask_info, world.ask)
        here = pool.submit(_find, world)
        facts = load_compatibility(world.policies / "facts")
        around = look_around(world.start, world.policies, world.environment, facts)
        policy, named = around.policy, by_option or around.named
        gpus = (named or here.result()).gpus
        question = _question(around, flags, gpus, facts, world)
        targets = sorted({gpu.capability for gpu in gpus})
        mode, reason = mode_by_policy(policy, targets, None if question is None else question.floor)
        return Seen(
            world=world,
            wish=wish,
            here=here.result(),
            named=named,
            project=around.seen,
            policy=policy,
            question=question,
            mode=policy.mode(asked_for or mode),
            because=reason.text if asked_for is None else said.text,
            facts=facts,
            engine=engine.result(),
            info=info.result(),
        )


def _find(world: World, *, flags: tuple[str, ...] = ()) -> GpuReport:
    return find_gpus(flags=flags, environment=world.environment, facts_dir=world.policies / "facts", root=world.root)


def _question(
    around: Around, flags: Flags, gpus: tuple[Gpu, ...], facts: CompatibilityFacts, world: World
) -> Question | None:
    """Outside a project the policy's own torch is asked about."""
    pinned = _of_policy(around.policy) if around.seen.root is None else around.seen.pinned
    if not isinstance(pinned, PinnedTorch):
        return None
    return Question(
        flags=flags,
        gpus=gpus,
        policy=around.policy,
        pinned=pinned,
        facts=facts,
        project=around.seen.project,
        load_packages=lambda: load_packages(world.policies / "facts"),
    )


def _of_policy(policy: Policy) -> PinnedTorch:
    torch = policy.binary.torch
    pin = TorchPin(str(torch), policy.torch_group, torch.variant, None, Position(Path("modes.toml")))
    return PinnedTorch(torch, pin, "the policy")


def _engine(ask: Ask) -> Engine | EngineUnavailableError:
    """The engine that would build. Where the result goes is a matter of the build's options, hence ``push``."""
    try:
        return check_engine(BuildOptions(push=True), ask)
    except EngineUnavailableError as error:
        return error
