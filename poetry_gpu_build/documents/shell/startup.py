"""What a program runs that no word of its command line says: a shell's startup files, the recipes of `make`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.wrappers import option_values

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

# bash's manual 6.2: which of them depends on -i and -l; a script that writes one wants it read.
_STARTUP = frozenset({".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", "bash.bashrc", "profile"})
TASKS: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
    **dict.fromkeys(
        ("make", "gmake"), (("GNUmakefile", "makefile", "Makefile"), frozenset({"-f", "--file", "--makefile"}))
    ),
    "just": (("justfile", "Justfile"), frozenset({"-f", "--justfile"})),
    "task": (("Taskfile.yml", "Taskfile.yaml"), frozenset({"-t", "--taskfile"})),
    "tox": (("tox.ini",), frozenset({"-c", "--conf"})),
    "nox": (("noxfile.py",), frozenset({"-f", "--noxfile"})),
    **dict.fromkeys(("invoke", "inv"), (("tasks.py",), frozenset({"-c", "--collection"}))),
    "ansible-playbook": ((), frozenset()),
}
"""The files that each program reads by default, and the options that name another."""

_FOLDERS = {"-C", "--directory"}


def startup_files(
    name: str, words: Sequence[Argument], options: Container[str], variable: str | None, written: Mapping[str, object]
) -> Iterator[Argument]:
    """The files that a shell reads before its script; ``written`` are those that the script itself has written."""
    at = words[0]
    if name == "bash" and variable:
        yield Argument.of(variable, at.start, at.end)
    if any(word.text.startswith("--") for word in words):
        yield from option_values(words, {"--rcfile", "--init-file"})
    if written and ("i" in options or "l" in options):
        for path in written:
            if path.rpartition("/")[2] in _STARTUP:
                yield Argument.of(path, at.start, at.end)


def task_files(name: str, words: Sequence[Argument]) -> Iterator[Argument]:
    """The files whose recipes `make` and its kin run."""
    defaults, options = TASKS[name]
    told = option_values(words, set(options)) if options else [word for word in words[1:] if word.text[:1] != "-"]
    if told:
        yield from told
        return
    folder = next((f"{word.text.rstrip('/')}/" for word in option_values(words, _FOLDERS)), "")
    for default in defaults:
        yield Argument.of(folder + default, words[0].start, words[0].end)
