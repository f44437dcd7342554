"""Says which torch an image holds, where it comes from, and what it finds to run on."""

from __future__ import annotations

import humanize
import torch


def report() -> str:
    """One line for torch, one for each GPU."""
    lines = [f"torch {torch.__version__} from {torch.__file__}"]
    if not torch.cuda.is_available():
        return "\n".join([*lines, f"no GPU here; built with CUDA {torch.version.cuda}"])
    for number in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(number)
        memory = humanize.naturalsize(gpu.total_memory, binary=True)
        lines.append(f"GPU {number}: {gpu.name}, compute capability {gpu.major}.{gpu.minor}, {memory}")
    return "\n".join(lines)
