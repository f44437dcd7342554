"""How long a compile of torch takes, said before it begins: by the last one here, else by others' reports.

Nobody can tell beforehand whether the builder has the compile in its cache; so this is what it takes if it has not.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.durable import write_whole
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.state_folder import state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.plan import Plan

# Two reports of whole builds of PyTorch, of 2021 (1.8 to 1.10), for many architectures each:
# - pytorch/pytorch, commit ebd142e94b: 1470 min user + 91 min system for five of them, 26 core-hours;
# - conda-forge/pytorch-cpu-feedstock#52: 1 h 20 min on 10 cores for seven or eight, 13 core-hours.
# One architecture takes less, a newer torch more; nobody here measured how much, so the range is that of the reports.
CORE_HOURS = (13.0, 26.0)
REPORTS = "two reports of older and larger builds, not measured"
# Below this nobody needs to be asked, and a build that took less compiled nothing.
LONG_SECONDS = 600
_LARGEST_RECORD = 4096
_LONGEST_SECONDS = 30 * 24 * 3600


class Estimate(NamedTuple):
    """How long it may take."""

    text: str
    seconds: float


def estimate(last_seconds: float | None, jobs: int | None) -> Estimate:
    """From the last build that compiled, else from the reports; ``jobs`` of the builder, None where nobody knows them.

    >>> estimate(None, 8).text
    '1 h 45 min to 3 h 15 min with 8 jobs at once (by two reports of older and larger builds, not measured)'
    >>> estimate(8000, None).text
    '2 h 15 min (the last build here that compiled this torch)'
    """
    if last_seconds is not None:
        return Estimate(f"{_told(last_seconds)} (the last build here that compiled this torch)", last_seconds)
    least, most = (hours * 3600 for hours in CORE_HOURS)
    if jobs is None:
        return Estimate(f"{CORE_HOURS[0]:g} to {CORE_HOURS[1]:g} hours of one core (by {REPORTS})", most)
    range_told = f"{_told(least / jobs)} to {_told(most / jobs)}"
    return Estimate(f"{range_told} with {jobs} jobs at once (by {REPORTS})", most / jobs)


def _told(seconds: float) -> str:
    """In quarters of an hour, because it is not known better; in minutes below an hour."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    quarters = round(minutes / 15)
    hours, rest = divmod(quarters, 4)
    return f"{hours} h" + (f" {rest * 15} min" if rest else "")


class CompileRecord:
    """How long the last build took that compiled this torch on this builder: a file in the user's state folder."""

    def __init__(self, plan: Plan, builder: str, environment: Mapping[str, str]) -> None:
        said = [str(plan.root.resolve()), builder, plan.base_image]
        said += [plan.build_args.get(name, "") for name in ("TORCH_REF", "TORCH_CUDA_ARCH_LIST", "MAX_JOBS")]
        key = hashlib.sha256("\0".join(said).encode("utf-8", "surrogateescape")).hexdigest()[:24]
        self.path = state_folder(environment) / "compiles" / f"{key}.json"

    def recall(self) -> float | None:
        """The seconds; None where none are known, or what is there is none of ours."""
        try:
            if self.path.stat().st_size > _LARGEST_RECORD:
                return None
            seconds = json.loads(read_source(self.path).text)["seconds"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError, ConfigurationError):
            return None
        is_time = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        return float(seconds) if is_time and LONG_SECONDS <= seconds <= _LONGEST_SECONDS else None

    def keep(self, seconds: float) -> None:
        """Remember a build, unless it was so short that the compile came from a cache.

        Raises ConfigurationError where it cannot be written.
        """
        if seconds < LONG_SECONDS:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            old = read_source(self.path).text if self.path.exists() else None
        except OSError as error:
            raise ConfigurationError(f"{self.path.parent} cannot be made: {error.strerror or error}") from error
        write_whole(self.path, old, json.dumps({"seconds": round(seconds)}) + "\n")
