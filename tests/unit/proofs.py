"""Builders for the proof of an image: an interpreter's answer, a plan, a docker that has one image."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING
from typing import Any

from .binaries.fatbins import LINKED
from .binaries.fatbins import elf
from .binaries.fatbins import sass
from .builders import put_on_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

ID = "sha256:c0ffee"
SITE = "/usr/local/lib/python3.10/dist-packages"
_ENVIRONMENT = {"python_version": "3.10", "python_full_version": "3.10.12", "sys_platform": "linux"}


def answer(version: str = "2.4.1", home: str = "/opt/torch", **changes: Any) -> str:
    """What the probe prints in an image whose torch is well; `changes` replace facts of it."""
    file = f"{home}/torch/__init__.py"
    facts: dict[str, Any] = {
        "python": "/usr/local/bin/python",
        "isolated": True,
        "site": [SITE],
        "torches": [{"version": version, "location": home, "requires": ["filelock"]}],
        "installed": {"torch": version, "filelock": "3.13.1"},
        "environment": _ENVIRONMENT,
        "origin": file,
        "imported": True,
        "file": file,
        "version": version,
        "library": f"{home}/torch/lib/libtorch_cuda.so",
    }
    return f"\ngpu-build-probe {json.dumps(facts | changes)}\n"


def wheel_answer(**changes: Any) -> str:
    """The same in an image of the binary mode."""
    return answer(**{"version": "2.7.1+cu128", "home": SITE, **changes})


def library(*architectures: int) -> bytes:
    """A libtorch_cuda.so with machine code for these (52 is 5.2), as `docker cp` hands it out."""
    content = elf((LINKED, sass(*architectures)))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("libtorch_cuda.so")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


class ImageDocker:
    """A docker that has one image; what it was asked is in `log`, a line each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, labels: Mapping[str, str] | None) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder
        folder.mkdir()
        self.log = folder / "log"
        self.cases: dict[str, str] = {}
        inspected = {"Id": ID, "Size": 1_230_000_000, "Config": {"Labels": labels}}
        history = [
            {"Size": "0", "CreatedBy": 'CMD ["python"]'},
            {"Size": "1200000000", "CreatedBy": "COPY /opt/torch /opt/torch # buildkit"},
            {"Size": "30000000", "CreatedBy": "RUN |1 A=b /bin/sh -c apt-get update\tand so on # buildkit"},
            {"Size": "725000000", "CreatedBy": ""},
        ]
        self.says("image inspect", json.dumps(inspected))
        self.says("image history", "\n".join(map(json.dumps, history)))
        self.says("version", "26.1.5")
        self.says("create", "c0ffee")
        self.says("rm", "")

    def says(self, command: str, text: str | bytes) -> None:
        """Answer a command with this on stdout."""
        path = self.folder / command.replace(" ", "-").replace("*", "")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.does(command, f"cat '{path}'")

    def does(self, command: str, script: str) -> None:
        """Answer a command by this script. A command that was answered before is answered so from now on."""
        self.cases[command] = script
        # The longest beginnings first: what was said of `run * -I` is not for `run`.
        cases = "\n".join(
            f"  {name.replace(' ', chr(92) + ' ')}*) {self.cases[name]} ;;"
            for name in sorted(self.cases, key=len, reverse=True)
        )
        script = f'printf "%.300s\\n" "$*" | head -1 >> {self.log}\ncase "$*" in\n{cases}\n  *) exit 64 ;;\nesac'
        put_on_path(self._monkeypatch, self.folder / "bin", script)

    def asked(self, command: str) -> list[str]:
        """The commands that begin so."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(command)]
