"""The cores and the memory of the machine that compiles."""

from __future__ import annotations

import os
from dataclasses import dataclass

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Machine:
    """What a compile may use."""

    cores: int
    memory_bytes: int | None
    """None where the operating system does not tell."""

    def jobs(self, gib_per_job: float) -> int:
        """How many compile jobs fit: bounded by the cores and by the memory, at least one.

        >>> Machine(cores=16, memory_bytes=32 * 2**30).jobs(4)
        8
        """
        if self.memory_bytes is None:
            return max(1, self.cores)
        return max(1, min(self.cores, int(self.memory_bytes / (gib_per_job * _GIB))))


def this_machine() -> Machine:
    """Ask the operating system: the cores that this process may run on, and the physical memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no sysconf (Windows), or not these names
        memory = 0
    return Machine(cores, memory if memory > 0 else None)
