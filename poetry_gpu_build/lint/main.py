"""A whole run of the linter for a front end: from what was asked to what is printed and the exit code.

`gpu-build-lint` and `poetry gpu-build lint` only translate: the options into a request, and their streams into these.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import BuildInterruptedError
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import GpuBuildError
from poetry_gpu_build.lint.formats.load import FORMATS
from poetry_gpu_build.lint.pipes import hang_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any
    from typing import BinaryIO
    from typing import TextIO

    from poetry_gpu_build.lint.formats.interface import Report
    from poetry_gpu_build.lint.options import LintRequest
    from poetry_gpu_build.lint.registry import Selection
    from poetry_gpu_build.lint.rule_page import RulePage
    from poetry_gpu_build.lint.session import Linted
    from poetry_gpu_build.lint.session import Mended

FINDINGS = 1
STDIN = "-"


class Streams(NamedTuple):
    """Where a run reads and writes."""

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    color: bool = False
    """Whether stdout shows colours: a terminal, and without NO_COLOR."""


class _Asked(NamedTuple):
    """The projects to lint, with the files of each to tell about (none: all of them), and what stdin holds."""

    here: Path
    projects: dict[Path, list[Path]]
    texts: dict[Path, str]


def run_lint(
    request: LintRequest,
    here: Path,
    streams: Streams,
    *,
    start: Path | None = None,
    looked_at: dict[str, bool] | None = None,
) -> int:
    """Lint, print, and return the exit code: 0, 1 with errors among the findings, 2, or 130.

    ``here`` is the folder, absolute, from which relative paths count; ``start`` the one whose project is meant where no
    file is named, if another. ``looked_at`` is filled with the files that the report depends on, and whether each is
    there.
    """
    try:
        _check(request)
        asked = _asked(request, here, start or here, streams.stdin)
        return _diff(request, asked, streams) if request.diff else _lint(request, asked, streams, looked_at)
    except KeyboardInterrupt:
        return _failed(BuildInterruptedError("interrupted"), request, here, streams)
    except GpuBuildError as error:
        return _failed(error, request, here, streams)


def lint_project(root: Path) -> tuple[Report, tuple[ConfigurationError, ...]]:
    """Lint a whole project as its settings say, for a command that wants to know before it goes on.

    Returns the report, and the files that could not be read. Raises ConfigurationError for settings that cannot be
    used.
    """
    from poetry_gpu_build.lint.registry import Selection
    from poetry_gpu_build.lint.session import lint_files

    linted = lint_files(root, Selection(), (), {})
    return _report([linted], root, "json"), linted.problems


def _lint(request: LintRequest, asked: _Asked, streams: Streams, looked_at: dict[str, bool] | None) -> int:
    fixed = 0
    problems: list[GpuBuildError] = []
    done: list[Linted] = []
    for root, files in asked.projects.items():
        try:
            linted, mended, refused = _lint_one(root, files, asked.texts, request)
        except ConfigurationError as error:  # the settings of one project do not hide the others
            problems.append(error)
            continue
        fixed += mended
        done.append(linted)
        problems += [*refused, *linted.problems]
        if looked_at is not None:
            looked_at.update({str(path): is_there for path, is_there in linted.looked_at.items()})
        if not linted.sources and not linted.problems:
            streams.stderr.write(f"note: there is nothing to lint in {root}\n")
    if not done:
        raise problems[0]
    report = _report(done, asked.here, request.format, fixed=fixed)
    _show(report, request, asked.here, streams)
    has_errors = any(finding.severity == "error" for finding in report.findings)
    return _exit_code(FINDINGS if has_errors else 0, problems, request, asked.here, streams)


def _lint_one(
    root: Path, files: list[Path], texts: dict[Path, str], request: LintRequest
) -> tuple[Linted, int, list[ConfigurationError]]:
    """Lint a project, with --fix mend it: what is left, how many findings were mended, which files were refused."""
    from poetry_gpu_build.lint.session import lint_files
    from poetry_gpu_build.lint.session import mend

    selection = _selection(request)
    if not request.fix:
        from poetry_gpu_build.lint.parallel import FEWEST

        if len(files) < FEWEST:
            return lint_files(root, selection, files, texts), 0, []
        from poetry_gpu_build.lint.parallel import lint_many

        return lint_many(root, selection, files), 0, []
    mended = mend(root, selection, files, {}, unsafe=request.unsafe_fixes)
    refused = _write(mended)
    if not refused:
        return mended.linted, mended.fixed, []
    # Not all of it was written: what is true now stands in the files alone.
    return lint_files(root, selection, files, {}), 0, refused


def _write(mended: Mended) -> list[ConfigurationError]:
    """Write what was mended, each file by itself; the refusals."""
    from poetry_gpu_build.durable import write_whole

    refused = []
    for path in sorted(mended.after):
        try:
            write_whole(path, mended.before[path], mended.after[path], root=mended.linted.root)
        except ConfigurationError as error:
            refused.append(error)
    return refused


def _diff(request: LintRequest, asked: _Asked, streams: Streams) -> int:
    """Show what would be mended; 1 if there is anything, as `diff` itself has it."""
    from poetry_gpu_build.lint.fixes import unified_diff
    from poetry_gpu_build.lint.formats.places import from_root
    from poetry_gpu_build.lint.session import mend

    selection = _selection(request)
    problems: list[GpuBuildError] = []
    patch = ""
    base = _base(list(asked.projects), asked.here)
    for root, files in asked.projects.items():
        mended = mend(root, selection, files, asked.texts, unsafe=request.unsafe_fixes)
        problems += mended.linted.problems
        for path in sorted(mended.after):
            patch += unified_diff(from_root(path, base).as_posix(), mended.before[path], mended.after[path])
    if request.output is not None:
        _write_report(request.output, patch, asked.here)
        streams.stderr.write(f"wrote {request.output}\n")
    else:
        _print_exactly(patch, streams.stdout)
    return _exit_code(FINDINGS if patch else 0, problems, request, asked.here, streams)


def _check(request: LintRequest) -> None:
    """Refuse what cannot be asked, before anything is read."""
    if request.format not in FORMATS:
        raise ConfigurationError(
            f"there is no format {request.format}", ways_out=(f"use one of: {', '.join(FORMATS)}",)
        )
    if request.diff and request.format != "text":
        raise ConfigurationError(
            f"--diff shows a patch, and --format {request.format} findings", ways_out=("leave one of them out",)
        )
    if request.unsafe_fixes and not (request.fix or request.diff):
        raise ConfigurationError(
            "--unsafe-fixes alone mends nothing", ways_out=("add --diff to see them", "add --fix to make them")
        )
    reads_stdin = STDIN in request.files
    if reads_stdin and request.fix and not request.diff:
        raise ConfigurationError("--fix has no file to write for -", ways_out=("show the change instead: --diff",))
    if reads_stdin and (request.stdin_filename is None or len(request.files) > 1):
        raise ConfigurationError(
            "- reads one file from stdin, and needs its name", ways_out=("add --stdin-filename docker/Dockerfile",)
        )
    if request.stdin_filename is not None and not reads_stdin:
        raise ConfigurationError("--stdin-filename goes with - as the file", ways_out=("add -",))


def _asked(request: LintRequest, here: Path, start: Path, stdin: BinaryIO) -> _Asked:
    from poetry_gpu_build.lint.session import project_root

    if request.stdin_filename is not None:
        path = _whole(request.stdin_filename, here)
        return _Asked(here, {project_root(path): [path]}, {path: _read_stdin(stdin)})
    named = [_whole(name, here) for name in request.files] or [start]
    projects: dict[Path, list[Path]] = {}
    for path in named:
        if not path.is_dir():
            projects.setdefault(project_root(path), []).append(path)
    for folder in named:
        if folder.is_dir():
            projects[project_root(folder)] = []
    return _Asked(here, projects, {})


def _whole(name: str, here: Path) -> Path:
    """The path, absolute and without `..`: as the linter itself names the file."""
    return Path(os.path.normpath(here / name))


def _read_stdin(stdin: BinaryIO) -> str:
    from poetry_gpu_build.documents.reading import MAXIMUM_BYTES

    raw = stdin.read(MAXIMUM_BYTES + 1)
    if len(raw) > MAXIMUM_BYTES:
        raise ConfigurationError(f"stdin holds more than {MAXIMUM_BYTES // 2**20} MiB")
    return raw.decode("utf-8", "surrogateescape")


def _selection(request: LintRequest) -> Selection:
    from poetry_gpu_build.lint.registry import Selection

    return Selection(request.select, request.ignore)


def _report(done: list[Linted], here: Path, form: str, *, fixed: int = 0) -> Report:
    """One report of all projects, with what its format says beyond the findings."""
    from poetry_gpu_build.lint.formats.interface import Report

    findings = [finding for linted in done for finding in linted.findings]
    sources = {path: source for linted in done for path, source in linted.sources.items()}
    return Report(
        findings=tuple(sorted(findings, key=lambda finding: finding.order)),
        root=_base([linted.root for linted in done], here),
        rules=_pages() if form == "sarif" else {},
        sources=sources,
        version=_version() if form in ("json", "sarif") else "",
        files=len(sources),
        fixed=fixed,
    )


def _pages() -> dict[str, RulePage]:
    from poetry_gpu_build.lint.rule_page import all_pages

    return {page.code: page for page in all_pages()}


def _version() -> str:
    """The installed version; reading it costs more than linting, and few formats say it."""
    import poetry_gpu_build

    return poetry_gpu_build.__version__


def _base(roots: list[Path], here: Path) -> Path:
    """The folder that shown paths count from: the one where the user stands, or the one project that is not below."""
    return here if len(roots) != 1 or roots[0].is_relative_to(here) else roots[0]


def _show(report: Report, request: LintRequest, here: Path, streams: Streams) -> None:
    from poetry_gpu_build.lint.formats.interface import Style
    from poetry_gpu_build.lint.formats.load import load_format

    style = Style(color=streams.color and request.output is None, statistics=request.statistics)
    form = load_format(request.format, style)
    if request.output is not None:
        _write_report(request.output, "".join(form.render(report)), here)
        count = len(report.findings)
        streams.stderr.write(f"wrote {request.output}: {count} finding{'' if count == 1 else 's'}\n")
        return
    with _printing(streams.stdout):
        form.write(report, streams.stdout)


def _print_exactly(text: str, stdout: TextIO) -> None:
    """Print the bytes of the files that the text was made of, whatever stdout's encoding is."""
    binary = getattr(stdout, "buffer", None)
    with _printing(stdout):
        if binary is None:
            stdout.write(text)
        else:
            binary.write(text.encode("utf-8", "surrogateescape"))


