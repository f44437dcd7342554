"""`poetry gpu-build dependencies`: writes what an image installs from, inside the image or beside the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from cleo.io.inputs.option import Option


class GpuBuildDependenciesCommand(GpuBuildBaseCommand):
    """Writes the manifest without all that an installation of dependencies does not read."""

    name = "gpu-build dependencies"
    description = "Writes the part of pyproject.toml that decides what an image installs."
    help = """\
The Dockerfiles run it before they install, so that only a change of a dependency installs again, and a new version of
the project, a setting of another tool or a comment does not. It writes two folders below --output:

  <comment>torch/</comment>  torch's group alone: its own layer, which only a change of torch makes anew
  <comment>all/</comment>    all dependencies; with lock = "require" the lock too

  <comment>poetry gpu-build dependencies --output /deps</comment>
  <comment>poetry gpu-build dependencies --output /deps --without-torch</comment>   where the image compiles torch

docs/rebuilds.md says what each change of a project builds again."""

    options: ClassVar[list[Option]] = [
        option("output", None, "The folder to write into; made where it is not there.", flag=False),
        option("without-torch", None, "Torch does not come from an index: its own folder installs nothing."),
    ]

    def run_command(self) -> int:
        """Read the project, reduce it, write the folders."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build import resources
        from poetry_gpu_build.documents.toml import read_toml
        from poetry_gpu_build.engine.dependency_folder import read_dependency_context
        from poetry_gpu_build.engine.dependency_folder import write_dependency_context
        from poetry_gpu_build.policy import load_policy
        from poetry_gpu_build.project import find_project

        output = self.option("output")
        if not output:
            raise ConfigurationError("there is no --output", ways_out=("name the folder to write: --output /deps",))
        pyproject = read_toml(find_project(self.start_folder) / "pyproject.toml")
        policy = load_policy(resources.policies_dir(), pyproject)
        context = read_dependency_context(pyproject, policy, with_torch=not self.option("without-torch"))
        if context.together is not None:
            self.note(f"note: torch is installed in one step with the rest: {context.together}")
        write_dependency_context(context, Path(output).absolute())
        return 0
