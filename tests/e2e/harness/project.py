"""examples/minimal in a throw-away copy, told where this machine's index, get-pip, torch and plugin are.

All of it in pyproject.toml, as a team behind a mirror would have it: the commands stay what a user types.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import tomlkit

from .plugin import CHECKOUT
from .process import run
from .pypi import index_url
from .rootfs import PYTHON
from .standin import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .gitserver import GitServer
    from .index import Index

EXAMPLE = CHECKOUT / "examples/minimal"
SENTINEL = "# the developer's own lock: an image that has this line copied it"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a build finds what it downloads."""

    index: Index
    git_server: GitServer
    plugin: Path
    """The plugin's wheel, a file of the index."""

    def settings(self) -> dict[str, Any]:
        """[tool.gpu-build] of a project that is built here."""
        get_pip = (self.index.folder / "get-pip.py").read_bytes()
        return {
            "python": PYTHON,
            "build-args": {
                "GET_PIP_URL": self.index.file_url("get-pip.py"),
                "GET_PIP_SHA256": hashlib.sha256(get_pip).hexdigest(),
                "GPU_BUILD_REQUIREMENT": f"poetry-gpu-build @ {self.index.file_url(self.plugin.name)}",
            },
            "modes": {
                "source": {
                    "build-args": {
                        "TORCH_REPOSITORY": self.git_server.url("whole/pytorch.git"),
                        # The stand-in needs no LAPACK, and the real one's is 200 MB to fetch.
                        "TORCH_BUILD_REQUIREMENTS": "",
                    }
                }
            },
        }


def example_project(folder: Path, surroundings: Surroundings) -> Path:
    """Copy examples/minimal to `folder` and adapt it; it is a git repository with one commit, and has a lock."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("poetry.lock", "__pycache__"))
    adapt(folder, surroundings)
    commit(folder)
    (folder / "poetry.lock").write_text(f"{SENTINEL}\n")
    return folder


def adapt(folder: Path, surroundings: Surroundings) -> None:
    """Point the project in `folder` at the surroundings."""

    def edit(document: Any) -> None:
        poetry = document["tool"]["poetry"]
        sources = tomlkit.aot()
        sources.append(tomlkit.item({"name": "machine", "url": index_url(), "priority": "primary"}))
        for source in poetry["source"]:
            variant = source["url"].rstrip("/").rpartition("/")[2]
            sources.append(tomlkit.item({**source, "url": surroundings.index.variant_url(variant)}))
        poetry["source"] = sources
        document["tool"]["gpu-build"] = surroundings.settings()

    edit_pyproject(folder, edit)


def edit_pyproject(folder: Path, edit: Callable[[Any], None]) -> None:
    """Change pyproject.toml through tomlkit."""
    path = folder / "pyproject.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    edit(document)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def commit(folder: Path) -> None:
    """Make `folder` a git repository whose only commit holds its files."""
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "All of it"]):
        run(["git", "-C", folder, *arguments], env=os.environ | IDENTITY)


def files_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below `folder` outside .git, with its mode and content: two of these tell what changed."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
