"""What a text tells beside its errors: the torch, the driver and the cards that it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.interface import is_plausible
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from typing import TypeVar

    from poetry_gpu_build.doctor.explain.find import Sighting

    Value = TypeVar("Value")

_MOST_VALUES = 16


class Told(NamedTuple):
    """What the text tells; what is None is not in it."""

    torch: TorchBuild | None = None
    driver: DriverVersion | None = None
    capabilities: tuple[ComputeCapability, ...] = ()
    """Of the cards that it speaks of, in its order."""
    is_source: bool = False
    """Whether it speaks of the source image."""


class Clue(NamedTuple):
    """Something that any line may tell."""

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    """Its first group is the value."""

    def take(self, text: str, found: dict[str, list[str]]) -> None:
        """Put the values of a text into ``found``, each once, the first few."""
        values = found.setdefault(self.name, [])
        if len(values) >= _MOST_VALUES or not any(hint in text for hint in self.hints):
            return
        for match in self.pattern.finditer(text):
            if match[1] not in values and len(values) < _MOST_VALUES:
                values.append(match[1])


CLUES = (
    # `torch==2.13.0+cu126` of pip and torch itself, `PyTorch version: 2.7.1+cu128` of collect_env, a wheel's name.
    Clue(
        "torch",
        ("torch==", "orch version", "torch-"),
        lazy_pattern(r"(?:\btorch==|[Tt]orch version:? |\btorch-)(\d{1,2}\.\d{1,2}\.\d{1,2}(?:\+cu\d{3})?)(?![\w+])"),
    ),
    # The head of nvidia-smi, which also says which CUDA the driver is for.
    Clue("driver", ("Driver Version:",), lazy_pattern(r"Driver Version: {1,8}(\d{3}(?:\.\d{1,3}){1,2})")),
    Clue(
        "capability",
        ("apability",),
        lazy_pattern(r"(?i:compute|CUDA) capability(?: \(CC\))?(?: of|:)? (sm_\d{2,3}|\d{1,2}\.\d)(?![\d.]*\d)"),
    ),
    Clue(
        "source",
        ("Dockerfile.source", "BUILD_FROM_SOURCE", "/opt/torch"),
        lazy_pattern(r"(Dockerfile\.source(?!\w)|BUILD_FROM_SOURCE=(?:true|1|yes|on)\b|/opt/torch\b)"),
    ),
)


def told(clues: Mapping[str, Iterable[str]], sightings: Iterable[Sighting]) -> Told:
    """Put the clues together with what the cases tell."""
    capabilities = [each.values["capability"] for each in sightings if "capability" in each.values]
    capabilities += clues.get("capability", ())
    parsed = filter(None, (parsed_or_none(ComputeCapability.parse, text) for text in capabilities))
    return Told(
        torch=_torch(clues.get("torch", ())),
        driver=next(
            filter(None, (parsed_or_none(DriverVersion.parse, text) for text in clues.get("driver", ()))), None
        ),
        capabilities=tuple(dict.fromkeys(filter(is_plausible, parsed))),
        is_source=bool(tuple(clues.get("source", ()))),
    )


def parsed_or_none(parse: Callable[[str], Value], text: str | None) -> Value | None:
    """The value of a text that a log holds; None where it is none."""
    if text is None:
        return None
    try:
        return parse(text)
    except InvalidValueError:
        return None


def _torch(texts: Iterable[str]) -> TorchBuild | None:
    """The first that names its variant, else the first."""
    builds = [build for build in (parsed_or_none(TorchBuild.parse, text) for text in texts) if build is not None]
    return next((build for build in builds if build.variant is not None), builds[0] if builds else None)