@contextmanager
def _printing(stdout: TextIO) -> Iterator[None]:
    """A reader that has read enough (`| head`) is no error; a full disk is one."""
    try:
        yield
        stdout.flush()
    except BrokenPipeError:
        hang_up(stdout)
    except OSError as error:
        hang_up(stdout)
        raise ConfigurationError(f"the report cannot be written to stdout: {error.strerror}") from error


def _write_report(name: str, text: str, here: Path) -> None:
    """Put a report in the place of the last one; what is no regular file, such as /dev/stderr, is written to."""
    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.durable import write_whole

    path = here / name
    if not path.parent.is_dir():
        ways_out = (f"make it: mkdir -p {path.parent}",)
        raise ConfigurationError(f"there is no folder for --output {name}", where=Position(path), ways_out=ways_out)
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
            return
        old = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else None
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be written: {error.strerror}", where=Position(path)) from error
    write_whole(path, old, text)


def _exit_code(status: int, problems: list[GpuBuildError], request: LintRequest, here: Path, streams: Streams) -> int:
    for problem in problems:
        _print_error(problem, here, streams.stderr)
    if problems:
        return ConfigurationError.exit_code
    return 0 if request.exit_zero else status


def _failed(error: GpuBuildError, request: LintRequest, here: Path, streams: Streams) -> int:
    _print_error(error, here, streams.stderr)
    if request.format == "json" and request.output is None:
        _print_json({"error": error.as_data()}, streams.stdout)
    return error.exit_code


def _print_json(data: dict[str, Any], stdout: TextIO) -> None:
    import json

    from poetry_gpu_build.lint.formats.json import SCHEMA_VERSION

    with _printing(stdout):
        stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=2) + "\n")


def _print_error(error: GpuBuildError, here: Path, stderr: TextIO) -> None:
    if error.where is not None:
        error.where = error.where.seen_from(here)
    encoding = getattr(stderr, "encoding", None) or "utf-8"
    stderr.write(f"error: {error}\n".encode(encoding, "backslashreplace").decode(encoding))
