"""Where the machine is not a plain PC: Jetson boards and WSL2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from poetry_gpu_build.gpu.interface import Gpu

JETSON_NOTE = "this is a Jetson: its images are made for arm64 and L4T, x86 images and torch's x86 wheels do not apply"
# CUDA on WSL User Guide, its list of limitations: "Maxwell GPU is not supported", Pascal and newer are.
_OLDEST_UNDER_WSL2 = ComputeCapability(6, 0)


@dataclass(frozen=True, slots=True)
class Platform:
    """What kind of machine it is, as far as GPUs go."""

    is_jetson: bool = False
    is_wsl2: bool = False

    def notes(self, gpus: Iterable[Gpu]) -> tuple[str, ...]:
        """What the platform means for these GPUs."""
        notes = [JETSON_NOTE] if self.is_jetson else []
        old = [gpu for gpu in gpus if gpu.capability < _OLDEST_UNDER_WSL2]
        if self.is_wsl2 and old:
            cards = ", ".join(str(gpu) for gpu in old)
            notes.append(f"NVIDIA does not support GPUs older than Pascal ({_OLDEST_UNDER_WSL2}) under WSL2: {cards}")
        return tuple(notes)


PLAIN_PC = Platform()


def read_platform(root: Path) -> Platform:
    """Look at ``/etc/nv_tegra_release`` (L4T writes it) and at ``/proc/version``, both below ``root``.

    WSL2 kernels call themselves ``5.15.167.4-microsoft-standard-WSL2``. WSL1, which has no GPU, writes ``Microsoft``
    with a capital, so case counts.
    """
    try:
        kernel = (root / "proc/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # No /proc is no sign of WSL2.
        kernel = ""
    return Platform(
        is_jetson=(root / "etc/nv_tegra_release").is_file(),
        is_wsl2="microsoft" in kernel or "WSL2" in kernel,
    )
