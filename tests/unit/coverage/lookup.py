"""The rows that the tests of coverage ask about, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import TorchBuild

from ..builders import facts

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import ToolkitFact
    from poetry_gpu_build.facts.rows import WheelFact


def wheel(text: str) -> WheelFact:
    found = facts().wheel(TorchBuild.parse(text))
    assert found is not None
    return found


def toolkit(text: str) -> ToolkitFact:
    found = facts().toolkit(CudaVersion.parse(text))
    assert found is not None
    return found
