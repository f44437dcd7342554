"""`poetry gpu-build up`: hands over to Docker Compose, with the mode's Dockerfile and arguments in its environment."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING
from typing import ClassVar
from typing import NoReturn

from cleo.helpers import argument
from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.formats import as_env
from poetry_gpu_build.commands.formats import as_text
from poetry_gpu_build.commands.linting import lint_first
from poetry_gpu_build.commands.linting import no_lint_option
from poetry_gpu_build.engine.compose import compose_command
from poetry_gpu_build.engine.compose import compose_environment

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option


class GpuBuildUpCommand(GpuBuildBaseCommand):
    """Brings the project's services up on the right image."""

    name = "gpu-build up"
    description = "Runs docker compose up --build with the mode that this machine's GPUs need."
    help = """\
Chooses the mode as <info>poetry gpu-build</info> does, sets the variables of the project's Compose file, and hands
over to <info>docker compose up --build</info>; its exit code is Compose's own. The project is linted before, and errors
stop it. What stands behind -- goes to Compose:

  <comment>poetry gpu-build up -- --detach</comment>"""

    arguments: ClassVar[list[Argument]] = [
        argument("arguments", "For docker compose up.", optional=True, multiple=True),
    ]
    options: ClassVar[list[Option]] = [
        option("from-source", None, "Compile torch, whatever the GPUs say."),
        option("binary", None, "Install the torch wheel, whatever the GPUs say."),
        option("gpu", None, "Build for this card instead of the machine's.", flag=False, multiple=True),
        option("dry-run", None, "Print the variables that Compose would get, and start nothing."),
        no_lint_option(),
    ]

    def run_command(self) -> int:
        """Plan, and become Compose."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.commands.planning import Asked
        from poetry_gpu_build.commands.planning import plan_project
        from poetry_gpu_build.engine.preflight import check_compose
        from poetry_gpu_build.plan import inside_project

        asked = Asked(
            from_source=bool(self.option("from-source")),
            binary=bool(self.option("binary")),
            gpus=tuple(self.option("gpu")),
        )
        planned = plan_project(self.start_folder, asked)
        plan = planned.plans[0]
        for note in planned.notes:
            self.note(f"note: {note}")
        self.note(as_text(planned.plans))
        if plan.mode == "source" and planned.policy.torch_image is not None:
            self.note("note: Compose takes no published torch, and compiles: docs/torch-image.md says how to avoid it")
        inside_project(planned.project, plan.compose_file, "the Compose file", ("compose-file",))
        lint_first(self, planned.project.root, dry_run=bool(self.option("dry-run")))
        if not self.option("dry-run"):
            check_compose()
            _become(compose_command(plan, self.argument("arguments")), compose_environment(plan))
        self.result(as_env(planned.plans))
        return 0


def _become(command: list[str], variables: dict[str, str]) -> NoReturn:
    """Replace this process, so that the terminal, the signals and the exit code are Compose's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(command[0], command, {**os.environ, **variables})  # noqa: S606 - no shell is the point
