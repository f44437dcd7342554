"""`poetry gpu-build advise`: which wheel serves these cards, whether a compile is needed, and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.errors import NoModeServesError

if TYPE_CHECKING:
    from pathlib import Path

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.advise_formats import Pinned
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.offers.ways_out import WaysOut
    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.scaffold.change import Changes
    from poetry_gpu_build.scaffold.torch_choice import Chosen


class GpuBuildAdviseCommand(GpuBuildBaseCommand):
    """Shows what serves the cards."""

    name = "gpu-build advise"
    description = "Shows which wheel serves these cards, or which compile; writes it into pyproject.toml with --apply."
    help = """\
For the cards in question: the newest torch wheel of each index that runs on all of them, whether a compile is needed
at all, with which CUDA toolkit and TORCH_CUDA_ARCH_LIST, which drivers drive them, and the lines for pyproject.toml.

  <comment>poetry gpu-build advise</comment>                                for this machine, or the targets set
  <comment>poetry gpu-build advise --gpu "GTX 970"</comment>                for that card, whatever is in here
  <comment>poetry gpu-build advise --gpu 5.2 --gpu 12.0</comment>           one image for both
  <comment>poetry gpu-build advise --gpu 8.9 --driver 535.54.03</comment>   on a machine with that driver
  <comment>poetry gpu-build advise --gpu 5.2 --apply</comment>              pins the newest of these wheels
  <comment>poetry gpu-build advise --gpu 5.2 --apply --index PyPI</comment> pins that of one index

A wheel is offered if its machine code, or its PTX, runs on every card, if a known driver runs it, and if it installs in
the image's Python. Beside it stands how somebody knows what it holds: measured is read from the wheel itself. Without
--index the newest is taken, whatever its evidence.

--apply writes torch, its group and its source, and floor = "wheel" where the policy's number would have torch compiled
for these cards; the rest of the file stays, byte for byte. Run twice, it changes nothing. --diff shows the change and
writes nothing. docs/advise.md says more.

Exit codes: 0 something serves, 3 nothing serves all the cards together, or no wheel of --index does, 2 usage."""

    options: ClassVar[list[Option]] = [
        option("gpu", None, "The image is for this card, such as 5.2 or 'GTX 970'.", flag=False, multiple=True),
        option("driver", None, "The machine's driver, such as 570.124.06, if it is not this one.", flag=False),
        option("format", None, "How to show it: text, json.", flag=False),
        option("index", None, "Take the wheel of this index: PyPI, cu126.", flag=False),
        option("apply", None, "Write the wheel into pyproject.toml."),
        option("diff", None, "Show what --apply would change, and write nothing."),
    ]

    def run_command(self) -> int:
        """Read, advise, show, write."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build import resources
        from poetry_gpu_build.commands.advise_formats import FORMATS
        from poetry_gpu_build.commands.advise_formats import Advice
        from poetry_gpu_build.facts.load import load_compatibility
        from poetry_gpu_build.offers.case import Case
        from poetry_gpu_build.offers.ways_out import find_ways_out
        from poetry_gpu_build.policy import load_policy
        from poetry_gpu_build.scaffold.pinning import chosen_offer
        from poetry_gpu_build.scaffold.pinning import lines_to_pin

        form = self.option("format") or "text"
        if form not in FORMATS:
            raise ConfigurationError(f"--format {form} is unknown", ways_out=(f"choose one of: {', '.join(FORMATS)}",))
        is_for_file = bool(self.option("apply") or self.option("diff"))
        root, pyproject = _manifest(self.start_folder, is_needed=is_for_file)
        policies = resources.policies_dir()
        policy = load_policy(policies, pyproject)
        facts = load_compatibility(policies / "facts")
        gpus = self._gpus(policy, pyproject)
        ways = find_ways_out(Case.under(policy, gpus, facts))
        offer = _of_index(ways, self.option("index"), facts)
        chosen = None if offer is None else chosen_offer(offer, ways.targets, policy)
        changes = None
        if is_for_file and root is not None and pyproject is not None:
            if chosen is None:
                raise NoModeServesError(
                    "there is no wheel to pin: none serves all of " + ", ".join(map(str, ways.targets)),
                    ways_out=("see what does: poetry gpu-build advise, without --apply",),
                )
            changes = _changes(root, pyproject, policy, facts, chosen)
        advice = Advice(
            gpus=gpus,
            policy=policy,
            ways=ways,
            pinned=None if pyproject is None else self._pinned(pyproject, policy, facts, gpus),
            offer=offer,
            follows_wheel=chosen is not None and chosen.follow_wheel,
            lines=None if chosen is None else lines_to_pin(chosen, policy, facts),
            changes=changes,
        )
        if root is not None and changes is not None and changes.changes and not self.option("diff"):
            from poetry_gpu_build.commands.writing import write_changes

            write_changes(root, changes.changes)
        self.result(FORMATS[form](advice))
        self._tell(changes)
        return 0 if ways.serves else NoModeServesError.exit_code

    def _gpus(self, policy: Policy, pyproject: TomlDocument | None) -> tuple[Gpu, ...]:
        """The cards in question, with --driver for all of them. Raises ConfigurationError where there are none."""
        import os
        from dataclasses import replace

        from poetry_gpu_build import resources
        from poetry_gpu_build.gpu.detect import find_gpus
        from poetry_gpu_build.policy import SETTINGS
        from poetry_gpu_build.values import DriverVersion

        driver = None
        if (text := self.option("driver")) is not None:
            if text.strip().isdecimal():
                raise InvalidValueError(
                    f"--driver: {text.strip()} is a branch, and what a driver runs depends on the rest as well",
                    ways_out=("write the whole version, as nvidia-smi shows it, such as 570.124.06",),
                )
            try:
                driver = DriverVersion.parse(text)
            except InvalidValueError as error:
                raise InvalidValueError(f"--driver: {error.message}", ways_out=error.ways_out) from error
        report = find_gpus(
            flags=self.option("gpu"),
            configured=policy.targets,
            configured_at=None if pyproject is None else pyproject.locate(*SETTINGS, "targets"),
            environment=os.environ,
            facts_dir=resources.policies_dir() / "facts",
        )
        for message in report.messages:
            self.note(f"note: {message}")
        if not report.gpus:
            raise ConfigurationError(
                "there is no card to advise for: no --gpu, no [tool.gpu-build] targets, and no GPU found",
                ways_out=("name the card: poetry gpu-build advise --gpu 'GTX 970', or --gpu 5.2",),
            )
        return tuple(gpu if driver is None else replace(gpu, driver=driver) for gpu in report.gpus)

    def _pinned(
        self, pyproject: TomlDocument, policy: Policy, facts: CompatibilityFacts, gpus: tuple[Gpu, ...]
    ) -> Pinned | None:
        """The torch of the project, held against the cards; None where there is none, or nothing is known of it."""
        from poetry_gpu_build.commands.advise_formats import Pinned
        from poetry_gpu_build.coverage.answer import all_of
        from poetry_gpu_build.coverage.wheels import wheel_runs
        from poetry_gpu_build.plan import pinned_torch
        from poetry_gpu_build.project import read_project

        try:
            build = pinned_torch(read_project(pyproject, policy.python), policy, facts).build
        except ConfigurationError as error:
            self.note(f"note: the torch of the project is not looked at: {error.message}")
            return None
        wheel = None if build is None else facts.wheel(build)
        if wheel is None:
            return None
        answer = all_of(wheel_runs(wheel, gpu.capability, facts, driver=gpu.driver) for gpu in gpus)
        return Pinned(str(wheel.torch), answer)

    def _tell(self, changes: Changes | None) -> None:
        if changes is None:
            return
        for note in changes.notes:
            self.note(f"note: {note}")
        if not changes.changes:
            self.note("nothing to do: pyproject.toml pins this wheel")
        elif not self.option("diff"):
            self.note(f"wrote {', '.join(change.path for change in changes.changes)}")


