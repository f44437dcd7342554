"""`poetry gpu-build swap`: puts a compiled torch in force inside the image, proves it, and takes it back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import argument
from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.swap.place import Site
    from poetry_gpu_build.swap.proof import ProofLine
    from poetry_gpu_build.values import ComputeCapability

ACTIONS = ("apply", "check", "undo")
FORMATS = ("text", "json")
ARCH_LIST = "TORCH_CUDA_ARCH_LIST"


class GpuBuildSwapCommand(GpuBuildBaseCommand):
    """Puts a compiled torch in force."""

    name = "gpu-build swap"
    description = "Puts the compiled torch under /opt in force, and proves it; inside the image."
    help = """\
Runs inside the image, without a network:

  <comment>poetry gpu-build swap --apply</comment>                 take the torch that lies at the policy's prefix
  <comment>poetry gpu-build swap --apply dist/</comment>           unpack the wheel of a compile there first
  <comment>poetry gpu-build swap --apply --remove-shadow</comment> move a torch in site-packages aside
  <comment>poetry gpu-build swap --apply --front</comment>         put it before site-packages on the path
  <comment>poetry gpu-build swap --check</comment>                 prove what is in force
  <comment>poetry gpu-build swap --undo</comment>                  put everything back as it was

The proof: two fresh interpreters (python -I, and python) import the one torch that there is from the prefix; it is the
version that the source mode names, its requirements are satisfied, and the machine code in it runs on the targets:
those of --target, else of TORCH_CUDA_ARCH_LIST in the environment, else of the policy. docs/swap.md says more.

