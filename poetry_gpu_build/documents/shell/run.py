"""One simple command, and what it comes down to: words are expanded, wrappers opened, nested shells read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.arguments import Piece
from poetry_gpu_build.documents.shell.arguments import joined
from poetry_gpu_build.documents.shell.effects import BUILTINS
from poetry_gpu_build.documents.shell.effects import DECLARERS
from poetry_gpu_build.documents.shell.inputs import expanded
from poetry_gpu_build.documents.shell.inputs import printed_by
from poetry_gpu_build.documents.shell.inputs import read_by
from poetry_gpu_build.documents.shell.inputs import redirected
from poetry_gpu_build.documents.shell.languages import code_of
from poetry_gpu_build.documents.shell.nested import SHELLS
from poetry_gpu_build.documents.shell.nested import shell_call
from poetry_gpu_build.documents.shell.offsets import OffsetMap
from poetry_gpu_build.documents.shell.offsets import relocated
from poetry_gpu_build.documents.shell.programs import program_name
from poetry_gpu_build.documents.shell.programs import shebang
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.scan import scan
from poetry_gpu_build.documents.shell.syntax import Script
from poetry_gpu_build.documents.shell.wrappers import WRAPPERS
from poetry_gpu_build.documents.shell.wrappers import option_values
from poetry_gpu_build.documents.shell.wrappers import unwrap
from poetry_gpu_build.documents.shell.written import remember

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.inputs import Siblings
    from poetry_gpu_build.documents.shell.resolve import Walker
    from poetry_gpu_build.documents.shell.state import Context
    from poetry_gpu_build.documents.shell.state import Function
    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command

# Where the programs of an image lie, and no script of the build context.
_PROGRAM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# Programs that are themselves wherever they lie: in a virtual environment, say.
_INSTALLED = frozenset({"pip", "python", "easy_install", "pipx", "poetry", "uv", "conda", "mamba"})
_SCRIPT_ENDINGS = (".sh", ".bash", ".zsh", ".ksh", ".py", ".pl", ".rb")
# What counts as much as one command: so many words of a command, so many characters of a nested script.
_WORDS_A_RUN = 20
_CHARACTERS_A_RUN = 20
# Items that xargs is given.
_MAXIMUM_ITEMS = 100_000
_INPUT_FILES = frozenset({"/dev/stdin", "/proc/self/fd/0", "/dev/fd/0", "-"})


class Run:
    """One simple command in the state in which the shell meets it."""

    def __init__(self, walker: Walker, command: Command, state: State, context: Context, siblings: Siblings) -> None:
        self._walker = walker
        self._command = command
        self._state = state
        self._siblings = siblings
        if command.scopes or command.pipes or command.ignored:
            context = context._replace(
                scopes=context.scopes + command.scopes,
                pipes=context.pipes + command.pipes,
                ignored=context.ignored or command.ignored,
            )
        self._context = context

    def start(self) -> None:
        """Expand the words, once for each value that their variables may have, and run them."""
        command, outer = self._command, self._context
        if not self._walker.allowed(command, outer):
            return
        for number, expander in enumerate(list(self._state.expanders(command.words))):
            words = expander.words(command.words)
            if words and self._walker.allowed(command, outer, bool(number) + len(words) // _WORDS_A_RUN):
                if command.assignments:
                    assigned = [
                        (one.name, expander.value(one.value) if one.value else None) for one in command.assignments
                    ]
                    self._context = outer._replace(environment=(*outer.environment, *assigned))
                self.run(words)
                self._context = outer
        if not command.words or command.words[0].literal in DECLARERS:
            self._assign()

    def _assign(self) -> None:
        for one in self._command.assignments:
            if one.elements is not None:
                expander = next(self._state.expanders(one.elements))
                values = [word.value for word in expander.words(one.elements)]
                old = self._state.arrays.get(one.name, ()) if one.append else ()
                self._state.arrays[one.name] = (*old, *values)
            elif one.value is not None:
                values = [expander.value(one.value) for expander in self._state.expanders([one.value])]
                for number, value in enumerate(dict.fromkeys(values)):
                    before = self._state.variables.get(one.name, ()) if number else ()
                    self._state.assign(self._command, one.name, value, append=one.append)
                    self._state.set(one.name, (*before, *self._state.variables[one.name]))

    def run(self, words: list[Argument], *, functions: bool = True) -> None:
        """Run expanded words: follow what they lead to, or keep them. A wrapper sees no function and no alias."""
        words = self._unaliased(words) if functions else words
        first = words[0]
        name, text = first.name, first.text
        if name is None:
            what = "a pattern names the program" if first.pattern else "the program is known only when it runs"
            self._undecidable(words, "program", what)
            return
        if functions and (function := self._state.functions.get(text)):
            self._called(text, function, words)
            return
        copied = self._state.copies.get(self._located(text, self._state.copies)) if self._state.copies else None
        if copied is not None and self._deeper():
            self.run([copied, *words[1:]], functions=False)
            return
        if text in BUILTINS:
            BUILTINS[text](self._state, self._command, words)
        remember(words, self._command, self._siblings, self._state, self._walker.files)
        if not self._followed(name, words):
            self._keep(words)

    def _unaliased(self, words: list[Argument]) -> list[Argument]:
        """An alias is not looked for inside itself, nor for a quoted word (POSIX XCU 2.3.1)."""
        alias = self._state.aliases.get(words[0].text) if self._state.aliases else None
        if alias is None or words[0].pieces[0].quoted:
            return words
        return [*[Argument((Piece(text, alias.start, alias.end),)) for text in alias.text.split()], *words[1:]] or words

    def _undecidable(self, words: Sequence[Argument], kind: str, reason: str) -> None:
        self._walker.undecidable(self._place(words), kind, reason, joined(words).text, self._context.via)

    def _place(self, words: Sequence[Argument]) -> tuple[int, int]:
        """Where words stand inside their command; those of an alias where it is used."""
        command, start = self._command, words[0].start
        end = max([word.end for word in words if word.end <= command.end], default=0)
        return (start, end) if command.start <= start < end else (command.start, command.end)

    def _located(self, written: str, among: Container[str]) -> str:
        """The file that a program's name stands for; a name without a folder is looked for where programs lie."""
        if "/" in written:
            return self._state.path(written)
        return next((f"{folder}/{written}" for folder in _PROGRAM_FOLDERS if f"{folder}/{written}" in among), "")

    def _deeper(self) -> bool:
        self._context = self._context._replace(depth=self._context.depth + 1)
        return self._walker.allowed(self._command, self._context)

    def _called(self, name: str, function: Function, words: Sequence[Argument]) -> None:
        if self._deeper():
            self._walker.call(name, function, tuple(words[1:]), self._state, self._context)

    def _keep(self, words: Sequence[Argument]) -> None:
        command, state, context = self._command, self._state, self._context
        found = ResolvedCommand(
            *self._place(words),
            tuple(words),
            context.environment,
            context.via,
            command,
            context.scopes,
            context.pipes,
            context.ignored,
            state.option(command, "pipefail"),
            state.option(command, "errexit"),
            state.directory,
        )
        self._walker.add(found)

    def _followed(self, name: str, words: list[Argument]) -> bool:
        """Follow what a program runs; False where the command itself is to be kept."""
        rest = words[1:]
        if name in SHELLS:
            return self._shell(name, words)
        if name == "eval":
            self._script(joined(rest), "eval")
            return bool(rest)
        if name in {".", "source"} and rest:
            if rest[0].text in _INPUT_FILES:
                return self._fed(name, words)
            self._file(rest[0], "source", rest[1:], words)
            return False
        if name == "trap" and len(rest) > 1:
            self._script(rest[0].places(), "trap")
            return False
        if name in {"su", "runuser"} and "--" not in {word.text for word in words}:
            scripts = option_values(words, {"-c", "--command"})
            for script in scripts:
                self._nested(script.places(), f"{name} -c")
            return bool(scripts) or self._fed(name, words)
        if name == "find":
            self._executed(words)
            return False
        if name in WRAPPERS:
            return self._wrapped(name, words)
        return self._code(name, words) or self._script_file(words)

    def _wrapped(self, name: str, words: list[Argument]) -> bool:
        inside = unwrap(name, WRAPPERS[name], words)
        if inside is None:
            return False
        if inside.unclear is not None and not inside.scripts:
            self._undecidable(words, "program", f"an unknown word stands where {name} expects an option or a command")
            return True
        command = list(inside.command)
        if not command and not inside.scripts:
            return False
        outer = self._context
        if self._deeper():
            environment = (*outer.environment, *inside.environment)
            self._context = self._context._replace(via=(*outer.via, inside.via), environment=environment)
            for script in inside.scripts:
                self._nested(script.places())
            if command:
                items = name in {"xargs", "parallel"}
                self.run(self._with_items(words, command) if items else command, functions=False)
        self._context = outer
        return True

    def _with_items(self, words: Sequence[Argument], command: list[Argument]) -> list[Argument]:
        """The command of xargs: the words of its input stand behind it, or where ``-I`` says (POSIX XCU xargs)."""
        marks = {word.text for word in option_values(words, {"-I", "--replace"})} or {"{}"}
        if any(mark and mark in word.text for word in command for mark in marks):
            return [_hidden(word, marks) for word in command]
        items = read_by(self._command, self._siblings, self._state)
        if items is None or len(items.text) > _MAXIMUM_ITEMS:
            return [*command, Argument((Piece(None, command[-1].end, command[-1].end),), many=True)]
        at = items.start(0)
        return [*command, *[Argument((Piece(text, at, at),)) for text in items.text.split()]]

    def _executed(self, words: Sequence[Argument]) -> None:
        """``find … -exec command {} \\;`` (POSIX XCU find)."""
        outer = self._context
        for at, word in enumerate(words):
            if word.text in {"-exec", "-execdir", "-ok", "-okdir"}:
                end = next((end for end in range(at + 1, len(words)) if words[end].text in {";", "+"}), len(words))
                command = [_hidden(each, {"{}"}) for each in words[at + 1 : end]]
                if command and self._deeper():
                    self._context = self._context._replace(via=(*outer.via, "find -exec"))
                    self.run(command, functions=False)
                self._context = outer

    def _shell(self, name: str, words: list[Argument]) -> bool:
        call = shell_call(words)
        if call.unclear:
            self._undecidable(words, "script", f"an unknown word stands where {name} expects an option or a script")
            return True
        if call.script is not None:
            self._nested(call.script.places(), f"{name} -c", call.options, call.rest[1:])
            return True
        if call.file is None or call.file.text in _INPUT_FILES:
            return self._fed(name, words, call.options, call.rest)
        return self._file(call.file, name, call.rest, words)

    def _fed(
        self, name: str, words: Sequence[Argument], options: frozenset[str] = frozenset(), rest: Sequence[Argument] = ()
    ) -> bool:
        """A shell that reads its input; it is kept itself where that is not known."""
        text = read_by(self._command, self._siblings, self._state)
        if text is not None:
            self._nested(text, name, options, rest)
            return True
        redirection = redirected(self._command)
        if redirection is not None:
            return self._file(expanded(self._state, redirection.target), name, rest, words)
        if any(pipe.stage for pipe in self._context.pipes):
            self._undecidable(words, "input", f"{name} runs what comes out of a pipe")
        return False

    def _file(self, file: Argument, interpreter: str, rest: Sequence[Argument], words: Sequence[Argument]) -> bool:
        """A file that a shell runs; True where its text is known and was followed."""
        part = file.substitution
        if part is not None:
            inside = self._siblings.within(part.start + 1, part.end)
            text = printed_by(inside, self._siblings, self._state)
            if text is None:
                self._undecidable(words, "input", f"{interpreter} runs what a process substitution prints")
        elif file.value is None:
            self._undecidable([file], "file", f"{interpreter or 'the shell'} runs a file whose name is not known")
            return False
        else:
            text = self._walker.files.get(self._state.path(file.value))
            if text is None:
                self._runs_file(file, file.value, interpreter, rest)
        if text is None:
            return False
        language = shebang(text.text) if not interpreter else ""
        if interpreter == "source":
            self._script(text, "source")
        elif language and language not in SHELLS:
            self._shown(text, language)
            return False
        else:
            self._nested(text, interpreter or "sh", frozenset(), rest)
        return True

    def _runs_file(self, file: Argument, path: str, interpreter: str, rest: Sequence[Argument]) -> None:
        at, state = (file.start, file.end), self._state
        arguments = tuple([word.value for word in rest])
        found = RunsFile(
            *at, state.path(path), state.directory, interpreter, arguments, self._context.via, self._command
        )
        self._walker.add(found)

    def _script_file(self, words: Sequence[Argument]) -> bool:
        """``./build.sh``: a program that is a file of the project, or one that the script has written before."""
        first = words[0]
        text = first.text
        files = self._walker.files
        if first.value is None or ("/" not in text and "." not in text and not files):
            return False
        folder, slash, name = text.rpartition("/")
        if program_name(name) in _INSTALLED:
            return False
        written = self._located(text, files)
        if written in files and not slash:
            return self._file(Argument.of(written, first.start, first.end), "", words[1:], words)
        if written in files or (slash and folder not in _PROGRAM_FOLDERS) or name.endswith(_SCRIPT_ENDINGS):
            return self._file(first, "", words[1:], words)
        return False

    def _code(self, name: str, words: Sequence[Argument]) -> bool:
        """A program in another language: shown, not read; its interpreter is kept."""
        code = code_of(name, words)
        if code is None:
            return False
        shown: OffsetMap | None = code.code.places() if code.code is not None else None
        if code.reads_input:
            shown = read_by(self._command, self._siblings, self._state)
            redirection = redirected(self._command)
            if shown is None and redirection is not None:
                self._file(expanded(self._state, redirection.target), code.language, (), words)
            elif shown is None and any(pipe.stage for pipe in self._context.pipes):
                self._undecidable(words, "input", f"{name} runs what comes out of a pipe")
        elif code.file is not None and code.file.value is not None:
            shown = self._walker.files.get(self._state.path(code.file.value))
            if shown is None:
                self._runs_file(code.file, code.file.value, code.language, code.rest)
        elif code.file is not None and program_name(code.file.name or "") not in _INSTALLED:
            self._undecidable(words, "file", f"{name} runs a file whose name is not known")
        if shown is not None:
            self._shown(shown, code.language)
        return False

    def _shown(self, code: OffsetMap, language: str) -> None:
        at = (code.start(0), code.end(len(code.text)))
        reason = f"a program in {language} may run others"
        self._walker.add(Undecidable(*at, "code", reason, code.text, language, self._context.via))

    def _nested(
        self,
        places: OffsetMap,
        via: str = "",
        options: frozenset[str] = frozenset(),
        positional: Sequence[Argument] = (),
    ) -> None:
        """A script of a shell of its own."""
        state = self._state.child(options)
        state.positional = tuple(positional)
        self._script(places, via, state)

    def _affordable(self, length: int) -> bool:
        return self._walker.allowed(self._command, self._context, length // _CHARACTERS_A_RUN)

    def _script(self, places: OffsetMap, via: str, state: State | None = None) -> None:
        """A script inside this one: its offsets become those of the text around."""
        outer = self._context
        if places.text.strip() == UNKNOWN:
            at = (places.start(0), places.end(len(places.text)))
            reason = "a script that is known only when it runs"
            self._walker.undecidable(at, "script", reason, UNKNOWN, (*outer.via, via))
        elif places.text.strip() and self._deeper() and self._affordable(len(places.text)):
            inner = scan(places.text)
            context = self._context._replace(via=(*outer.via, via) if via else outer.via)
            moved = Script(inner.text, relocated(inner.commands, places), relocated(inner.problems, places))
            self._walker.script(moved, state or self._state, context)
        self._context = outer


def _hidden(word: Argument, marks: set[str]) -> Argument:
    """A word in which something is put that nobody knows: ``{}`` of find and xargs."""
    pieces: list[Piece] = []
    for piece in word.pieces:
        mark = next((mark for mark in marks if mark and mark in (piece.value or "")), None)
        if mark is None:
            pieces.append(piece)
            continue
        before, _, behind = (piece.value or "").partition(mark)
        made = [piece._replace(value=before), piece._replace(value=None), piece._replace(value=behind)]
        pieces += [each for each in made if each.value != ""]
    return word._replace(pieces=tuple(pieces))