def _manifest(start: Path, *, is_needed: bool) -> tuple[Path | None, TomlDocument | None]:
    """The project around ``start`` and its manifest; without one the policy's defaults are advised by."""
    from poetry_gpu_build.commands.writing import project_root
    from poetry_gpu_build.documents.toml import read_toml

    try:
        root = project_root(start)
    except ConfigurationError:
        if is_needed:
            raise
        return None, None
    return root, read_toml(root / "pyproject.toml")


def _of_index(ways: WaysOut, index: str | None, facts: CompatibilityFacts) -> Offer | None:
    """The newest offer, or that of one index.

    Raises NoModeServesError where that index has none, ConfigurationError for one that the facts do not know.
    """
    if index is None:
        return ways.offers[0] if ways.offers else None
    named = index.strip().rstrip("/").lower()
    for offer in ways.offers:
        if named in (offer.index_name.lower(), offer.wheel.index.lower()):
            return offer
    from poetry_gpu_build.offers.wheels import index_name

    offered = tuple(offer.index_name for offer in ways.offers)
    indexes = {index_name(wheel): wheel.index for wheel in facts.wheels}
    if not any(named in (name.lower(), url.lower()) for name, url in indexes.items()):
        known = ", ".join(offered or sorted(indexes))
        raise ConfigurationError(f"--index {index} is none that is known", ways_out=(f"choose one of: {known}",))
    raise NoModeServesError(
        f"--index {index}: no wheel of that index serves " + ", ".join(map(str, ways.targets)),
        ways_out=(
            f"choose one of: {', '.join(offered)}" if offered else "no index has one: leave --index out, and --apply",
        ),
    )


def _changes(root: Path, pyproject: TomlDocument, policy: Policy, facts: CompatibilityFacts, chosen: Chosen) -> Changes:
    from poetry_gpu_build.commands.writing import read_text
    from poetry_gpu_build.project import LOCK
    from poetry_gpu_build.project import read_project
    from poetry_gpu_build.scaffold.pinning import pin_torch
    from poetry_gpu_build.scaffold.plan_changes import PYPROJECT

    project: Project = read_project(pyproject, policy.python)
    text = read_text(root, PYPROJECT) or ""
    return pin_torch(text, project, policy, facts, chosen, has_lock=(root / LOCK).exists())
