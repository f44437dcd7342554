"""`--report FILE`: what the build took, and why; written too where it failed or was stopped."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import BuildFailedError
from poetry_gpu_build.errors import BuildInterruptedError
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from typing import BinaryIO

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.engine.preflight import Engine
    from poetry_gpu_build.engine.recording import Recording
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.report.inputs import Inputs
    from poetry_gpu_build.report.model import ImageSize
    from poetry_gpu_build.report.model import Outcome
    from poetry_gpu_build.report.model import Report
    from poetry_gpu_build.report.remembered import Memory

SUFFIXES = (".html", ".json", ".md")
_LARGEST_SECRET = 64 * 1024


class Watched(NamedTuple):
    """What run_bake gets instead of the user's options and stderr."""

    options: BuildOptions
    out: BinaryIO


def report_paths(texts: Sequence[str], *, dry_run: bool) -> tuple[Path, ...]:
    """The files that `--report` names. Raises ConfigurationError, before anything is built, for what cannot be one."""
    paths = []
    for text in texts:
        path = Path(text).absolute()
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigurationError(
                f"--report {text} does not tell its format", ways_out=(f"let it end in {', '.join(SUFFIXES)}",)
            )
        if dry_run:
            raise ConfigurationError(
                "--report is of a build, and --dry-run builds nothing", ways_out=("leave one out",)
            )
        try:
            is_right = path.parent.is_dir() and (path.is_file() or not path.exists())
        except (OSError, ValueError):  # too long, a NUL character
            is_right = False
        if not is_right or not os.access(path.parent, os.W_OK):
            raise ConfigurationError(
                f"--report {text} cannot be written",
                ways_out=("name a file in a folder that exists and that you may write to",),
            )
        paths.append(path)
    return tuple(dict.fromkeys(paths))


@contextlib.contextmanager
def reported(
    command: GpuBuildBaseCommand,
    paths: Sequence[Path],
    plans: Sequence[Plan],
    options: BuildOptions,
    engine: Engine,
    contexts: Mapping[ModeName, Mapping[str, str]],
) -> Iterator[Watched]:
    """Watch the build that happens inside, and write its reports when it has ended, however it has.

    ``contexts`` are the named contexts of each mode: their folders, by their names.
    Raises ConfigurationError where a report of a build that succeeded cannot be written; the error of one that did not
    is more important than its report, which then is a note.
    """
    if not paths:
        yield Watched(options, sys.stderr.buffer)
        return
    from poetry_gpu_build.engine.recording import record

    _warn_of_context(command, paths, plans)
    recording = record(plans, options, engine, sys.stderr.buffer)
    watch = _Watch(plans, options, engine, recording, contexts)
    try:
        yield Watched(recording.options, recording.out)
    except (BuildFailedError, BuildInterruptedError) as error:
        outcome: Outcome = "failed" if isinstance(error, BuildFailedError) else "interrupted"
        with _noted(command):
            _write_all(command, paths, watch.report(outcome, str(error.message).splitlines()[0]))
            watch.remember()
        raise
    _write_all(command, paths, watch.report("built", ""))
    with _noted(command):
        watch.remember()


class _Watch:
    """What was known before the build, and is compared with what it told."""

    def __init__(
        self,
        plans: Sequence[Plan],
        options: BuildOptions,
        engine: Engine,
        recording: Recording,
        contexts: Mapping[ModeName, Mapping[str, str]],
    ) -> None:
        from poetry_gpu_build.report.remembered import Memory

        self._plans = plans
        self._options = options
        self._engine = engine
        self._recording = recording
        self._memories: dict[str, Memory] = {plan.mode: Memory(plan.root, plan.mode, os.environ) for plan in plans}
        # Before the build: what is changed while it runs for hours is not what it was made from.
        self._now: dict[str, Inputs | None] = {}
        if not options.overrides:
            self._now = {plan.mode: _read_inputs(plan, contexts.get(plan.mode, {})) for plan in plans}
        self._before = {mode: memory.recall() for mode, memory in self._memories.items()}
        self._report: Report | None = None

    def report(self, outcome: Outcome, error: str) -> Report:
        from poetry_gpu_build.report.invalidation import Compared
        from poetry_gpu_build.report.make import Told
        from poetry_gpu_build.report.make import make_report

        steps = self._recording.steps()
        notes = list(steps.notes)
        if self._options.overrides:
            notes.append("--set changes what is built: why steps ran is not known")
        told = Told(
            title=", ".join(tag for plan in self._plans for tag in plan.tags),
            outcome=outcome,
            error=error,
            engine=f"buildx {self._engine.buildx}, builder {self._engine.builder} ({self._engine.driver})",
            vertices=steps.vertices,
            unseen=steps.unseen,
            compared={
                plan.mode: Compared(self._now.get(plan.mode), self._before[plan.mode], no_cache=self._options.no_cache)
                for plan in self._plans
            },
            images=_images(self._plans, self._options, self._engine) if outcome == "built" else {},
            notes=tuple(notes),
        )
        self._report = make_report(told, _redactor(self._plans, self._options))
        return self._report

    def remember(self) -> None:
        """Keep what the cache now holds. Raises ConfigurationError where it cannot be written."""
        from poetry_gpu_build.report.invalidation import merged

        assert self._report is not None
        for mode, now in self._now.items():
            target = mode if len(self._plans) > 1 else ""
            steps = [step for step in self._report.steps if step.target == target]
            if now is not None and steps:
                self._memories[mode].keep(merged(now, self._before[mode], steps))