Exit codes: 0 done and proven, 2 usage, or it cannot be done (everything is as it was), 6 a line of the proof failed."""

    arguments: ClassVar[list[Argument]] = [
        argument("path", "With --apply: a wheel, or a folder with one; default: the prefix.", optional=True)
    ]
    options: ClassVar[list[Option]] = [
        option("apply", None, "Put the torch in force, and prove it."),
        option("check", None, "Prove what is in force; change nothing."),
        option("undo", None, "Put everything back, byte for byte."),
        option("front", None, "Put it before site-packages: an import line, with its .start twin (PEP 829)."),
        option("remove-shadow", None, "Move a torch that stands before it aside; --undo brings it back."),
        option("target", None, "It must run on this compute capability, such as 5.2.", flag=False, multiple=True),
        option("site-dir", None, "Work outside a container, and write into this folder of packages.", flag=False),
        option("format", None, f"How to show it: {', '.join(FORMATS)}.", flag=False),
    ]

    def run_command(self) -> int:
        """Find the place, do it, prove it, show it."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.lint.formats.characters import visible
        from poetry_gpu_build.swap.apply import locked
        from poetry_gpu_build.swap.place import checked_prefix

        action = self._action()
        pyproject = self._pyproject()
        policy = self._policy(pyproject)
        prefix = checked_prefix(policy.source_prefix)
        site = self._site(action)
        try:
            with locked(site, prefix, self.note):
                if action == "undo":
                    return self._undo(site)
                return self._run(action, policy, site, prefix, pyproject)
        except (UnreadableBinaryError, ConfigurationError) as error:
            error.message = visible(error.message)  # the names inside a wheel are anybody's text
            raise

    def _run(self, action: str, policy: Policy, site: Site, prefix: Path, pyproject: TomlDocument | None) -> int:
        from poetry_gpu_build import resources
        from poetry_gpu_build.facts.load import load_compatibility
        from poetry_gpu_build.lint.formats.characters import visible
        from poetry_gpu_build.swap.apply import Request
        from poetry_gpu_build.swap.apply import apply
        from poetry_gpu_build.swap.apply import unfinished
        from poetry_gpu_build.swap.proof import Expectation
        from poetry_gpu_build.swap.prove import prove

        facts = load_compatibility(resources.policies_dir() / "facts")
        expectation = Expectation(policy.source.torch, str(prefix), self._targets(policy, pyproject, facts))
        done: list[str] = []
        if action == "apply":
            source = Path(self.argument("path") or prefix)
            wanted = Request(site, prefix, source, self.option("front"), self.option("remove-shadow"))
            done = apply(wanted, expectation)
            for each in done or ["nothing to do: it is in force already"]:
                self.note(visible(each))
        lines = (*unfinished(site.purelib), *prove(site.python, expectation, facts))
        return self._show(site, prefix, done, lines)

    def _show(self, site: Site, prefix: Path, done: list[str], lines: tuple[ProofLine, ...]) -> int:
        from poetry_gpu_build.commands.proof_lines import line_data
        from poetry_gpu_build.commands.proof_lines import proof_failed
        from poetry_gpu_build.commands.proof_lines import text_lines
        from poetry_gpu_build.swap.proof import proved

        error = None if proved(lines) else proof_failed(f"the torch of {site.python} is not what was meant", lines)
        if self.wants_json:
            document = {
                "prefix": str(prefix),
                "python": str(site.python),
                "purelib": str(site.purelib),
                "done": done,
                "proven": error is None,
                "proof": line_data(lines),
            }
            self.result(json_document(document if error is None else {"error": error.as_data(), **document}))
        else:
            self.result("\n".join([f"torch of {site.python}", *text_lines(lines)]))
        if error is None:
            return 0
        self.note(f"error: {error.message}", style="error")
        return error.exit_code

    def _undo(self, site: Site) -> int:
        from poetry_gpu_build.swap.apply import undo
        from poetry_gpu_build.swap.pth import PTH_NAME
        from poetry_gpu_build.swap.pth import read_swap

        prefix = undo(site.purelib)
        if prefix is None and read_swap(site.purelib) is not None:
            raise ConfigurationError(
                f"{site.purelib / PTH_NAME} was not written by this command, and there is no record of what was before",
                ways_out=(f"remove it by hand: rm {site.purelib / PTH_NAME}",),
            )
        said = f"took back the swap of {prefix}" if prefix is not None else f"there is no swap in {site.purelib}"
        if self.wants_json:
            undone = None if prefix is None else str(prefix)
            self.result(json_document({"purelib": str(site.purelib), "undone": undone}))
        else:
            self.result(said)
        return 0

    def _action(self) -> str:
        form = self.option("format") or FORMATS[0]
        if form not in FORMATS:
            raise ConfigurationError(f"--format {form} is unknown", ways_out=(f"choose one of: {', '.join(FORMATS)}",))
        asked = [action for action in ACTIONS if self.option(action)]
        if len(asked) != 1:
            listed = " and ".join(f"--{action}" for action in asked)
            raise ConfigurationError(
                f"{listed} exclude each other" if asked else "nothing is asked for",
                ways_out=("choose one: poetry gpu-build swap --apply, --check or --undo",),
            )
        only_apply = {"PATH": self.argument("path"), "--front": self.option("front")}
        only_apply["--remove-shadow"] = self.option("remove-shadow")
        for name, value in only_apply.items():
            if value and asked != ["apply"]:
                raise ConfigurationError(
                    f"{name} means nothing with --{asked[0]}", ways_out=("poetry gpu-build swap --apply takes it",)
                )
        return asked[0]

    def _site(self, action: str) -> Site:
        """The interpreter; refuses to change a host's. With `--site-dir` it is the one that runs this."""
        import sys

        from poetry_gpu_build.swap.container import container_sign
        from poetry_gpu_build.swap.place import image_interpreter
        from poetry_gpu_build.swap.place import read_site

        if (named := self.option("site-dir")) is not None:
            return read_site(Path(sys.executable), Path(named))
        if action != "check" and container_sign(os.environ) is None:
            raise ConfigurationError(
                "this is no container, and the swap changes the interpreter that it runs in",
                ways_out=(
                    "run it in a step of the image's build: RUN poetry gpu-build swap --apply",
                    "or name the folder of packages that may be changed: --site-dir DIR",
                ),
            )
        return read_site(image_interpreter(os.environ))

    def _pyproject(self) -> TomlDocument | None:
        """The project's manifest; None where no project is there yet."""
        from poetry_gpu_build.documents.toml import read_toml

        folder = self.start_folder
        files = (each / "pyproject.toml" for each in (folder, *folder.parents))
        found = next((file for file in files if file.is_file()), None)
        return None if found is None else read_toml(found)

    def _policy(self, pyproject: TomlDocument | None) -> Policy:
        from poetry_gpu_build import resources
        from poetry_gpu_build.policy import load_policy

        return load_policy(resources.policies_dir(), pyproject)

    def _targets(
        self, policy: Policy, pyproject: TomlDocument | None, facts: CompatibilityFacts
    ) -> tuple[ComputeCapability, ...]:
        from poetry_gpu_build.errors import InvalidValueError
        from poetry_gpu_build.lint.arch_list import parse_arch_list
        from poetry_gpu_build.lint.arch_list import policy_targets
        from poetry_gpu_build.values import ComputeCapability

        named = self.option("target")
        if named:
            return tuple(sorted({ComputeCapability.parse(text) for text in named}))
        listed = parse_arch_list(os.environ.get(ARCH_LIST, ""))
        if listed is None:
            return tuple(sorted(set(policy_targets(policy, pyproject, lambda: facts))))
        for each in listed:
            if each.capability is None:
                raise InvalidValueError(
                    f"{ARCH_LIST} holds {each.text!r}, which is no architecture",
                    ways_out=("write it as 5.2;6.1", "or name the targets: --target 5.2"),
                )
        return tuple(sorted({each.capability for each in listed if each.capability is not None}))
