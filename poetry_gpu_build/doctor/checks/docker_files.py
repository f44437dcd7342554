"""The Dockerfile of each mode and the Compose file: what the build is handed, and what `up` starts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.line import INIT
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import with_place
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import inside_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project

TOPIC = "docker files"


def check_docker_files(seen: Seen) -> Iterator[Line]:
    """One line."""
    if seen.project.project is not None:
        yield judge_docker_files(seen.project.project, seen.policy, seen.mode.name)


def judge_docker_files(project: Project, policy: Policy, mode: ModeName) -> Line:
    """A build here needs the context and the Dockerfile of its mode; the rest is missed by others, and by `up`."""
    files = (*_files(policy), _File(policy.context, "the build context", ("context",), is_folder=True))
    faults = {file: fault for file in files if (fault := _fault(project, file)) is not None}
    if not faults:
        return Line(TOPIC, "ok", ", ".join(file.path for file in files if not file.is_folder))
    missing = [file.path for file in faults if not file.is_folder and _is_missing(project, file.path)]
    told = [f"{', '.join(missing)}: not there"] if missing else []
    ways = [INIT] if missing else []
    for file, fault in faults.items():
        if file.path not in missing:
            told.append(with_place(fault, project.root))
            ways += fault.ways_out
    is_needed = any(file.is_folder or file.setting == _setting(mode) for file in faults)
    return Line(TOPIC, "problem" if is_needed else "warning", "; ".join(told), tuple(dict.fromkeys(ways)))


class _File(NamedTuple):
    """A file (or folder) that the policy names."""

    path: str
    what: str
    setting: tuple[str, ...]
    is_folder: bool = False


def _files(policy: Policy) -> tuple[_File, ...]:
    return (
        *(
            _File(mode.dockerfile, f"the {mode.name} mode's Dockerfile", _setting(mode.name))
            for mode in (policy.binary, policy.source)
        ),
        _File(policy.compose_file, "the Compose file", ("compose-file",)),
    )


def _setting(mode: ModeName) -> tuple[str, ...]:
    return ("modes", mode, "dockerfile")


def _fault(project: Project, file: _File) -> ConfigurationError | None:
    try:
        inside_project(project, file.path, file.what, file.setting, is_folder=file.is_folder)
    except ConfigurationError as error:
        return error
    return None


def _is_missing(project: Project, path: str) -> bool:
    """Whether nothing is there, so that `init` writes it."""
    try:
        (project.root / path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # closed to us, or no path at all
        return False
    return False
