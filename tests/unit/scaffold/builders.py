"""A project in memory, and what init makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import read_project
from poetry_gpu_build.resources import docker_dir
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.scaffold.manifest import Asked
from poetry_gpu_build.scaffold.manifest import manifest_under_policy
from poetry_gpu_build.scaffold.plan_changes import Found
from poetry_gpu_build.scaffold.plan_changes import plan_changes

from ..builders import facts

if TYPE_CHECKING:
    from poetry_gpu_build.scaffold.change import Changes
    from poetry_gpu_build.scaffold.change import Edited

NOWHERE = Path("/nowhere/at/all/pyproject.toml")
EMPTY = '[project]\nname = "My.App"\nversion = "1"\nrequires-python = ">=3.10"\n'
SHIPPED = {file.name: file.read_text(encoding="utf-8") for file in docker_dir().iterdir()}


def manifest(text: str) -> Edited:
    """pyproject.toml under the policy."""
    document = parse_toml(text.removeprefix("\ufeff"), NOWHERE)
    policy = load_policy(policies_dir(), document)
    return manifest_under_policy(text, Asked.by(read_project(document, policy.python)), policy, facts())


def planned(texts: dict[str, str] | None = None, *, force: bool = False, **found: object) -> Changes:
    """What init would write into a project of these files."""
    files = {"pyproject.toml": EMPTY, **(texts or {})}
    document = parse_toml(files["pyproject.toml"].removeprefix("\ufeff"), NOWHERE)
    policy = load_policy(policies_dir(), document)
    project = read_project(document, policy.python)
    return plan_changes(Found(project, files, **found), policy, facts(), SHIPPED, force=force)  # type: ignore[arg-type]


def after(texts: dict[str, str] | None = None, *, force: bool = False) -> dict[str, str]:
    """The project's files after init."""
    files = {"pyproject.toml": EMPTY, **(texts or {})}
    return {**files, **{change.path: change.after for change in planned(texts, force=force).changes}}
