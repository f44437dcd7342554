"""The shell's builtins that change what later words mean (POSIX XCU 2.14, bash's manual 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.inputs import redirected
from poetry_gpu_build.documents.shell.wrappers import cut
from poetry_gpu_build.documents.shell.wrappers import option_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command

DECLARERS = frozenset({"declare", "export", "local", "readonly", "typeset"})
_OPTION_LETTERS = {"a": "allexport", "e": "errexit", "u": "nounset", "x": "xtrace"}


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
    """``export name=value``, ``declare -x name`` and their kin; ``export -n`` and ``declare +x`` take back."""
    exports: bool | None = True if words[0].text == "export" else None
    for word in words[1:]:
        name, equals, _ = word.text.partition("=")
        if name[:1] in {"-", "+"}:
            if words[0].text == "export":
                exports = None if "f" in name else "n" not in name
            elif "x" in name:
                exports = name[0] == "-"
            continue
        append = name.endswith("+")
        name = name.removesuffix("+")
        if equals:
            state.assign(command, name, cut(word, len(name) + append + 1).value, append=append)
        if exports is not None:
            state.export(command, name, on=exports)


def _read(state: State, command: Command, words: Sequence[Argument]) -> None:
    """``read names``: nobody knows what."""
    for word in words[1:]:
        if word.value is not None and word.value.isidentifier():
            state.assign(command, word.value, None)


def _unset(state: State, command: Command, words: Sequence[Argument]) -> None:
    for word in words[1:]:
        if word.value is not None and not word.value.startswith("-"):
            state.assign(command, word.value, "")
            state.export(command, word.value, on=False)
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


def _exec(state: State, command: Command, words: Sequence[Argument]) -> None:
    """``exec < file``: what the shells behind it read."""
    if len(words) == 1:
        state.input = redirected(command) or state.input


def copied(words: Sequence[Argument]) -> tuple[Argument, str] | None:
    """What ``ln -s pip x``, ``cp /usr/bin/pip /opt/`` and ``install -m 755 a b`` copy, and the file that it becomes."""
    operands = [word for word in words[1:] if not word.text.startswith("-")]
    if words[0].name == "install":
        operands = operands[-2:]
    if len(operands) != 2 or (target := operands[1].value) is None:
        return None
    return operands[0], target + operands[0].text.rpartition("/")[2] if target.endswith("/") else target


def _copy(state: State, _: Command, words: Sequence[Argument]) -> None:
    """Another name for a program."""
    found = copied(words)
    if found is not None and found[0].text != "/dev/stdin":
        state.copies[state.path(found[1])] = found[0]


def _alternative(state: State, _: Command, words: Sequence[Argument]) -> None:
    """``update-alternatives --install link name path priority``."""
    at = next((at for at, word in enumerate(words) if word.text == "--install"), len(words))
    if at + 3 < len(words):
        state.copies[state.path(words[at + 1].text)] = words[at + 3]


def _download(state: State, command: Command, words: Sequence[Argument]) -> None:
    """``curl -o x https://…/get-pip.py``: another name for what is downloaded."""
    address = next((word for word in words[1:] if word.text.partition("?")[0].endswith("/get-pip.py")), None)
    if address is None:
        return
    targets = [each.target.literal for each in command.redirections if each.operator.startswith(">")]
    letter = "o" if words[0].name == "curl" else "O"
    targets += [word.value for word in option_values(words, {f"-{letter}", "--output", "--output-document"})]
    # Letters may be run together: curl -fsSLo FILE, wget -qO FILE.
    clustered = [
        at for at, word in enumerate(words) if word.text[:1] == "-" != word.text[1:2] and word.text[-1] == letter
    ]
    targets += [word.value for at in clustered for word in words[at + 1 : at + 2]]
    for target in targets:
        if target and "://" not in target:
            state.copies[state.path(target)] = Argument.of("get-pip.py", address.start, address.end)


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
    "exec": _exec,
    "update-alternatives": _alternative,
    **dict.fromkeys(("curl", "wget"), _download),
}
