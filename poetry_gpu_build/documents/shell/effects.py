"""The shell's builtins that change what later words mean (POSIX XCU 2.14, bash's manual 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.wrappers import cut

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command

DECLARERS = frozenset({"declare", "export", "local", "readonly", "typeset"})
_OPTION_LETTERS = {"e": "errexit", "u": "nounset", "x": "xtrace"}


def _set(state: State, command: Command, words: Sequence[Argument]) -> None:
    """``set -euo pipefail``, ``set +e``, ``set -- words``."""
    at = 1
    while at < len(words):
        text = words[at].text
        at += 1
        if text in {"--", "-"}:
            state.positional = tuple(words[at:])
            return
        if text[:1] not in {"-", "+"}:
            state.positional = tuple(words[at - 1 :])
            return
        for letter in text[1:]:
            if letter == "o" and at < len(words):
                state.switch(command, words[at].text, on=text[0] == "-")
                at += 1
            else:
                state.switch(command, _OPTION_LETTERS.get(letter, letter), on=text[0] == "-")


def _declare(state: State, command: Command, words: Sequence[Argument]) -> None:
    """``export name=value`` and its kin."""
    for word in words[1:]:
        name, equals, _ = word.text.partition("=")
        if equals and not name.startswith("-"):
            append = name.endswith("+")
            state.assign(command, name.removesuffix("+"), cut(word, len(name) + 1).value, append=append)


def _read(state: State, command: Command, words: Sequence[Argument]) -> None:
    """``read names``: nobody knows what."""
    for word in words[1:]:
        if word.value is not None and word.value.isidentifier():
            state.assign(command, word.value, None)


def _unset(state: State, command: Command, words: Sequence[Argument]) -> None:
    for word in words[1:]:
        if word.value is not None and not word.value.startswith("-"):
            state.assign(command, word.value, "")
            state.functions.pop(word.value, None)


def _alias(state: State, _: Command, words: Sequence[Argument]) -> None:
    for word in words[1:]:
        name, equals, _rest = word.text.partition("=")
        if equals:
            state.aliases[name] = cut(word, len(name) + 1)


def _hash(state: State, _: Command, words: Sequence[Argument]) -> None:
    """``hash -p path name``: what a name runs."""
    if len(words) == 4 and words[1].text == "-p":
        state.aliases[words[3].text] = words[2]


def _unalias(state: State, _: Command, words: Sequence[Argument]) -> None:
    for word in words[1:]:
        state.aliases.pop(word.text, None)


def _shift(state: State, _: Command, words: Sequence[Argument]) -> None:
    count = words[1].text if len(words) > 1 else "1"
    if state.positional is not None:
        state.positional = state.positional[int(count) :] if count.isdigit() else None


def _cd(state: State, _: Command, words: Sequence[Argument]) -> None:
    operands = [word for word in words[1:] if word.text not in {"-P", "-L", "--"}]
    state.move(operands[0].value if operands else "~")


def _printf(state: State, command: Command, words: Sequence[Argument]) -> None:
    if len(words) > 2 and words[1].text == "-v":
        state.assign(command, words[2].text, None)


def _copy(state: State, _: Command, words: Sequence[Argument]) -> None:
    """``ln -s pip x``, ``cp /usr/bin/pip x``: another name for a program."""
    operands = [word for word in words[1:] if not word.text.startswith("-")]
    if len(operands) == 2 and (target := operands[1].value) is not None:
        state.copies[state.path(target)] = operands[0]


BUILTINS: dict[str, Callable[[State, Command, Sequence[Argument]], None]] = {
    "set": _set,
    **dict.fromkeys(DECLARERS, _declare),
    **dict.fromkeys(("read", "mapfile", "readarray", "getopts"), _read),
    "unset": _unset,
    "alias": _alias,
    "unalias": _unalias,
    "hash": _hash,
    "shift": _shift,
    **dict.fromkeys(("cd", "pushd"), _cd),
    "printf": _printf,
    **dict.fromkeys(("ln", "cp", "mv", "install"), _copy),
}
