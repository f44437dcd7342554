"""Files that a script writes itself, and may run later: ``cat > file <<EOF``, ``echo … >> file``, ``… | tee file``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.effects import copied
from poetry_gpu_build.documents.shell.inputs import expanded
from poetry_gpu_build.documents.shell.inputs import read_by
from poetry_gpu_build.documents.shell.inputs import written_to
from poetry_gpu_build.documents.shell.inputs import written_together
from poetry_gpu_build.documents.shell.nested import printed
from poetry_gpu_build.documents.shell.offsets import OffsetMap
from poetry_gpu_build.documents.shell.wrappers import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.inputs import Siblings
    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command

# Pieces of a file that is written line by line; past that it is a file like others.
_MAXIMUM_PIECES = 200

_COPIERS = frozenset({"cp", "mv", "ln", "install"})
WRITERS = frozenset({"tee", "sponge", "dd", *_COPIERS})
"""The programs that write a file without a redirection."""

_DOWNLOADERS = frozenset({"curl", "wget"})


# Stands in a state's table of copies for a file of which nobody knows what it holds; it lasts from RUN to RUN.
MADE = Argument(())


class Files(dict[str, "OffsetMap | None"]):
    """The files that a script has written, with what it wrote; None where that is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: set[int] = set()
        """The redirections of compound commands that have written: the next command of the group appends."""


def remember(words: Sequence[Argument], command: Command, siblings: Siblings, state: State, files: Files) -> None:
    """Note in ``files`` what a command writes; None for what is not known."""
    name = words[0].name
    if name in _COPIERS and files:
        _copied(words, state, files)
    redirection = written_to(command)
    together = None if redirection is not None else written_together(command)
    text: OffsetMap | None
    if name in {"tee", "sponge"}:
        targets = [word for word in words[1:] if not word.text.startswith("-")]
        append = any(word.text in {"-a", "--append"} for word in words)
        text = read_by(command, siblings, state)
    elif name == "dd":
        targets, append = [cut(word, 3) for word in words if word.text.startswith("of=")], False
        text = read_by(command, siblings, state)
    elif name in {"cp", "install"} and words[-2:][0].text == "/dev/stdin":
        targets, append = [words[-1]], False
        text = read_by(command, siblings, state)
    elif redirection is not None or together is not None:
        made = redirection or together
        assert made is not None
        targets = [expanded(state, made.target)]
        append = made.operator.endswith(">>") or (together is not None and made.start in files.opened)
        files.opened.add(made.start)
        body = read_by(command, siblings, state) if name == "cat" else None
        text = printed(words, body)
        if name == "cat" and len(words) == 2 and text is None and targets[0].value is not None:
            state.copies[state.path(targets[0].value)] = words[1]
    else:
        return
    if text is None and _is_download(command, siblings):
        return  # no text that the script makes: it is a file as if `curl -o` had written it
    for target in targets:
        if target.value is not None:
            path = state.path(target.value)
            _remember(files, path, text, append=append)
            if text is None and path not in state.copies:
                state.copies[path] = MADE


def _is_download(command: Command, siblings: Siblings) -> bool:
    stages = [command, *(siblings.before(command) or ())]
    return any(each.words and each.words[0].literal in _DOWNLOADERS for each in stages)


def _copied(words: Sequence[Argument], state: State, files: Files) -> None:
    found = copied(words)
    source = None if found is None or found[0].value is None else state.path(found[0].value)
    if found is not None and source is not None and source in files:
        files[state.path(found[1])] = files[source]


def _remember(files: Files, path: str, text: OffsetMap | None, *, append: bool) -> None:
    before = files.get(path) if append else None
    known = text is not None and (before is not None or not append or path not in files)
    pieces = [*(before.pieces() if before else ()), *(text.pieces() if text else ())]
    end = pieces[-1][2] if pieces else 0
    files[path] = OffsetMap([*pieces, ("\n", end, end)]) if known and len(pieces) < _MAXIMUM_PIECES else None
