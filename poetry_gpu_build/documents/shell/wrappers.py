"""Programs that run another program: where on their command line it starts.

The options are those of the manuals: POSIX XCU, GNU coreutils 9, findutils, util-linux, sudo 1.9, and each tool's own
``--help``. An option that is not listed takes no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument


class Wrapper(NamedTuple):
    """How a wrapper's command line is read."""

    values: frozenset[str] = frozenset()
    """The options that take the next word."""
    operands: int = 0
    """How many words stand between the options and the command: the duration of ``timeout``."""
    assignments: bool = False
    """``name=value`` may stand before the command."""
    subcommands: frozenset[str] = frozenset()
    """The words one of which must come first: the ``run`` of ``poetry run``."""
    scripts: frozenset[str] = frozenset()
    """The options whose value is a script for the shell."""
    queries: frozenset[str] = frozenset()
    """The options with which it runs nothing: ``command -v``."""
    one_script: bool = False
    """One operand is a script for the shell, several are a command."""
    clearing: frozenset[str] = frozenset()
    """The options that take the whole environment away: ``env -i``."""
    removing: frozenset[str] = frozenset()
    """The options that take one variable away: ``env -u``."""
    starts_shell: bool = False
    """Without a command it starts a shell, which reads the input."""


class Unwrapped(NamedTuple):
    """What is inside."""

    command: Sequence[Argument]
    """The words of the command; empty where there is none."""
    scripts: Sequence[Argument]
    """The scripts for the shell."""
    environment: Sequence[tuple[str, str | None]]
    """What it sets."""
    removed: Sequence[str]
    """The names of the variables that it takes away."""
    cleared: bool
    """It takes all of them away."""
    via: str
    """The wrapper, as people call it: ``sudo``, ``poetry run``."""
    unclear: Argument | None
    """A word of which nobody knows whether it is an option."""


