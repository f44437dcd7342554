"""The machine's pip: what it is configured to ask, and packages downloaded through it."""

from __future__ import annotations

import ast
import functools
import re
import shutil
import sys
from typing import TYPE_CHECKING

from tools.refresh.pip_settings import pip_settings

from .cache import cached_folder
from .process import HarnessError
from .process import run

if TYPE_CHECKING:
    from pathlib import Path


_CARRIED = ("index-url", "extra-index-url", "trusted-host", "proxy")
"""Settings of pip that name an index and so mean the same inside an image, where they are network addresses."""

_SETTING = re.compile(r"^(?P<section>[\w:]+)\.(?P<name>[\w-]+)=(?P<value>'.*')$")


@functools.cache
def pip_command() -> tuple[str, ...]:
    """How pip is started on this machine. Poetry's virtual environments hold none, hence the search."""
    interpreters = [sys.executable, getattr(sys, "_base_executable", None), shutil.which("python3")]
    for interpreter in filter(None, interpreters):
        if run([interpreter, "-m", "pip", "--version"], check=False).returncode == 0:
            return (interpreter, "-m", "pip")
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return (found,)
    folder = cached_folder("pip", [sys.version], lambda part: None)
    run([sys.executable, "-m", "venv", "--clear", folder])
    return (str(folder / "bin/python"), "-m", "pip")


def index_url() -> str:
    """The address of the index (PEP 503) that the machine's pip asks: the configured one, else pip's own default."""
    return pip_settings().index_url


def download(target: Path, *requirements: str, python_version: str = "3.11") -> list[Path]:
    """Download wheels, without what they depend on, for an image's Python rather than the machine's."""
    run(
        [
            *pip_command(),
            *("download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"),
            *("--python-version", python_version, "--dest", target),
            *requirements,
        ]
    )
    wheels = sorted(target.glob("*.whl"))
    if len(wheels) < len(requirements):
        raise HarnessError(f"pip downloaded {[wheel.name for wheel in wheels]} for {requirements}")
    return wheels


def image_configuration(*trusted_hosts: str) -> str:
    """A pip.conf that makes an image ask what the machine asks, and speak plain http to `trusted_hosts`.

    Empty when pip's own defaults do. Folders of this machine (`file://`, find-links) are left out: an image cannot see
    them.
    """
    settings: dict[str, list[str]] = {}
    for line in run([*pip_command(), "config", "list"]).stdout.splitlines():
        match = _SETTING.match(line)
        if match is None or match["name"] not in _CARRIED:
            continue
        words = str(ast.literal_eval(match["value"])).split()
        if match["name"].endswith("index-url"):
            words = [word for word in words if word.startswith(("http://", "https://"))]
        # The environment outranks files, whatever the order of the list.
        if words and (match["section"] == ":env:" or match["name"] not in settings):
            settings[match["name"]] = words
    if trusted_hosts:
        settings.setdefault("trusted-host", []).extend(trusted_hosts)
    if not settings:
        return ""
    lines = [f"{name} =" + "".join(f"\n    {word}" for word in words) for name, words in sorted(settings.items())]
    return "[global]\n" + "\n".join(lines) + "\n"
