"""GPU502: something pulls torch in beside its group, and the source image cannot provide it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import array
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import table
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.rule import source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.values import TorchBuild

_FILE = "poetry.lock"
# Longer than any that Poetry writes; its parser takes its time.
_LONGEST = 1000


def _package(name: str, groups: str, more: str = "") -> str:
    return f"[[package]]\nname = '{name}'\nversion = '2.0'\ngroups = {groups}\n{more}"


def _lightning(constraint: str = ">=2.1", more: str = "") -> str:
    return _package("lightning", "['main']", f"[package.dependencies]\ntorch = {{version = '{constraint}'{more}}}\n")


_PULLED_IN = _package("torch", "['binary-torch', 'main']")
_PLUGIN = "FROM a\nRUN pip install poetry poetry-gpu-build\nRUN poetry install\n"
_WINDOWS = ", markers = \"sys_platform == 'win32'\""
_NO_PLUGIN = "FROM a\nRUN pip install poetry\nRUN poetry install\n"


class TorchPulledIn(Rule):
    """What needs torch outside the group that the modes switch must do with the compiled one, provided by the plugin.

    `--without binary-torch` leaves torch out only where nothing else asks for it, and lightning, torchvision and many
    others do. In the source image this plugin tells Poetry that torch is there. Without it Poetry installs the wheel
    after all, gigabytes of it, beside the compiled torch. A package that needs a newer torch than the compiled one is
    refused there, after hours of compiling; here it costs nothing.
    """

    code = "GPU502"
    name = "torch-pulled-in"
    valid = (
        Example({_FILE: _package("torch", "['binary-torch']")}),
        Example({_FILE: _package("numpy", "['main']")}),
        Example({_FILE: "[[package]]\nname = 'torch'\nversion = '2.0'\n"}),
        Example({_FILE: "package = 3\n"}),
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning()})),
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning("==2.4.1")})),
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning("^2.0 || ^3.0")})),
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning(">=2.6", ", optional = true")})),
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning(">=2.6", _WINDOWS)})),
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning("no constraint")})),
    )
    invalid = (
        Example(source(_PLUGIN, **{_FILE: _PULLED_IN + _lightning(">=2.6")}), (f"{_FILE}:10:1",)),
        Example({_FILE: _PULLED_IN + _lightning()}, (f"{_FILE}:4:1",)),
        Example(source(_NO_PLUGIN, **{_FILE: _PULLED_IN + _lightning()}), (f"{_FILE}:4:1",)),
        Example(source(_PLUGIN, **{_FILE: _package("torch", "['dev']")}), (f"{_FILE}:4:1",)),
        Example({_FILE: _lightning() + "\n" + _package("torch", "['main']")}, (f"{_FILE}:11:1",)),
        Example(
            source(
                _PLUGIN,
                **{
                    _FILE: _PULLED_IN
                    + _package("a", "['main']", "[package.dependencies]\nTorch = '>=2.6,<3'\n")
                    + _package(
                        "b", "['main']", "[package.dependencies]\ntorch = [{version = '>=2'}, {version = '<2.1'}]\n"
                    )
                    + _package("c", "['docs']", "[package.dependencies]\ntorch = '>=2.6'\n"),
                },
            ),
            (f"{_FILE}:10:1", f"{_FILE}:16:1"),
        ),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Compare the groups of each locked torch, and what asks for it there; a lock of Poetry 1 names no groups."""
        lock = documents.lock
        if lock is None:
            return
        wanted = normalised(documents.policy.torch_group)
        packages = [package if isinstance(package, dict) else {} for package in array(lock.data, "package")]
        outside = {
            at: others
            for at, package in enumerate(packages)
            if normalised(str(package.get("name", ""))) == TORCH
            and (others := [group for group in _groups(package) if group != wanted])
        }
        pulling = dict(_pulling(packages, {group for others in outside.values() for group in others}))
        if outside and pulling and _has_plugin(documents):
            yield from _unsatisfied(documents, lock, pulling)
            return
        for at, others in outside.items():
            reason, help_text = _reason(pulling.values(), others, documents)
            message = f"the lock has torch in {', '.join(_groups(packages[at]))}: {reason}"
            yield from toml_hit(documents, lock, ("package", at, "groups"), message, help_text)


