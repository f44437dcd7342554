"""What the last reported build of a project was made from: one file a target, in the user's own state folder.

Never in the project: a file that changes with each build would itself change `COPY . .`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.durable import write_whole
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.report.inputs import Inputs
from poetry_gpu_build.report.inputs import StepInputs
from poetry_gpu_build.state_folder import state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION = 1
_MAXIMUM_BYTES = 32 * 1024 * 1024


class Memory:
    """The file of one target of one project."""

    def __init__(self, root: Path, target: str, environment: Mapping[str, str]) -> None:
        key = hashlib.sha256(f"{root.resolve()}\0{target}".encode("utf-8", "surrogateescape")).hexdigest()[:24]
        self.path = state_folder(environment) / "builds" / f"{key}.json"

    def recall(self) -> Inputs | None:
        """The inputs of the last build; None where none is known, or what is there is none of ours."""
        try:
            if self.path.stat().st_size > _MAXIMUM_BYTES:
                return None
            return _inputs(json.loads(read_source(self.path).text))
        except (OSError, ValueError, RecursionError, ConfigurationError):
            return None

    def keep(self, inputs: Inputs) -> None:
        """Remember these inputs instead. Raises ConfigurationError where they cannot be written."""
        try:
            # For the user alone: file names of a project are nobody else's business.
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            old = read_source(self.path).text if self.path.exists() else None
        except OSError as error:
            raise ConfigurationError(f"{self.path.parent} cannot be made: {error.strerror or error}") from error
        write_whole(self.path, old, json.dumps(_data(inputs)) + "\n")


def _data(inputs: Inputs) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "steps": {key: list(step) for key, step in inputs.steps.items()},
        "bases": inputs.bases,
        "files": inputs.files,
        "shown": inputs.shown,
        "complete": inputs.is_complete,
    }


def _inputs(data: Any) -> Inputs | None:
    """Back from the data. Raises ValueError where it is none."""
    if not isinstance(data, dict) or data.get("version") != _VERSION:
        return None
    steps: dict[str, StepInputs] = {}
    for key, value in _mapping(data.get("steps")).items():
        if not (isinstance(value, list) and len(value) == 3 and isinstance(value[1], list)):
            raise ValueError("a step is a list of three")
        steps[key] = StepInputs(str(value[0]), tuple(map(str, value[1])), _texts(value[2]))
    files, bases = _texts(data.get("files")), _texts(data.get("bases"))
    return Inputs(steps, bases, files, _texts(data.get("shown")), data.get("complete") is True)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for every file that is none of ours
    return value


def _texts(value: Any) -> dict[str, str]:
    return {key: str(text) for key, text in _mapping(value).items()}
