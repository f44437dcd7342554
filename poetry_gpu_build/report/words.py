"""Sizes, times and states as a reader expects them."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone
from typing import TYPE_CHECKING

from poetry_gpu_build.report.layers import without_flags

if TYPE_CHECKING:
    from poetry_gpu_build.report.model import Report
    from poetry_gpu_build.report.model import Step

_UNITS = ("B", "kB", "MB", "GB")
STATES = {
    "run": "run",
    "cached": "cached",
    "failed": "failed",
    "cancelled": "cancelled",
    "unstarted": "not started",
}
OUTCOMES = {"built": "built", "failed": "failed", "interrupted": "interrupted"}


def size_in_words(size: int) -> str:
    """As docker writes it.

    >>> size_in_words(999), size_in_words(1_230_000_000)
    ('999 B', '1.23 GB')
    """
    value, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.3g} {unit}" if unit != "B" else f"{size} B"


def time_in_words(seconds: float) -> str:
    """As a reader compares them: tenths below a minute, then minutes, then hours.

    >>> time_in_words(0.04), time_in_words(0.06), time_in_words(59.96), time_in_words(3725)
    ('0.0 s', '0.1 s', '1 min 00 s', '1 h 02 min')
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment_in_words(began: float | None) -> str:
    """A moment in UTC: a report is read elsewhere than it was made.

    >>> moment_in_words(0), moment_in_words(None)
    ('1970-01-01 00:00:00 UTC', 'never')
    """
    if began is None:
        return "never"
    return datetime.fromtimestamp(began, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def stage_title(step: Step) -> str:
    """Under which heading a step stands."""
    title = {"prepare": "preparation", "export": "export"}.get(step.kind, step.stage or "the only stage")
    return f"{step.target}: {title}" if step.target else title


def place(step: Step) -> str:
    """The step in as few words as tell it from others: ``app 3``."""
    if step.kind != "stage":
        return stage_title(step)
    return " ".join(word for word in (step.target, step.stage, str(step.number)) if word)


def shortened(step: Step, most: int) -> str:
    """What a step does, in at most so many characters: of a RUN the command, which its mounts would hide."""
    text = without_flags(step.instruction) if step.keyword == "RUN" else " ".join(step.instruction.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def bytes_of(step: Step) -> int | None:
    """The layer's size; where that is not known, what was sent, pulled or pushed."""
    return step.transferred if step.layer is None else step.layer


def cache_in_words(report: Report) -> str:
    """How many steps the cache answered."""
    ran, cached = report.count("run", "failed", "cancelled"), report.count("cached")
    waiting = report.count("unstarted")
    text = f"{ran} run, {cached} cached"
    return f"{text}, {waiting} not started" if waiting else text