def _groups(package: dict[str, Any]) -> list[str]:
    return [normalised(group) for group in array(package, "groups") if isinstance(group, str)]


def _pulling(packages: list[dict[str, Any]], groups: set[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The packages of these groups that ask for torch, by their places in the lock."""
    for at, package in enumerate(packages):
        if not groups.isdisjoint(_groups(package)) and any(map(_is_torch, table(package, "dependencies"))):
            yield at, package


def _is_torch(name: str) -> bool:
    return normalised(name) == TORCH


def _has_plugin(documents: Documents) -> bool:
    image = documents.image("source")
    if image is None:
        return False
    from poetry_gpu_build.lint.own_plugin import has_plugin

    return has_plugin(image, documents)


def _unsatisfied(documents: Documents, lock: TomlDocument, pulling: dict[int, dict[str, Any]]) -> Iterator[Hit]:
    """Those that the source mode's torch does not satisfy."""
    policy = documents.policy
    for at, package in pulling.items():
        for name, entries in table(package, "dependencies").items():
            refused = [each for each in _constraints(entries, policy.python) if not _allows(each, policy.source.torch)]
            if not _is_torch(name) or not refused:
                continue
            who = f"{package.get('name')} {package.get('version')}"
            message = f"{who} requires torch {refused[0]}, and the source mode compiles {policy.source.torch}"
            help_text = (
                f"lock a release of {package.get('name')} that takes {policy.source.torch}, or compile another torch: "
                "modes.source.torch in [tool.gpu-build]"
            )
            yield from toml_hit(documents, lock, ("package", at, "dependencies", name), message, help_text)


def _constraints(entries: Any, python: str) -> Iterator[str]:
    """The constraints of a locked dependency that count in the image; one of an extra may not."""
    for entry in entries if isinstance(entries, list) else [entries]:
        told = entry if isinstance(entry, dict) else {"version": entry}
        constraint = told.get("version")
        if not isinstance(constraint, str) or told.get("optional") is True:
            continue
        markers = told.get("markers", "")
        if markers:
            from poetry_gpu_build.project import counts_in_image

            if not counts_in_image(markers, python):
                continue
        yield constraint


def _allows(constraint: str, torch: TorchBuild) -> bool:
    """Whether a constraint, in Poetry's notation, takes a build; what is no constraint is Poetry's to report."""
    from poetry.core.constraints.version import Version
    from poetry.core.constraints.version import parse_constraint
    from poetry.core.constraints.version.exceptions import ParseConstraintError

    if len(constraint) > _LONGEST:
        return True
    try:
        return parse_constraint(constraint).allows(Version.parse(str(torch)))
    except ParseConstraintError:
        return True


def _reason(packages: Iterable[dict[str, Any]], groups: list[str], documents: Documents) -> tuple[str, str]:
    """What pulls it into these groups, and what to do: packages of the lock, else the manifest itself."""
    wanted = normalised(documents.policy.torch_group)
    move = f"move what needs torch into the group {wanted}, and lock again"
    pulling = sorted(
        str(package.get("name", "")) for package in packages if not set(groups).isdisjoint(_groups(package))
    )
    if pulling:
        who = f"{', '.join(pulling)} {'pulls' if len(pulling) == 1 else 'pull'} it in"
        dockerfile = documents.policy.source.dockerfile
        return (
            f"{who}, and nothing in {dockerfile} tells Poetry that the compiled torch is there",
            f"name poetry-gpu-build in the pip command of {dockerfile} that installs Poetry, or {move}",
        )
    manifest = documents.pyproject
    asked = manifest is not None and any(
        each.name == TORCH and (each.group or "main") in groups for each in dependencies(manifest)
    )
    return "pyproject.toml asks for it there" if asked else "it must be in its own group only", move
