"""A stand-in for get-pip.py, whose host no test machine reaches.

Like the real one it is a single file that carries a pip wheel and hands its arguments to that pip's `install`, so
`python get-pip.py pip setuptools wheel poetry` means the same with both.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from .cache import cached_folder
from .pypi import download

_SCRIPT = '''\
#!/usr/bin/env python
"""Installs pip (and what is named on the command line) with the pip that this file carries."""
import base64
import importlib.util
import os
import sys
import tempfile


def arguments():
    given = sys.argv[1:]
    implied = ["pip"]
    # As in the real script: before Python 3.12, setuptools and wheel come along unless they are there.
    if sys.version_info < (3, 12):
        for name in ("setuptools", "wheel"):
            declined = "--no-" + name
            if declined in given:
                given.remove(declined)
            elif importlib.util.find_spec(name) is None and not any(word.startswith(name) for word in given):
                implied.append(name)
    return ["install", "--upgrade", "--force-reinstall"] + given + implied


def main():
    with tempfile.TemporaryDirectory() as folder:
        wheel = os.path.join(folder, "pip.zip")
        with open(wheel, "wb") as handle:
            handle.write(base64.b85decode(DATA.replace(b"\\n", b"")))
        sys.path.insert(0, wheel)
        from pip._internal.cli.main import main as pip_main

        return pip_main(arguments())


DATA = b"""
{data}
"""

if __name__ == "__main__":
    sys.exit(main())
'''


def get_pip() -> Path:
    """The path of the stand-in, made on first use from the pip that the package index offers."""

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            wheel = download(Path(temporary), "pip")[0]
            data = base64.b85encode(wheel.read_bytes()).decode("ascii")
        lines = [data[start : start + 76] for start in range(0, len(data), 76)]
        (folder / "get-pip.py").write_text(_SCRIPT.replace("{data}", "\n".join(lines)))

    return cached_folder("get-pip", [_SCRIPT], make) / "get-pip.py"
