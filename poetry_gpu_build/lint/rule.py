"""What a rule is: one class with a reason, examples that are its tests, and one method that yields hits."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from typing import TYPE_CHECKING
from typing import ClassVar
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.lint.image import Image


class Example(NamedTuple):
    """A little project. ``files`` maps paths to texts; what it does not hold does not exist."""

    files: Mapping[str, str]
    findings: tuple[str, ...] = ()
    """Where the rule finds something: ``docker/Dockerfile:3:5``, in order."""
    fixed: Mapping[str, str] | None = None
    """The files that the rule's fixes change, as they are then; None: it offers no fix."""


class Rule(ABC):
    """One rule of the policy. The class's docstring says why: it is the rule's page."""

    code: ClassVar[str]
    """``GPU401``."""
    name: ClassVar[str]
    """``sidecar-publishes-port``."""
    valid: ClassVar[tuple[Example, ...]]
    invalid: ClassVar[tuple[Example, ...]]

    @abstractmethod
    def check(self, documents: Documents) -> Iterator[Hit]:
        """Yield each violation."""


class EngineRule(Rule):
    """A rule about what the other rules found: the engine alone knows it, and makes the findings (lint/run.py)."""

    def check(self, documents: Documents) -> Iterator[Hit]:  # noqa: ARG002 - every rule has one signature
        """Find nothing: the engine does."""
        return iter(())


class ImageRule(Rule):
    """A rule that looks at one Dockerfile at a time."""

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Check each Dockerfile."""
        for image in documents.told_images:
            yield from self.check_image(image, documents)

    @abstractmethod
    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Yield each violation in one Dockerfile."""


class ComposeRule(Rule):
    """A rule that looks at one Compose project at a time: the project's own, and others that were named."""

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Check each; what two of them share is told once."""
        if "compose" not in documents.told_kinds:
            return  # reading Compose files takes as long as all else
        told: set[tuple[Path, int, int, str]] = set()
        for each in documents.with_each_compose:
            for hit in self.check_compose(each):
                what = (hit.source.path, hit.start, hit.end, hit.message)
                if what not in told:
                    told.add(what)
                    yield hit

    @abstractmethod
    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Yield each violation; ``documents.compose`` is the one to look at."""


def binary(text: str, **others: str) -> dict[str, str]:
    """The files of an example that is one binary Dockerfile, and others by their path."""
    return {"docker/Dockerfile": text, **others}


def source(text: str, **others: str) -> dict[str, str]:
    """The files of an example that is one source Dockerfile, and others by their path."""
    return {"docker/Dockerfile.source": text, **others}
