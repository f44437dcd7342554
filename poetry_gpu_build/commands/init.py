"""`poetry gpu-build init`: brings a project under the policy. Reads, shows the diff, asks, writes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.project import Project
    from poetry_gpu_build.scaffold.change import Change

DECLINED = 1


class GpuBuildInitCommand(GpuBuildBaseCommand):
    """Brings a project under the policy."""

    name = "gpu-build init"
    description = "Brings a project under the policy: docker/, torch's group, poetry.toml, ignore files, the hook."
    help = """\
Adds what <info>poetry gpu-build</info> needs to the project, shows the diff, and asks before it writes:

  <info>docker/</info>                    Dockerfile, Dockerfile.source and docker-compose.yml by the policy
  <info>pyproject.toml</info>             the optional group binary-torch and the explicit source of its wheel; torch,
                             torchvision and torchaudio move there from the main dependencies, with their comments
  <info>poetry.toml</info>                virtualenvs.create = false, installer.builtin-uninstall = true
  <info>.dockerignore, .gitignore</info>  entries for the lock and virtual environments
  <info>.pre-commit-config.yaml</info>    a local hook that runs the linter

  <comment>poetry gpu-build init --dry-run</comment>   the diff only
  <comment>poetry gpu-build init --yes</comment>       without the question, for scripts
  <comment>poetry gpu-build init --force</comment>     also replaces a Dockerfile or Compose file that differs

A file that is there is added to, and never overwritten without --force; run twice, the command changes nothing.
What it writes follows <info>[tool.gpu-build]</info> in pyproject.toml: settings that differ come first.

Exit codes: 0 done, or nothing to do; 1 declined, nothing was written; 2 usage, or a file that cannot be used."""

    options: ClassVar[list[Option]] = [
        option("yes", "y", "Write without asking."),
        option("dry-run", None, "Show the diff, and write nothing."),
        option("force", None, "Replace a Dockerfile or Compose file that is there and differs."),
    ]

    def run_command(self) -> int:
        """Plan the changes, show them, ask, and write them."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build import resources
        from poetry_gpu_build.documents.toml import read_toml
        from poetry_gpu_build.facts.load import load_compatibility
        from poetry_gpu_build.policy import load_policy
        from poetry_gpu_build.project import read_project
        from poetry_gpu_build.scaffold.plan_changes import PYPROJECT
        from poetry_gpu_build.scaffold.plan_changes import Found
        from poetry_gpu_build.scaffold.plan_changes import files_of
        from poetry_gpu_build.scaffold.plan_changes import plan_changes

        root = _root(self.start_folder)
        policies = resources.policies_dir()
        pyproject = read_toml(root / PYPROJECT)
        policy = load_policy(policies, pyproject)
        project = read_project(pyproject, policy.python)
        texts = {path: _read(root, path) for path in files_of(policy)}
        found = Found(project, texts, _has_package(project), _repository(root))
        shipped = {file.name: file.read_text(encoding="utf-8") for file in resources.docker_dir().iterdir()}
        facts = load_compatibility(policies / "facts")
        planned = plan_changes(found, policy, facts, shipped, force=bool(self.option("force")))
        return self._carry_out(root, planned.changes, planned.notes)

    def _carry_out(self, root: Path, changes: tuple[Change, ...], notes: tuple[str, ...]) -> int:
        self._show(changes, notes)
        if not changes:
            self.note("nothing to do: the project is under the policy")
            return 0
        if self.option("dry-run"):
            return 0
        if not self.option("yes") and not self._agreed():
            self.note("nothing was written")
            return DECLINED
        _check(root, changes)
        _write(root, changes)
        self.note(f"wrote {', '.join(change.path for change in changes)}")
        self.note("next: poetry gpu-build --dry-run")
        return 0

    def _show(self, changes: Iterable[Change], notes: Iterable[str]) -> None:
        from poetry_gpu_build.lint.fixes import unified_diff

        for change in changes:
            self.note(f"{'writes ' if change.before is None else 'changes'} {change.path}: {change.why}")
        for change in changes:
            diff = unified_diff(change.path, change.before, change.after)
            # A byte that is not UTF-8 is shown as one that is not known, and written as it is.
            self.result(diff.encode("utf-8", "surrogateescape").decode("utf-8", "replace").rstrip("\n"))
        for note in notes:
            self.note(f"note: {note}")

    def _agreed(self) -> bool:
        terminal = self.io.input.stream
        if not (self.io.is_interactive() and terminal is not None and terminal.isatty()):
            raise ConfigurationError(
                "nobody can be asked here: there is no terminal, or --no-interaction was given",
                ways_out=("write without asking: --yes", "show the diff only: --dry-run"),
            )
        from cleo.ui.confirmation_question import ConfirmationQuestion

        question = ConfirmationQuestion("Write these files?", default=False)
        question.set_max_attempts(1)  # else cleo asks for ever where the input has ended
        try:
            return bool(question.ask(self.io))
        except RuntimeError:  # cleo's word for an input that has ended
            return False


