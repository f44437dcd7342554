"""(project, policy, facts, texts) → every file that brings the project under the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.project import LOCK
from poetry_gpu_build.project import allows_python
from poetry_gpu_build.scaffold.change import Change
from poetry_gpu_build.scaffold.change import Changes
from poetry_gpu_build.scaffold.docker_files import docker_files
from poetry_gpu_build.scaffold.hook import PRE_COMMIT
from poetry_gpu_build.scaffold.hook import hook_by_hand
from poetry_gpu_build.scaffold.hook import pre_commit
from poetry_gpu_build.scaffold.ignore_files import GITIGNORE
from poetry_gpu_build.scaffold.ignore_files import dockerignore_candidates
from poetry_gpu_build.scaffold.ignore_files import dockerignores
from poetry_gpu_build.scaffold.ignore_files import gitignore
from poetry_gpu_build.scaffold.manifest import Asked
from poetry_gpu_build.scaffold.manifest import manifest_under_policy
from poetry_gpu_build.scaffold.poetry_settings import POETRY_TOML
from poetry_gpu_build.scaffold.poetry_settings import poetry_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.scaffold.change import Edited

PYPROJECT = "pyproject.toml"


class Found(NamedTuple):
    """The project as it is on the disk."""

    project: Project
    texts: Mapping[str, str | None]
    """Of the files that `files_of` names, by their paths; None: there is no such file."""

    has_package: bool = True
    """Whether there is something for `poetry install` to install as the project itself."""

    repository: tuple[str, str] = (".", "")
    """The root of the git repository as seen from the project, and the project as seen from there."""


def files_of(policy: Policy) -> tuple[str, ...]:
    """Every file that init looks at, relative to the project's root."""
    docker = (policy.binary.dockerfile, policy.source.dockerfile, policy.compose_file)
    ignore = tuple(path for pair in dockerignore_candidates(policy) for path in pair)
    return tuple(dict.fromkeys((*docker, *ignore, GITIGNORE, POETRY_TOML, PRE_COMMIT, PYPROJECT, LOCK)))


def plan_changes(
    found: Found, policy: Policy, facts: CompatibilityFacts, shipped: Mapping[str, str], *, force: bool = False
) -> Changes:
    """Plan the changes, pyproject.toml last; none on a second run. ``shipped`` are the files of docker/ by their names.

    With ``force`` a Dockerfile or Compose file that is there and differs is replaced. Raises ConfigurationError for a
    file that cannot be understood.
    """
    changes: list[Change] = []
    notes: list[str] = []
    for path, text in docker_files(found.project, policy, shipped).items():
        before = found.texts.get(path)
        if before is None or (force and before != text):
            changes.append(Change(path, before, text, "shipped with this plugin"))
        elif before != text:
            notes.append(f"{path} exists and stays as it is; --force replaces it")
    for path, edited in _merged(found, policy, facts).items():
        before = found.texts.get(path)
        if edited.text != before:
            changes.append(Change(path, before, edited.text, edited.why))
        notes.extend(edited.notes)
    if found.texts.get(LOCK) is not None and any(change.path == PYPROJECT for change in changes):
        notes.append(f"{LOCK} is older than {PYPROJECT} now: poetry lock")
    return Changes(tuple(changes), (*notes, *_left_to_do(found, policy)) if changes else tuple(notes))


def _merged(found: Found, policy: Policy, facts: CompatibilityFacts) -> dict[str, Edited]:
    """The files to which something is added."""
    texts = found.texts
    edited = {
        **dockerignores(texts, policy),
        GITIGNORE: gitignore(texts.get(GITIGNORE), policy),
        POETRY_TOML: poetry_settings(texts.get(POETRY_TOML)),
    }
    if found.repository[0] == ".":  # pre-commit reads the file in the root of the repository only
        edited[PRE_COMMIT] = pre_commit(texts.get(PRE_COMMIT))
    edited[PYPROJECT] = manifest_under_policy(texts.get(PYPROJECT) or "", Asked.by(found.project), policy, facts)
    return edited


def _left_to_do(found: Found, policy: Policy) -> tuple[str, ...]:
    """What is left to the user, once: the hook of a repository around the project, and what will stop the build."""
    notes = []
    if found.repository[0] != ".":
        notes.append(hook_by_hand(f"{found.repository[0]}/{PRE_COMMIT}", found.repository[1]))
    data = found.project.pyproject.data
    asked = _text(data, "project", "requires-python") or _text(data, "tool", "poetry", "dependencies", "python")
    if not allows_python(asked, f"{policy.python}.0"):
        notes.append(
            f"the image's Python is {policy.python}, and the project asks for {asked}: widen it, or set python and a "
            "base image that has it in [tool.gpu-build]"
        )
    if not found.has_package:
        notes.append(
            "there is no package to install yet: write one, or set package-mode = false under [tool.poetry], else "
            "`poetry install --only-root` ends the build"
        )
    if policy.context != ".":
        notes.append(f"the build context is {policy.context}: the shipped Dockerfiles copy {PYPROJECT} from its root")
    return tuple(notes)


def _text(data: object, *key: str) -> str | None:
    for part in key:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, str) else None
