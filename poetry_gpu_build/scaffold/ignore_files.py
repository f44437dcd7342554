"""The entries that keep the lock and virtual environments out of the image, and the lock out of git (GPU305)."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.ignorefile import parse_ignorefile
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.rules.gpu305 import FOLDERS
from poetry_gpu_build.lint.rules.gpu305 import added_lines
from poetry_gpu_build.lint.rules.gpu305 import git_ignores
from poetry_gpu_build.project import LOCK
from poetry_gpu_build.scaffold.change import Edited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.policy import Policy

GITIGNORE = ".gitignore"
DOCKERIGNORE = ".dockerignore"

_LOCK_TEXT = """\
# The lock stays out of the image: the image resolves for itself.
poetry.lock
**/poetry.lock
"""
_DOCKERIGNORE_TEXT = """\
.git
.venv
.poetry
.cache
dist
build
**/__pycache__
**/*.pyc
.mypy_cache
.pytest_cache
.ruff_cache
docker
"""
_GITIGNORE_TEXT = """\
__pycache__/
*.pyc
/.venv/
/dist/
"""
_GITIGNORE_LOCK_TEXT = """\
# The policy keeps the lock out of the image: the image resolves for itself.
/poetry.lock
"""


def dockerignore_candidates(policy: Policy) -> tuple[tuple[str, str], ...]:
    """For each mode the files that BuildKit looks for: beside the Dockerfile, then in the build context."""
    in_context = posixpath.normpath(posixpath.join(policy.context, DOCKERIGNORE))
    return tuple((f"{mode.dockerfile}.dockerignore", in_context) for mode in (policy.binary, policy.source))


def dockerignores(texts: Mapping[str, str | None], policy: Policy) -> dict[str, Edited]:
    """Each ignore file that is read in one of the modes, with what it lacks; a new one where there is none."""
    edited: dict[str, Edited] = {}
    for beside, in_context in dockerignore_candidates(policy):
        path = beside if texts.get(beside) is not None else in_context
        edited[path] = _dockerignore(path, texts.get(path), policy)
    return edited


def gitignore(text: str | None, policy: Policy) -> Edited:
    """The project's .gitignore with the lock in it, where the policy keeps the lock out."""
    is_out = policy.lock == "exclude"
    if text is None:
        lock = _GITIGNORE_LOCK_TEXT if is_out else ""
        return Edited(
            _GITIGNORE_TEXT + lock, "keeps the lock out of git" if is_out else "keeps what is made out of git"
        )
    if not is_out or git_ignores(text, LOCK):
        return Edited(text)
    return Edited(text + added_lines(text, ["/" + LOCK]), "keeps the lock out of git")


def _dockerignore(path: str, text: str | None, policy: Policy) -> Edited:
    is_out = policy.lock == "exclude"
    given = (_LOCK_TEXT if is_out else "") + _DOCKERIGNORE_TEXT if text is None else text
    parsed = parse_ignorefile(Source(Path(path), given))
    names = [posixpath.relpath(name, policy.context) for name in ((LOCK,) if is_out else ()) + FOLDERS]
    missing = [name for name in names if not name.startswith("../") and not parsed.ignores(name)]
    after = given + (added_lines(given, missing) if missing else "")
    return Edited(after, "keeps virtual environments and the lock out of the image")