def _values(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PLAIN = Wrapper()
_NAMESPACE = _values(
    "-S -G -R -w --root --wd --map-user --map-group --setuid --setgid --propagation --user --target -t"
)
_CONDA = _values("-n --name -p --prefix --cwd")
_UV = _values(
    "--with --with-editable --with-requirements -p --python --package --directory --project --env-file --extra --group "
    "--only-group --no-group --no-extra --index --default-index -i --index-url --extra-index-url -f --find-links "
    "--index-strategy --keyring-provider --resolution --prerelease --exclude-newer --link-mode --cache-dir --color "
    "--config-file --config-setting -C --refresh-package --reinstall-package --upgrade-package -P --no-binary-package "
    "--no-build-package --no-build-isolation-package --python-preference --allow-insecure-host -w --from",
)
_RUN = frozenset({"run"})

WRAPPERS: dict[str, Wrapper] = {
    **dict.fromkeys(
        ("nohup", "setsid", "builtin", "fakeroot", "busybox", "toybox", "ccache", "sccache", "unbuffer", "eatmydata"),
        _PLAIN,
    ),
    **dict.fromkeys(
        ("tini", "dumb-init", "catchsegv", "dbus-run-session", "gdb-wrapper", "proxychains", "torsocks"), _PLAIN
    ),
    "env": Wrapper(
        _values("-u --unset -C --chdir -P"),
        assignments=True,
        scripts=_values("-S --split-string"),
        queries=_values("--help"),
        clearing=_values("-i - --ignore-environment"),
        removing=_values("-u --unset"),
    ),
    "sudo": Wrapper(
        _values("-u --user -g --group -h --host -p --prompt -C --close-from -r --role -t --type -T -U -D -R --chdir"),
        assignments=True,
        queries=_values("-l --list -v --validate -V --version -e --edit -k -K"),
        starts_shell=True,
    ),
    "doas": Wrapper(_values("-u -C -a"), starts_shell=True),
    "time": Wrapper(_values("-f --format -o --output")),
    "nice": Wrapper(_values("-n --adjustment")),
    "ionice": Wrapper(_values("-c --class -n --classdata"), queries=_values("-p --pid")),
    "chrt": Wrapper(_values("-T -P -D"), operands=1),
    "taskset": Wrapper(operands=1),
    "numactl": Wrapper(_values("-N -m -C -l -p -i --cpunodebind --membind --physcpubind --interleave --preferred")),
    "timeout": Wrapper(_values("-k --kill-after -s --signal"), operands=1),
    "stdbuf": Wrapper(_values("-i -o -e --input --output --error")),
    "exec": Wrapper(_values("-a")),
    "command": Wrapper(queries=_values("-v -V")),
    "strace": Wrapper(_values("-o -e -s -p -E -P -u -a -I -O -S -b -X"), queries=frozenset()),
    "ltrace": Wrapper(_values("-o -e -s -p -u -a -n -l -x")),
    "gosu": Wrapper(operands=1),
    "su-exec": Wrapper(operands=1),
    # With -u it runs a command; without, it is `su`, and starts a shell.
    "runuser": Wrapper(_values("-u --user -g --group -G --supp-group -w --whitelist-environment")),
    "setpriv": Wrapper(_values("--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits")),
    "chroot": Wrapper(_values("--userspec --groups"), operands=1, starts_shell=True),
    "unshare": Wrapper(_NAMESPACE, starts_shell=True),
    "nsenter": Wrapper(_NAMESPACE, starts_shell=True),
    # Without -c the shell that it starts reads the input.
    "sg": Wrapper(operands=1, scripts=_values("-c"), one_script=True, starts_shell=True),
    "newgrp": Wrapper(operands=9, starts_shell=True),
    # They run the lines of their input.
    **dict.fromkeys(("at", "batch"), Wrapper(operands=9, starts_shell=True)),
    "flock": Wrapper(_values("-w --timeout -E --conflict-exit-code"), operands=1, scripts=_values("-c --command")),
    "watch": Wrapper(_values("-n --interval"), one_script=True),
    "script": Wrapper(_values("-o -E -T -m -B -I -O"), operands=9, scripts=_values("-c --command")),
    "xvfb-run": Wrapper(
        _values("-n --server-num -e --error-file -f --auth-file -s --server-args -w --wait -p --xauth-protocol")
    ),
    "systemd-run": Wrapper(
        _values("-p --property -u --unit --uid --gid -E --setenv --slice -M -H --description --working-directory")
    ),
    "scl": Wrapper(subcommands=frozenset({"enable"}), operands=1, one_script=True),
    "nix-shell": Wrapper(_values("-p --packages -I -A --arg --argstr"), operands=9, scripts=_values("--run --command")),
    "poetry": Wrapper(_values("-C --directory -P --project"), subcommands=_RUN),
    "pdm": Wrapper(_values("-p --project -c --config"), subcommands=_RUN),
    "pipenv": Wrapper(_values("--python"), subcommands=_RUN),
    "hatch": Wrapper(_values("-e --env -p --project --data-dir --cache-dir --config"), subcommands=_RUN),
    "rye": Wrapper(subcommands=_RUN),
    "pixi": Wrapper(_values("-e --environment --manifest-path"), subcommands=_RUN),
    "uv": Wrapper(_UV, subcommands=_RUN),
    **dict.fromkeys(("conda", "mamba", "micromamba"), Wrapper(_CONDA, subcommands=_RUN)),
    "pyenv": Wrapper(subcommands=frozenset({"exec"})),
    "direnv": Wrapper(subcommands=frozenset({"exec"}), operands=1),
    "dotenv": Wrapper(_values("-f --file -q -e"), subcommands=_RUN),
    "doppler": Wrapper(_values("-p --project -c --config"), subcommands=_RUN, scripts=_values("--command")),
    "xargs": Wrapper(
        _values(
            "-I -n -P -L -s -d -a -E --max-args --max-procs --max-lines --max-chars --delimiter --arg-file --replace"
        )
    ),
    "parallel": Wrapper(
        _values("-j --jobs -a --arg-file -I -n --max-args --delay --timeout --joblog --colsep"),
        one_script=True,
        starts_shell=True,
    ),
}


def unwrap(name: str, wrapper: Wrapper, words: Sequence[Argument]) -> Unwrapped | None:
    """What a wrapper runs; None where nothing on its command line is run. The first word is the wrapper."""
    reader = _Options(wrapper, words)
    via = name
    if not reader.options():
        return None
    if wrapper.subcommands:
        if reader.at >= len(words) or words[reader.at].value not in wrapper.subcommands:
            return None
        via = f"{name} {words[reader.at].value}"
        reader.at += 1
        if not reader.options():
            return None
    command = list(words[reader.at + wrapper.operands :])
    # `flock file -c script`, `scl enable x -- command`: options may come behind the operands too.
    if wrapper.operands and command and (command[0].text in wrapper.scripts or command[0].text == "--"):
        reader.at += wrapper.operands
        reader.options()
        command = list(words[reader.at :])
    if wrapper.one_script and len(command) == 1:
        reader.scripts += command
        command = []
    if reader.scripts:
        command = []
    removed, cleared = reader.removed, reader.cleared
    return Unwrapped(command, reader.scripts, reader.environment, removed, cleared, via, reader.unclear)


class _Options:
    """Goes over the options of a command line (POSIX XBD 12.2, with GNU's long options)."""

    def __init__(self, wrapper: Wrapper, words: Sequence[Argument]) -> None:
        self._wrapper = wrapper
        self._words = words
        self.at = 1
        self.scripts: list[Argument] = []
        self.environment: list[tuple[str, str | None]] = []
        self.removed: list[str] = []
        self.cleared = False
        self.unclear: Argument | None = None

    def options(self) -> bool:
        """Go to the first word that is none; False where an option says that nothing is run."""
        while self.at < len(self._words):
            word = self._words[self.at]
            text = word.text
            if word.many and word.name is None and word.pieces[0].value is None:
                self.unclear = word
                return True
            if text == "--":
                self.at += 1
                return True
            if text in self._wrapper.queries:
                return False
            if text in self._wrapper.clearing:
                self.cleared = True
                self.at += 1
            elif text.startswith("-") and len(text) > 1:
                self._option(word)
            elif self._wrapper.assignments and "=" in text and not text.startswith("="):
                name, _, value = text.partition("=")
                self.environment.append((name, value if word.value is not None else None))
                self.at += 1
            else:
                return True
        return True

    def _option(self, word: Argument) -> None:
        text = word.text
        self.at += 1
        takes = self._wrapper.values | self._wrapper.scripts
        name, equals, _ = text.partition("=")
        attached = 0
        if text.startswith("--"):
            attached = len(name) + 1 if equals and name in takes else 0
            if name not in takes:
                return
        elif text not in takes:
            at = next((at for at in range(1, len(text)) if "-" + text[at] in takes), None)
            if at is None:
                self.cleared |= "i" in text and "-i" in self._wrapper.clearing
                return
            name = "-" + text[at]
            attached = at + 1 if at + 1 < len(text) else 0
        value = cut(word, attached) if attached else None
        if value is None and self.at < len(self._words):
            value = self._words[self.at]
            self.at += 1
        if value is not None and name in self._wrapper.scripts:
            self.scripts.append(value)
        elif value is not None and name in self._wrapper.removing:
            self.removed.append(value.text)


def option_values(words: Sequence[Argument], names: set[str]) -> list[Argument]:
    """The values of an option, wherever it stands; attached to it or in the next word."""
    made = []
    for at, word in enumerate(words[1:], start=1):
        name = next((name for name in names if word.text.startswith(name)), None)
        if word.text in names and at + 1 < len(words):
            made.append(words[at + 1])
        elif name is not None and len(word.text) > len(name) and (not name.startswith("--") or "=" in word.text):
            made.append(cut(word, len(name) + name.startswith("--")))
    return made


def cut(word: Argument, length: int) -> Argument:
    """A word without its first characters."""
    pieces = []
    for piece in word.pieces:
        text = piece.value or ""
        if piece.value is None or length <= 0:
            pieces.append(piece)
        elif len(text) > length:
            same = piece.end - piece.start == len(text)
            pieces.append(piece._replace(value=text[length:], start=piece.start + length if same else piece.start))
            length = 0
        else:
            length -= len(text)
    return word._replace(pieces=tuple(pieces))