def _root(start: Path) -> Path:
    from poetry_gpu_build.project import find_project

    try:
        return find_project(start)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, ways_out=("make a Poetry project first: poetry init",)) from error


def _read(root: Path, path: str) -> str | None:
    """The text of a file of the project; None where there is none. Raises ConfigurationError for what is no file."""
    from poetry_gpu_build.documents.reading import read_source

    _inside(root, path)
    file = root / path
    return read_source(file).text if file.exists() or file.is_symlink() else None


def _inside(root: Path, path: str) -> Path:
    """Where a file really is. Raises ConfigurationError where that is outside the project."""
    from poetry_gpu_build.documents.source import Position

    file = root / path
    try:
        real = file.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise ConfigurationError(f"{path} cannot be read: {error}", where=Position(file)) from error
    if real.is_relative_to(root.resolve()):
        return real
    raise ConfigurationError(
        f"{path} lies outside the project, at {real}",
        where=Position(file),
        ways_out=("keep it inside the project, or name another file in [tool.gpu-build]",),
    )


def _check(root: Path, changes: Iterable[Change]) -> None:
    """Whether all of it can be written, before any of it is. Raises ConfigurationError."""
    from poetry_gpu_build.documents.source import Position

    for change in changes:
        real = _inside(root, change.path)
        if _read(root, change.path) != change.before:
            raise ConfigurationError(
                f"{change.path} changed meanwhile; nothing was written",
                where=Position(root / change.path),
                ways_out=("run the command again",),
            )
        folder = next(each for each in real.parents if each.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"{change.path} cannot be written: {folder.name} is "
                + ("no folder that you may write to" if folder.is_dir() else "no folder"),
                where=Position(folder),
                ways_out=("make it a folder that you may write to; nothing was written",),
            )


def _write(root: Path, changes: Iterable[Change]) -> None:
    """Write each file as a whole. Raises ConfigurationError that says which ones were written before one failed."""
    from poetry_gpu_build.durable import write_whole

    written: list[str] = []
    for change in changes:
        path = root / change.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, change.before, change.after, root=root)
        except (ConfigurationError, OSError) as error:
            message = error.message if isinstance(error, ConfigurationError) else f"{change.path} cannot be written"
            before = f"written before it: {', '.join(written)}" if written else "nothing was written"
            where = error.where if isinstance(error, ConfigurationError) else None
            raise ConfigurationError(
                f"{message}; {before}", where=where, ways_out=("mend this, and run the command again: it goes on",)
            ) from error
        written.append(change.path)


def _has_package(project: Project) -> bool:
    """Whether Poetry finds something to install as the project itself, by its own rules for names."""
    own = project.pyproject.data.get("tool", {}).get("poetry", {})
    if own.get("package-mode") is False or own.get("packages"):
        return True
    module = re.sub(r"[-.]+", "_", project.name)
    places = (project.root, project.root / "src")
    return any((place / name).exists() for place in places for name in (module, f"{module}.py"))


def _repository(root: Path) -> tuple[str, str]:
    """The root of the git repository as seen from the project, and the way back; the project itself without one."""
    real = root.resolve()
    top = next((each for each in (real, *real.parents) if (each / ".git").exists()), real)
    return os.path.relpath(top, real), os.path.relpath(real, top)
