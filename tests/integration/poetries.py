"""Environments with a really installed Poetry (or a build backend), made by pip once and kept across test runs.

They live under ``$XDG_CACHE_HOME/poetry-gpu-build-tests`` (``~/.cache`` without it), one folder for each Python and set
of requirements, and hold no copy of this project: the plugin is laid over one of them in a throw-away environment.
Deleting the folder is always safe.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
OLDEST = "2.2.0"
SUPPORTED = "poetry>=2.2,<3"


def pyproject() -> dict[str, Any]:
    """This project's own pyproject.toml."""
    content: dict[str, Any] = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))
    return content


def check_output(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a step of the preparation and return its stdout; a failure shows everything that it said."""
    run = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} exited {run.returncode}\n{run.stdout}\n{run.stderr}")
    return run.stdout


def environment_with(*requirements: str) -> Path:
    """Return the interpreter of an environment that holds ``requirements`` and pip.

    It is made beside its final place and renamed, so that an interrupted or a second test run never sees half of one.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    digest = hashlib.sha256("\n".join([sys.base_prefix, *requirements]).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "poetry-gpu-build-tests"
    home = cache / f"{requirements[0].replace('==', '-')}-python-{version}-{digest}"
    if not interpreter(home).exists():
        cache.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=cache))
        try:
            check_output(sys.executable, "-m", "venv", making)
            check_output(interpreter(making), "-m", "pip", "install", "--quiet", *requirements)
            if home.exists() and not interpreter(home).exists():
                shutil.rmtree(home)  # made by a Python that is gone
            making.rename(home)
        except OSError:  # another test run was first
            if not interpreter(home).exists():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return interpreter(home)


def interpreter(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / "bin" / "python"


def poetry_environment(version: str) -> Path:
    """Return the interpreter of an environment with this Poetry and whatever else the plugin needs."""
    return environment_with(f"poetry=={version}", *pyproject()["project"]["dependencies"])


def build_environment() -> Path:
    """Return the interpreter of an environment with this project's build backend and the ``build`` frontend."""
    for_editable_installs = "editables"  # what hatchling asks for when a frontend asks it
    return environment_with("build", for_editable_installs, *pyproject()["build-system"]["requires"])


def newest_poetry() -> str:
    """Return the version of the newest supported Poetry that pip would install today."""
    pip = poetry_environment(OLDEST), "-m", "pip"
    resolve = "install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-", SUPPORTED
    (found,) = json.loads(check_output(*pip, *resolve))["install"]
    version: str = found["metadata"]["version"]
    return version


def overlay(base: Path, folder: Path, *pip_arguments: str | Path) -> Path:
    """Lay a new environment in ``folder`` over the one of ``base``, and let pip install something into it alone.

    ``base`` itself stays as it is, and a test gets "beside Poetry" in a tenth of the time of installing Poetry.
    """
    check_output(base, "-m", "venv", "--without-pip", folder)
    site = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(check_output(interpreter(folder), "-c", site).strip())
    own.joinpath("base.pth").write_text(check_output(base, "-c", site), encoding="utf-8")
    install = "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"
    check_output(interpreter(folder), "-m", "pip", *install, *pip_arguments)
    return interpreter(folder)


@dataclass(frozen=True, slots=True)
class InstalledPoetry:
    """A Poetry that a test can call, cut off from the settings of whoever runs the tests."""

    version: str
    python: Path
    home: Path
    """Poetry's configuration, data and cache live here."""

    def run(self, *arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run ``poetry`` with ``arguments``, and with ``environ`` in its environment; the exit code is the caller's."""
        own = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "PATH": os.environ["PATH"],
            "POETRY_CACHE_DIR": str(self.home / "cache"),
            "POETRY_CONFIG_DIR": str(self.home / "config"),
            "POETRY_DATA_DIR": str(self.home / "data"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        return subprocess.run(
            [self.python, "-m", "poetry", *arguments],
            cwd=cwd,
            env={**own, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
