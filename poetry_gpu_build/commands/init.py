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
        from poetry_gpu_build.commands.writing import project_root
        from poetry_gpu_build.commands.writing import read_text
        from poetry_gpu_build.documents.toml import read_toml
        from poetry_gpu_build.facts.load import load_compatibility
        from poetry_gpu_build.policy import load_policy
        from poetry_gpu_build.project import read_project
        from poetry_gpu_build.scaffold.plan_changes import PYPROJECT
        from poetry_gpu_build.scaffold.plan_changes import Found
        from poetry_gpu_build.scaffold.plan_changes import files_of
        from poetry_gpu_build.scaffold.plan_changes import plan_changes

        root = project_root(self.start_folder)
        policies = resources.policies_dir()
        pyproject = read_toml(root / PYPROJECT)
        policy = load_policy(policies, pyproject)
        project = read_project(pyproject, policy.python)
        texts = {path: read_text(root, path) for path in files_of(policy)}
        found = Found(project, texts, _has_package(project), _repository(root))
        shipped = {file.name: file.read_text(encoding="utf-8") for file in resources.docker_dir().iterdir()}
        facts = load_compatibility(policies / "facts")
        planned = plan_changes(found, policy, facts, shipped, force=bool(self.option("force")))
        return self._carry_out(root, planned.changes, planned.notes)

    def _carry_out(self, root: Path, changes: tuple[Change, ...], notes: tuple[str, ...]) -> int:
        from poetry_gpu_build.commands.writing import show_changes
        from poetry_gpu_build.commands.writing import write_changes

        show_changes(self, changes, notes)
        if not changes:
            self.note("nothing to do: the project is under the policy")
            return 0
        if self.option("dry-run"):
            return 0
        if not self.option("yes") and not self._agreed():
            self.note("nothing was written")
            return DECLINED
        write_changes(root, changes)
        self.note(f"wrote {', '.join(change.path for change in changes)}")
        self.note("next: poetry gpu-build --dry-run")
        return 0

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
