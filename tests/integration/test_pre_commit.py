"""The hook in a real pre-commit, installed from a git repository as a team installs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from .poetries import ROOT
from .poetries import check_output
from .poetries import environment_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Test"), ("EMAIL", "test@example.com"))
}
DOCKERFILE = "docker/Dockerfile"
# Two things that the policy asks otherwise: GPU105, and GPU307, which --fix mends.
VIOLATION = "RUN poetry config virtualenvs.create false\n"
UNCACHED = "RUN --mount=type=cache,target=/root/.cache/pypoetry "


@dataclass(frozen=True)
class Hooked:
    """A git repository in which pre-commit is installed, and what it needs in its environment."""

    folder: Path
    environment: Mapping[str, str]

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def write(self, path: str, text: str) -> None:
        self.folder.joinpath(path).write_text(text, encoding="utf-8")
        self.git("add", "--all")

    def text(self, path: str) -> str:
        return self.folder.joinpath(path).read_text(encoding="utf-8")

    def commit(self) -> subprocess.CompletedProcess[str]:
        """Commit what is staged; the hook's answer is on stderr, as git shows it."""
        return self.git("commit", "--message", "A change")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One home of pre-commit for the session: the hook is installed once."""
    home = tmp_path_factory.mktemp("pre-commit")
    own = {"PRE_COMMIT_HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("GIT_")}, **IDENTITY, **own}


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, str]:
    """This checkout as a git repository of one commit, and the commit."""
    folder = tmp_path_factory.mktemp("hooks")
    listed = check_output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if ROOT.joinpath(name).is_file():
            folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder, committed(folder, environment)


def committed(folder: Path, environment: dict[str, str]) -> str:
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "All of it"]):
        check_output("git", *arguments, cwd=folder, env=environment)
    return check_output("git", "rev-parse", "HEAD", cwd=folder, env=environment).strip()


@pytest.fixture
def hooked(hooks: tuple[Path, str], environment: dict[str, str], tmp_path: Path) -> Hooked:
    """examples/minimal as a team's repository, with the hook on every commit."""
    return with_hook(tmp_path / "project", hooks, environment)


@pytest.fixture
def mending(hooks: tuple[Path, str], environment: dict[str, str], tmp_path: Path) -> Hooked:
    """The same, with the hook's `args: [--fix]`."""
    return with_hook(tmp_path / "project", hooks, environment, "--fix")


def with_hook(folder: Path, hooks: tuple[Path, str], environment: dict[str, str], *arguments: str) -> Hooked:
    shutil.copytree(ROOT / "examples" / "minimal", folder, ignore=shutil.ignore_patterns("poetry.lock", "__pycache__"))
    repository, revision = hooks
    hook = {"id": "gpu-build-lint", "args": list(arguments)}
    settings = {"repos": [{"repo": str(repository), "rev": revision, "hooks": [hook]}]}
    folder.joinpath(".pre-commit-config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    committed(folder, environment)
    check_output(environment_with("pre-commit"), "-m", "pre_commit", "install", cwd=folder, env=environment)
    return Hooked(folder, environment)


def test_a_violation_stops_the_commit_and_is_shown(hooked: Hooked) -> None:
    hooked.write(DOCKERFILE, hooked.text(DOCKERFILE) + VIOLATION)
    done = hooked.commit()
    assert done.returncode == 1
    assert re.search(r"^docker/Dockerfile:\d+:5: error\[GPU105\]", done.stderr, re.MULTILINE)
    assert hooked.git("log", "--oneline").stdout.count("\n") == 1


def test_a_sound_change_passes(hooked: Hooked) -> None:
    hooked.write(DOCKERFILE, hooked.text(DOCKERFILE) + "RUN true\n")
    done = hooked.commit()
    assert done.returncode == 0, done.stderr
    assert re.search(r"^gpu-build-lint\.+Passed$", done.stderr, re.MULTILINE)


def test_with_fix_the_file_is_mended_and_the_next_commit_passes(mending: Hooked) -> None:
    sound = mending.text(DOCKERFILE)
    assert UNCACHED in sound
    mending.write(DOCKERFILE, sound.replace(UNCACHED, "RUN "))
    first = mending.commit()
    assert first.returncode == 1
    assert "files were modified by this hook" in first.stderr
    assert "--mount=type=cache,target=/root/.cache/pypoetry" in mending.text(DOCKERFILE)
    mending.write("README.md", "Mended.\n")
    assert mending.commit().returncode == 0


@pytest.mark.parametrize("path", ["README.md", "hello_gpu/dockerfile.py", "test_dockerfile.py", "settings.toml"])
def test_a_file_that_no_rule_is_about_does_not_run_the_hook(hooked: Hooked, path: str) -> None:
    hooked.write(path, "x = 1\n")
    done = hooked.commit()
    assert done.returncode == 0, done.stderr
    assert re.search(r"^gpu-build-lint\.+\(no files to check\)Skipped$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [
        "docker/Dockerfile",
        "Dockerfile.gpu",
        "gpu.Dockerfile",
        "docker/Dockerfile.dockerignore",
        "compose.yaml",
        "docker-compose.override.yml",
        "a/b/pyproject.toml",
        "poetry.toml",
        "poetry.lock",
        ".dockerignore",
        ".gitignore",
    ],
)
def test_the_hook_is_for_every_file_that_a_rule_is_about(path: str) -> None:
    [hook] = yaml.safe_load(ROOT.joinpath(".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert re.search(hook["files"], path)


def test_a_file_that_became_binary_is_told_about(hooked: Hooked) -> None:
    hooked.folder.joinpath(DOCKERFILE).write_bytes(b"FROM a\0\n")
    hooked.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "gpu-build-lint" in done.stderr
