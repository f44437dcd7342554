"""The mode that a build here would have: the lines behind it are about that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen

TOPIC = "mode"


def check_mode(seen: Seen) -> Iterator[Line]:
    """The mode by the flags and the policy. What the facts say against it is a matter of the wheel's coverage."""
    yield Line(TOPIC, "ok", f"{seen.mode.name}: {seen.because}")