def _read_inputs(plan: Plan, contexts: Mapping[str, str]) -> Inputs | None:
    """What the build is made from; None where the Dockerfile cannot be read, which BuildKit will say better."""
    from poetry_gpu_build.report.inputs import read_inputs

    try:
        # A context may be an image, too: docker-image://…
        folders = {name: Path(place) for name, place in contexts.items() if "://" not in place}
        inputs = read_inputs(plan.root / plan.dockerfile, plan.root / plan.context, plan.build_args, folders)
    except ConfigurationError:
        return None
    return inputs._replace(bases=_with_ids(inputs.bases))


def _with_ids(bases: Mapping[str, str]) -> dict[str, str]:
    """The bases, each with the id that the local engine knows it by, if any: a name may move to another image."""
    from poetry_gpu_build.engine.preflight import ask_docker

    ids: dict[str, str] = {}
    for name in set(bases.values()):
        answer = ask_docker(["image", "inspect", "--format", "{{.Id}}", "--", name])
        ids[name] = f"{name} {answer.output.strip()}" if answer.status == 0 else name
    return {stage: ids[name] for stage, name in bases.items()}


def _images(plans: Sequence[Plan], options: BuildOptions, engine: Engine) -> dict[str, ImageSize]:
    """The images that the local engine has after the build."""
    from poetry_gpu_build.commands.verifying import why_not_local
    from poetry_gpu_build.engine.image import inspect_image
    from poetry_gpu_build.errors import EngineUnavailableError
    from poetry_gpu_build.report.model import ImageSize
    from poetry_gpu_build.report.model import LayerSize

    found: dict[str, ImageSize] = {}
    if why_not_local(options, engine) is not None:
        return found
    for plan in plans:
        with contextlib.suppress(ConfigurationError, EngineUnavailableError):  # then no size is known
            image = inspect_image(plan.tags[0])
            layers = tuple(LayerSize(layer.size, layer.made_by) for layer in image.layers)
            found[plan.mode] = ImageSize(image.name, image.size, layers)
    return found


def _redactor(plans: Sequence[Plan], options: BuildOptions) -> Callable[[str], str]:
    from poetry_gpu_build.report.secrets import redactor
    from poetry_gpu_build.report.secrets import secret_arguments

    arguments = [item for plan in plans for item in plan.build_args.items()]
    return redactor([*secret_arguments(arguments), *filter(None, map(_secret_value, options.secrets))])


def _secret_value(written: str) -> str | None:
    """The value of a `--secret`, which a step may have printed."""
    fields = dict(field.partition("=")[::2] for field in written.split(","))
    if "env" in fields or fields.get("type") == "env":
        return os.environ.get(fields.get("env", fields.get("id", "")))
    source = fields.get("src") or fields.get("source")
    with contextlib.suppress(OSError, ValueError):
        if source and Path(source).is_file() and Path(source).stat().st_size <= _LARGEST_SECRET:
            return Path(source).read_text(encoding="utf-8", errors="replace").strip()
    return None


def _warn_of_context(command: GpuBuildBaseCommand, paths: Sequence[Path], plans: Sequence[Plan]) -> None:
    from poetry_gpu_build.report.inputs import is_ignored

    for path in paths:
        with contextlib.suppress(ConfigurationError):  # an ignore file that cannot be read is BuildKit's to refuse
            if not all(is_ignored(path, plan.root / plan.dockerfile, plan.root / plan.context) for plan in plans):
                command.note(
                    f"note: {path.name} lies in the build context: each report changes what COPY . . copies; "
                    "write it elsewhere, or name it in .dockerignore"
                )


@contextlib.contextmanager
def _noted(command: GpuBuildBaseCommand) -> Iterator[None]:
    """What cannot be written is a note: something else is more important."""
    try:
        yield
    except ConfigurationError as error:
        command.note(f"note: {error.message}")


def _write_all(command: GpuBuildBaseCommand, paths: Sequence[Path], report: Report) -> None:
    for path in paths:
        _write(path, report)
        command.note(f"report: {path}")


def _write(path: Path, report: Report) -> None:
    from poetry_gpu_build.documents.reading import read_source
    from poetry_gpu_build.durable import write_whole

    old = read_source(path).text if path.exists() else None
    write_whole(path, old, _rendered(path, report))


def _rendered(path: Path, report: Report) -> str:
    match path.suffix.lower():
        case ".html":
            from poetry_gpu_build.report.html import as_html

            return as_html(report)
        case ".md":
            from poetry_gpu_build.report.markdown import as_markdown

            return as_markdown(report)
        case _:
            from poetry_gpu_build.report.document import as_document

            return as_document(report)
