"""The base image of the mode: whether the engine has it, or its registry does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.doctor.line import NO_ENGINE
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import not_looked_at
from poetry_gpu_build.engine.preflight import DOCKER_DRIVER
from poetry_gpu_build.engine.preflight import TIMEOUT_SECONDS
from poetry_gpu_build.errors import EngineUnavailableError
from poetry_gpu_build.gpu.interface import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.engine.preflight import Answer
    from poetry_gpu_build.engine.preflight import Ask
    from poetry_gpu_build.policy import ModeName

TOPIC = "base image"

Place = Literal["engine", "registry", "nowhere", "refused", "unknown"]


class Found(NamedTuple):
    """Where the image is, and what was told where it is not."""

    place: Place
    told: str = ""


def check_base_image(seen: Seen) -> Iterator[Line]:
    """One line. The registry is asked only where the engine would have to."""
    if isinstance(seen.engine, EngineUnavailableError):
        yield not_looked_at(TOPIC, NO_ENGINE)
        return
    image = seen.mode.base_image
    try:
        found = look_for_image(image, seen.world.ask, is_kept=seen.engine.driver == DOCKER_DRIVER)
    except EngineUnavailableError:  # docker went away in between
        yield not_looked_at(TOPIC, NO_ENGINE)
        return
    yield judge_base_image(seen.mode.name, image, found)


def look_for_image(image: str, ask: Ask, *, is_kept: bool) -> Found:
    """Ask the engine, then the registry; ``is_kept``: the builder uses the images that the engine has.

    Raises EngineUnavailableError where there is no docker.
    """
    if is_kept and ask(["image", "inspect", "--format", "{{.Id}}", image]).status == 0:
        return Found("engine")
    return read_registry(ask(["buildx", "imagetools", "inspect", image]))


def read_registry(answer: Answer) -> Found:
    """What `docker buildx imagetools inspect` means; its exit code alone tells only that the image is there.

    A registry answers for a missing repository as for one that is closed: what that means cannot be told apart.
    """
    if answer.status == 0:
        return Found("registry")
    if answer.status is None:
        return Found("unknown", f"no answer within {TIMEOUT_SECONDS} s")
    lines = answer.errors.strip().splitlines()
    told = printable(lines[-1].removeprefix("ERROR: ")) if lines else "no reason was given"
    said = told.lower()
    if said.endswith(": not found") or "manifest unknown" in said:
        return Found("nowhere", told)
    if "access denied" in said or "authorization failed" in said or "401 unauthorized" in said:
        return Found("refused", told)
    return Found("unknown", told)


def judge_base_image(mode: ModeName, image: str, found: Found) -> Line:
    """What it means for a build."""
    key = f"modes.{mode}.base-image in [tool.gpu-build]"
    match found.place:
        case "engine":
            return Line(TOPIC, "ok", f"{image} is here")
        case "registry":
            return Line(TOPIC, "ok", f"{image} is in its registry")
        case "nowhere":
            return Line(
                TOPIC,
                "problem",
                f"its registry has no {image} ({found.told})",
                (
                    f"choose another one: {key}",
                    "NVIDIA deletes old tags: keep those that you need in a registry of your own",
                ),
            )
        case "refused":
            return Line(
                TOPIC,
                "problem",
                f"its registry does not give {image} ({found.told})",
                ("log in: docker login", f"or it is not there: choose another one: {key}"),
            )
        case _:
            return Line(
                TOPIC,
                "warning",
                f"whether {image} can be fetched is not known ({found.told})",
                (f"look before a long build: docker pull {image}",),
            )
