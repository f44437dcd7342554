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

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.lint.finding import Severity
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
    severity: ClassVar[Severity] = "error"
    """Unless policies/rules.toml or the project says otherwise."""
    valid: ClassVar[tuple[Example, ...]]
    invalid: ClassVar[tuple[Example, ...]]

    @abstractmethod
    def check(self, documents: Documents) -> Iterator[Hit]:
        """Yield each violation."""


class ImageRule(Rule):
    """A rule that looks at one Dockerfile at a time."""

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Check each Dockerfile."""
        for image in documents.images:
            yield from self.check_image(image, documents)

    @abstractmethod
    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Yield each violation in one Dockerfile."""


def binary(text: str, **others: str) -> dict[str, str]:
    """The files of an example that is one binary Dockerfile, and others by their path."""
    return {"docker/Dockerfile": text, **others}


def source(text: str, **others: str) -> dict[str, str]:
    """The files of an example that is one source Dockerfile, and others by their path."""
    return {"docker/Dockerfile.source": text, **others}
