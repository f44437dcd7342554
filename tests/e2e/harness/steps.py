"""Reads what a build did from docker's plain progress: which steps ran, which came from the cache."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# #13 [app 4/7] RUN --mount=type=cache,target=/root/.cache/pypoetry poetry install
# #13 [source app 4/9] RUN …, where one call builds two targets; [app app 4/9] with Compose
_HEAD = re.compile(r"^#(?P<number>\d+) \[(?:(?P<target>\S+) )?(?P<stage>\S+) +\d+/\d+\] (?P<text>.*)$", re.MULTILINE)
_CACHED = re.compile(r"^#(\d+) CACHED$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile, as a build treated it."""

    stage: str
    text: str
    cached: bool

    def __str__(self) -> str:
        return f"[{self.stage}] {self.text}"


def steps_of(log: str) -> list[Step]:
    """The steps of every stage, in docker's order; without FROM, which is shown or not as it happens."""
    cached = {match[1] for match in _CACHED.finditer(log)}
    heads = {match["number"]: match for match in _HEAD.finditer(log)}
    steps = (Step(head["stage"], head["text"], number in cached) for number, head in heads.items())
    return [step for step in steps if not step.text.startswith("FROM ")]


def run_again(log: str) -> list[str]:
    """The steps that were not answered from the cache."""
    return [str(step) for step in steps_of(log) if not step.cached]


def installs(log: str) -> Iterator[str]:
    """Every `poetry install` of the log, with its mounts."""
    return (step.text for step in steps_of(log) if " poetry install " in step.text)
