"""A rule as it is described: what `--format sarif` publishes of it and `gpu-build rule` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from poetry_gpu_build.lint.finding import Severity

Precision = Literal["very-high", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class RulePage:
    """What a reader has to know of a rule; it holds no check."""

    code: str
    name: str
    summary: str
    """One sentence of plain text."""
    description: str
    """The page, in Markdown: what it does, why it is bad, examples, options, references."""
    severity: Severity
    """As the policy in force says."""
    doc: str | None = None
    """Where the page stands: a URL, or a path of the documentation such as ``docs/rules/GPU101.md``."""
    tags: tuple[str, ...] = ()
    precision: Precision = "high"
    """How few of its findings are wrong."""
