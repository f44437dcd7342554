"""What every command shares: one way to fail, notes on stderr, results on stdout."""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import Any

from cleo.formatters.formatter import Formatter
from poetry.console.commands.command import Command

from poetry_gpu_build.errors import BuildInterruptedError
from poetry_gpu_build.errors import FindingsError
from poetry_gpu_build.errors import GpuBuildError

SCHEMA_VERSION = 1


class GpuBuildBaseCommand(Command):
    """A command whose errors are the documented ones: one message on stderr, and the exit code of the error."""

    def handle(self) -> int:
        """Run the command; returns its exit code."""
        try:
            return self.run_command()
        except KeyboardInterrupt:
            return self._ended_by(BuildInterruptedError("interrupted"))
        except GpuBuildError as error:
            if self.io.is_debug():
                raise
            return self._ended_by(error)

    def _ended_by(self, error: GpuBuildError) -> int:
        self.report(error)
        return error.exit_code

    @abstractmethod
    def run_command(self) -> int:
        """Do the work; returns the exit code, raises GpuBuildError."""

    @property
    def start_folder(self) -> Path:
        """Where the project is looked for: the current folder, or what `--directory` or `--project` says.

        Poetry keeps `--directory` as it was typed and goes there: read again from there, it would lead elsewhere.
        """
        folder = self.get_application().project_directory
        return folder if folder.is_absolute() else Path.cwd()

    def result(self, text: str) -> None:
        """Print a result, to stdout, as it is; as far as stdout cannot show it, in escapes."""
        encoding = getattr(getattr(self.io.output, "stream", None), "encoding", None) or "utf-8"
        self.io.write_line(Formatter.escape(encodable(text, encoding, is_json=self.wants_json)))

    def note(self, text: str, style: str = "") -> None:
        """Print what is not a result, to stderr."""
        escaped = Formatter.escape(text)
        self.io.write_error_line(f"<{style}>{escaped}</>" if style else escaped)

    def report(self, error: GpuBuildError) -> None:
        """Print an error to stderr; with `--format json` the document that says so goes to stdout too."""
        if error.where is not None:
            error.where = error.where.seen_from(Path.cwd())
        lines = str(error).splitlines()
        self.note(f"error: {lines[0]}", style="error")
        for line in lines[1:]:
            self.note(line)
        if self.wants_json:
            found = {"findings": error.findings} if isinstance(error, FindingsError) else {}
            self.result(json_document({"error": error.as_data(), **found}))

    @property
    def wants_json(self) -> bool:
        """Whether the result is one JSON document."""
        return any(option.name == "format" for option in self.options) and self.option("format") == "json"


def encodable(text: str, encoding: str, *, is_json: bool = False) -> str:
    """The text if this encoding has all its characters, else with escapes for them: a JSON document with JSON's own.

    >>> print(encodable("torch 语", "ascii"))
    torch \\u8bed
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        if is_json:
            return json.dumps(json.loads(text), indent=2)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def json_document(data: dict[str, Any]) -> str:
    """One JSON document of this interface."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=2, ensure_ascii=False)
