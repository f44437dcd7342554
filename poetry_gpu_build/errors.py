"""Every way in which the program can fail, each with its exit code and with what to do next.

The exit codes are part of the interface (docs/exit-codes.md): scripts and CI decide by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import ClassVar

if TYPE_CHECKING:
    from typing import Any

    from poetry_gpu_build.documents.source import Position


class GpuBuildError(Exception):
    """What went wrong, where, and what to do: the base of every error that ends a command.

    ``message`` is one sentence without a full stop's worth of blame; ``where`` the file, line and column, if a file
    is the cause; ``ways_out`` what the user can do, each a line that can be followed as it stands.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: Position | None = None, ways_out: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.ways_out = ways_out

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it whole: the linter's processes hand errors over, and an exception by itself keeps no keywords."""
        return _made, (type(self), self.args, vars(self))

    def __str__(self) -> str:
        lines = [self.message]
        if self.where is not None:
            lines.append(f"  --> {self.where}")
        lines.extend(f"  help: {way}" for way in self.ways_out)
        return "\n".join(lines)

    def as_data(self) -> dict[str, Any]:
        """The error for machines (docs/exit-codes.md)."""
        return {
            "exit_code": self.exit_code,
            "message": self.message,
            "where": None if self.where is None else str(self.where),
            "ways_out": list(self.ways_out),
        }


class FindingsError(GpuBuildError):
    """The linter found errors, and what was asked for is not done."""

    exit_code = 1

    def __init__(self, message: str, *, ways_out: tuple[str, ...], findings: list[dict[str, Any]]) -> None:
        super().__init__(message, ways_out=ways_out)
        self.findings = findings
        """As in the document of `lint --format json`."""


def _made(kind: type[GpuBuildError], arguments: tuple[Any, ...], state: dict[str, Any]) -> GpuBuildError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(state)
    return error


class ConfigurationError(GpuBuildError):
    """The options, the environment or a file of the project cannot be used as they are."""

    exit_code = 2


class InvalidValueError(ConfigurationError, ValueError):
    """A text that is not the value it should be: a compute capability, a version, a switch."""


class UnreadableBinaryError(GpuBuildError):
    """A file that was to be searched for GPU code is cut off, corrupt, or of a kind that holds none."""

    exit_code = 2


class NoModeServesError(GpuBuildError):
    """No mode of the policy makes an image that runs on these GPUs."""

    exit_code = 3


class EngineUnavailableError(GpuBuildError):
    """There is no engine that can build: no buildx, no daemon, a builder that is dead or keeps nothing."""

    exit_code = 4


class BuildFailedError(GpuBuildError):
    """The engine ran, and the build failed."""

    exit_code = 5


class ProofFailedError(GpuBuildError):
    """The image was built, and is not what the plan said."""

    exit_code = 6


class BuildInterruptedError(GpuBuildError):
    """The user stopped the build (SIGINT): 128 + 2, as a shell reports it."""

    exit_code = 130
