"""How an error is told where one of Poetry's own commands runs: on stderr, as this plugin's commands do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleo.formatters.formatter import Formatter

if TYPE_CHECKING:
    from cleo.io.io import IO

    from poetry_gpu_build.errors import GpuBuildError


def tell(io: IO, error: GpuBuildError) -> None:
    """Print what went wrong, where, and what to do."""
    first, _, rest = str(error).partition("\n")
    io.write_error_line(f"<error>error: {Formatter.escape(first)}</>")
    if rest:
        io.write_error_line(Formatter.escape(rest))
