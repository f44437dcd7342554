"""Files that a script writes itself, and may run later: ``cat > file <<EOF``, ``echo … >> file``, ``… | tee file``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.inputs import expanded
from poetry_gpu_build.documents.shell.inputs import read_by
from poetry_gpu_build.documents.shell.inputs import written_to
from poetry_gpu_build.documents.shell.nested import printed
from poetry_gpu_build.documents.shell.offsets import OffsetMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.shell.inputs import Siblings
    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command

# Pieces of a file that is written line by line; past that it is a file like others.
_MAXIMUM_PIECES = 200

Files = dict[str, "OffsetMap | None"]


def remember(words: Sequence[Argument], command: Command, siblings: Siblings, state: State, files: Files) -> None:
    """Note in ``files`` what a command writes; None for what is not known."""
    if words[0].name != "tee" and not command.redirections and not command.pipes:
        return
    redirection = written_to(command)
    text: OffsetMap | None
    if words[0].name == "tee":
        targets = [word for word in words[1:] if not word.text.startswith("-")]
        append = any(word.text in {"-a", "--append"} for word in words)
        text = read_by(command, siblings, state)
    elif words[0].name in {"cp", "install"} and words[-2:][0].text == "/dev/stdin":
        targets, append = [words[-1]], False
        text = read_by(command, siblings, state)
    elif redirection is not None:
        targets = [expanded(state, redirection.target)]
        append = redirection.operator.endswith(">>")
        body = read_by(command, siblings, state) if words[0].name == "cat" else None
        text = printed(words, body)
    else:
        return
    for target in targets:
        if target.value is not None:
            _remember(files, state.path(target.value), text, append=append)


def _remember(files: Files, path: str, text: OffsetMap | None, *, append: bool) -> None:
    before = files.get(path) if append else None
    known = text is not None and (before is not None or not append or path not in files)
    pieces = [*(before.pieces() if before else ()), *(text.pieces() if text else ())]
    end = pieces[-1][2] if pieces else 0
    files[path] = OffsetMap([*pieces, ("\n", end, end)]) if known and len(pieces) < _MAXIMUM_PIECES else None
