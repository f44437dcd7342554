"""Small builders: a text explained under a situation that a test chooses."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.explanation import explain_text
from poetry_gpu_build.doctor.explain.find import find
from poetry_gpu_build.doctor.explain.lines import read_lines
from poetry_gpu_build.doctor.explain.registry import all_cases
from poetry_gpu_build.doctor.explain.situation import Situation

from ...builders import facts
from ...builders import gpu
from ...builders import pinned
from ...builders import policy

if TYPE_CHECKING:
    from poetry_gpu_build.doctor.explain.case import Case
    from poetry_gpu_build.doctor.explain.explanation import Explained
    from poetry_gpu_build.doctor.explain.explanation import Explanation
    from poetry_gpu_build.doctor.explain.find import Found
    from poetry_gpu_build.gpu.interface import Gpu


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    return all_cases()


def found(text: str | bytes) -> Found:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return find(read_lines(io.BytesIO(data)), cases())


@lru_cache
def outside(*gpus: Gpu | str, settings: str = "") -> Situation:
    """No project: the shipped policy, and these cards."""
    return Situation(
        facts(), policy(settings), gpus=tuple(gpu(each) if isinstance(each, str) else each for each in gpus)
    )


@lru_cache
def project(*gpus: Gpu | str, wheel: str | None = "2.7.1+cu128", settings: str = "") -> Situation:
    """A project that pins this wheel."""
    return outside(*gpus, settings=settings)._replace(in_project=True, pinned=pinned(wheel))


def explained(text: str | bytes, situation: Situation | None = None) -> Explained:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return explain_text(io.BytesIO(data), cases(), lambda: situation or outside())


def names(text: str | bytes, situation: Situation | None = None) -> list[str]:
    return [each.name for each in explained(text, situation).explanations]


def the(name: str, text: str, situation: Situation | None = None) -> Explanation:
    """The one explanation of that name."""
    [one] = [each for each in explained(text, situation).explanations if each.name == name]
    return one
