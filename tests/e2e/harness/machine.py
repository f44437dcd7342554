"""Whether this machine can run a private engine, and why not."""

from __future__ import annotations

import os
import platform
import shutil

from .debs import KEYRING


def why_not() -> str | None:
    """The reason for which no private engine can run here; None when one can."""
    if platform.system() != "Linux":
        return f"a private engine needs Linux, not {platform.system()}"
    if platform.machine() != "x86_64":
        return f"NVIDIA's compiler of the tests is for x86_64, not {platform.machine()}"
    if os.geteuid() != 0:
        return "a private engine needs root"
    for program in ("apt-get", "dpkg", "dpkg-deb", "git", "tar", "chroot"):
        if shutil.which(program) is None:
            return f"{program} is missing: the engine is made from Debian's packages"
    if not KEYRING.is_file():
        return f"{KEYRING} is missing: nothing verifies Debian's packages"
    return None
