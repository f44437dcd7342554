"""GPU502: the lock says that something else pulls torch in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.lint.manifest import TORCH
from poetry_gpu_build.lint.manifest import array
from poetry_gpu_build.lint.manifest import dependencies
from poetry_gpu_build.lint.manifest import normalised
from poetry_gpu_build.lint.manifest import table
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "poetry.lock"


def _package(name: str, groups: str, more: str = "") -> str:
    return f"[[package]]\nname = '{name}'\nversion = '2.0'\ngroups = {groups}\n{more}"


_LIGHTNING = _package("lightning", "['main']", "[package.dependencies]\ntorch = '>=2.1'\n")


class TorchPulledIn(Rule):
    """In the lock, torch's groups must be exactly the one that the mode switches.

    `--without binary-torch` leaves torch out only where nothing else asks for it. With lightning or torchvision among
    the main dependencies the source image installs the wheel after all, gigabytes of it, beside the compiled torch.
    """

    code = "GPU502"
    name = "torch-pulled-in"
    valid = (
        Example({_FILE: _package("torch", "['binary-torch']")}),
        Example({_FILE: _package("numpy", "['main']")}),
        Example({_FILE: "[[package]]\nname = 'torch'\nversion = '2.0'\n"}),
        Example({_FILE: "package = 3\n"}),
    )
    invalid = (
        Example({_FILE: _package("torch", "['binary-torch', 'main']") + _LIGHTNING}, (f"{_FILE}:4:1",)),
        Example({_FILE: _package("torch", "['dev']")}, (f"{_FILE}:4:1",)),
        Example({_FILE: _LIGHTNING + "\n" + _package("torch", "['main']")}, (f"{_FILE}:11:1",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Compare the groups of each locked torch; a lock of Poetry 1 names none."""
        lock = documents.lock
        if lock is None:
            return
        wanted = normalised(documents.policy.torch_group)
        packages = [package if isinstance(package, dict) else {} for package in array(lock.data, "package")]
        for at, package in enumerate(packages):
            groups = _groups(package)
            others = [group for group in groups if group != wanted]
            if normalised(str(package.get("name", ""))) != TORCH or not others:
                continue
            message = f"the lock has torch in {', '.join(groups)}: {_reason(packages, others, documents)}"
            help_text = f"move what needs torch into the group {wanted}, and lock again"
            yield from toml_hit(documents, lock, ("package", at, "groups"), message, help_text)


def _groups(package: dict[str, Any]) -> list[str]:
    return [normalised(group) for group in array(package, "groups") if isinstance(group, str)]


def _reason(packages: list[dict[str, Any]], groups: list[str], documents: Documents) -> str:
    """What pulls it into these groups: packages of the lock, else the manifest itself."""
    pulling = sorted(
        str(package.get("name", ""))
        for package in packages
        if not set(groups).isdisjoint(_groups(package))
        and any(normalised(name) == TORCH for name in table(package, "dependencies"))
    )
    if pulling:
        return f"{', '.join(pulling)} {'pulls' if len(pulling) == 1 else 'pull'} it in"
    manifest = documents.pyproject
    asked = manifest is not None and any(
        each.name == TORCH and (each.group or "main") in groups for each in dependencies(manifest)
    )
    return "pyproject.toml asks for it there" if asked else "it must be in its own group only"
