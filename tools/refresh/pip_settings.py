"""What the machine's pip asks: its index, and what it takes to speak to it. Nothing of it is written down anywhere."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

from poetry_gpu_build.errors import ConfigurationError

_SETTING = re.compile(r"^(?P<section>[\w:]+)\.(?P<name>[\w-]+)=(?P<value>'.*')$")
_DEFAULT = re.compile(r"Base URL of the Python Package Index \(default (\S+?)\)")


class PipSettings(NamedTuple):
    """What of pip's configuration a download needs."""

    index_url: str
    """The address of a package index (PEP 503)."""
    certificates: str | None = None
    """A file with the certificates to trust; None: those of the system."""
    proxy: str | None = None
    """None: as the environment says; empty: none."""


def pip_settings() -> PipSettings:
    """Ask pip for its configuration, and for its default where that names no index. Raises ConfigurationError."""
    found: dict[str, str] = {}
    for line in _pip("config", "list").splitlines():
        match = _SETTING.match(line)
        # The environment outranks the files, whatever the order of the list.
        if match is not None and (match["section"] == ":env:" or match["name"] not in found):
            found[match["name"]] = str(ast.literal_eval(match["value"]))
    index_url = found.get("index-url") or _default_index()
    return PipSettings(index_url, found.get("cert") or None, found.get("proxy") or None)


def _default_index() -> str:
    # `pip config` does not know defaults, but the help names this one.
    match = _DEFAULT.search(" ".join(_pip("install", "--help").split()))
    if match is None:
        raise ConfigurationError(
            "pip does not tell which index it asks by default",
            ways_out=("name one: --index URL, or PIP_INDEX_URL in the environment",),
        )
    return match[1]


def _pip(*arguments: str) -> str:
    for command in ((sys.executable, "-m", "pip"), *((path,) for path in map(shutil.which, ("pip3", "pip")) if path)):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
    raise ConfigurationError("there is no pip, whose configuration names the index", ways_out=("install pip",))
