"""The files by which an interpreter finds the torch under /opt: their names, their texts, and reading them back.

Not called ``torch.pth``: Poetry takes ``<distribution>.pth`` for an editable install, and installs again at every run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PTH_NAME = "gpu-build-opt.pth"
START_NAME = "gpu-build-opt.start"
#: What the `.start` file calls: PEP 829 takes no code there, only the name of a function.
MODULE_NAME = "gpu_build_opt.py"
#: Every name that a swap may write, in the order in which they are written.
ALL_NAMES = (MODULE_NAME, START_NAME, PTH_NAME)

_FRONT = re.compile(r"import sys; sys\.path\.insert\(0, (?:'(/[^'\\\n]*)'|\"(/[^\"\\\n]*)\")\)\n?")
_LONGEST = 4096


class Swap(NamedTuple):
    """What the files of one site-packages folder say."""

    prefix: Path
    front: bool
    """Whether the torch under the prefix comes before one in site-packages."""


def swap_files(prefix: Path, *, front: bool) -> dict[str, str]:
    r"""The files of a swap, by name, in the order in which they are written: the one that puts it in force is last.

    The plain form is one path line, which site appends to ``sys.path``. The front form is an import line for the
    Pythons to 3.17, and beside it the `.start` file of PEP 829 for those after: a Python that knows `.start` files
    leaves out the import lines of the `.pth` file of the same name.

    >>> swap_files(Path("/opt/torch"), front=False)
    {'gpu-build-opt.pth': '/opt/torch\n'}
    >>> list(swap_files(Path("/opt/torch"), front=True))
    ['gpu_build_opt.py', 'gpu-build-opt.start', 'gpu-build-opt.pth']
    """
    if not front:
        return {PTH_NAME: f"{prefix}\n"}
    insert = f"sys.path.insert(0, {str(prefix)!r})"
    function = (
        '"""Called by gpu-build-opt.start (PEP 829): the torch under /opt comes first."""\n\nimport sys\n\n\n'
        f"def front() -> None:\n    if {str(prefix)!r} not in sys.path:\n        {insert}\n"
    )
    return {
        MODULE_NAME: function,
        START_NAME: f"{MODULE_NAME.removesuffix('.py')}:front\n",
        PTH_NAME: f"import sys; {insert}\n",
    }


def read_swap(purelib: Path) -> Path | None:
    """The prefix of the swap that is in force in this site-packages folder; None where there is none."""
    swap = read_swap_files(purelib)
    return None if swap is None else swap.prefix


def read_swap_files(purelib: Path) -> Swap | None:
    """What the `.pth` file of this folder says; None where there is none, or its text is not of a swap."""
    try:
        with (purelib / PTH_NAME).open("rb") as file:
            text = file.read(_LONGEST + 1).decode("utf-8")
    except (OSError, ValueError):
        return None
    if match := _FRONT.fullmatch(text):
        return Swap(Path(match[1] or match[2]), front=True)
    line = text.removesuffix("\n")
    if len(text) > _LONGEST or not line.startswith("/") or any(character in line for character in "\n\r\0"):
        return None
    return Swap(Path(line), front=False)
