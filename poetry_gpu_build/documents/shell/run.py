"""One simple command, and what it comes down to: words are expanded, wrappers opened, nested shells read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.arguments import joined
from poetry_gpu_build.documents.shell.base import Base
from poetry_gpu_build.documents.shell.effects import BUILTINS
from poetry_gpu_build.documents.shell.effects import DECLARERS
from poetry_gpu_build.documents.shell.inputs import expanded
from poetry_gpu_build.documents.shell.inputs import printed_by
from poetry_gpu_build.documents.shell.inputs import read_by
from poetry_gpu_build.documents.shell.inputs import redirected
from poetry_gpu_build.documents.shell.inputs import substituted
from poetry_gpu_build.documents.shell.items import executed
from poetry_gpu_build.documents.shell.items import read_into
from poetry_gpu_build.documents.shell.items import with_items
from poetry_gpu_build.documents.shell.languages import code_of
from poetry_gpu_build.documents.shell.languages import made_by_awk
from poetry_gpu_build.documents.shell.languages import renamed
from poetry_gpu_build.documents.shell.nested import SHELLS
from poetry_gpu_build.documents.shell.nested import shell_call
from poetry_gpu_build.documents.shell.offsets import OffsetMap
from poetry_gpu_build.documents.shell.offsets import relocated
from poetry_gpu_build.documents.shell.programs import PROGRAM_FOLDERS
from poetry_gpu_build.documents.shell.programs import program_name
from poetry_gpu_build.documents.shell.programs import python_runs
from poetry_gpu_build.documents.shell.programs import shebang
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.scan import scan
from poetry_gpu_build.documents.shell.startup import TASKS
from poetry_gpu_build.documents.shell.startup import startup_files
from poetry_gpu_build.documents.shell.startup import task_files
from poetry_gpu_build.documents.shell.state import surrounded
from poetry_gpu_build.documents.shell.syntax import Script
from poetry_gpu_build.documents.shell.wrappers import WRAPPERS
from poetry_gpu_build.documents.shell.wrappers import option_values
from poetry_gpu_build.documents.shell.wrappers import unwrap
from poetry_gpu_build.documents.shell.written import MADE
from poetry_gpu_build.documents.shell.written import WRITERS
from poetry_gpu_build.documents.shell.written import remember

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.state import Function
    from poetry_gpu_build.documents.shell.state import State

# Programs that are themselves wherever they lie: in a virtual environment, say.
_INSTALLED = frozenset({"pip", "python", "easy_install", "pipx", "poetry", "uv", "conda", "mamba"})
_PYTHONS = ("python", "pypy")
_SCRIPT_ENDINGS = (".sh", ".bash", ".zsh", ".ksh", ".py", ".pl", ".rb")
# What counts as much as one command: so many words of a command.
_WORDS_A_RUN = 20
# The options with which `uv run` installs before it runs.
_UV_INSTALLS = {"--with", "--with-editable", "--with-requirements"}
# Variables whose text an interactive or a tracing bash runs (bash's manual 5.2).
_RUN_BY_SHELLS = frozenset({"PROMPT_COMMAND", "PS4"})
_INPUT_FILES = frozenset({"/dev/stdin", "/proc/self/fd/0", "/dev/fd/0", "-"})


class Run(Base):
    """One simple command in the state in which the shell meets it."""

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
                    for one in command.assignments:
                        if one.name in _RUN_BY_SHELLS and one.value is not None:
                            self._nested(expander.body(one.value).places(), one.name)
                self.run(words)
                self._context = outer
        if not command.words or command.words[0].literal in DECLARERS:
            self._assign()

    def _assign(self) -> None:
        self._state.around = self._context
        for one in self._command.assignments:
            if one.elements is not None:
                expander = next(self._state.expanders(one.elements))
                values = [word.value for word in expander.words(one.elements)]
                old = self._state.arrays.get(one.name, ()) if one.append else ()
                self._state.arrays[one.name] = (*old, *values)
            elif one.value is not None:
                values = [expander.value(one.value) for expander in self._state.expanders([one.value])]
                if values == [None]:
                    values = [substituted(one.value, self._siblings, self._state)]
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
        copied = self._copied(first) if self._state.copies else None
        if copied is not None and self._deeper():
            self.run([copied, *words[1:]], functions=False)
            return
        if text in BUILTINS:
            self._state.around = self._context
            BUILTINS[text](self._state, self._command, words)
            self._builtin(text, words)
        command = self._command
        if command.redirections or command.pipes or command.outer or name in WRITERS:
            remember(words, command, self._siblings, self._state, self._walker.files)
        if (self._state.copies or command.redirections or self._state.directory) and name.startswith(_PYTHONS):
            words = renamed(words, self._state, redirected(command))
        if not self._followed(name, words):
            self._keep(words)

    def _builtin(self, name: str, words: Sequence[Argument]) -> None:
        """``read``, whose input may be known."""
        if name == "read" and (text := read_by(self._command, self._siblings, self._state)) is not None:
            read_into(self._state, words, text.text)

    def _called(self, name: str, function: Function, words: Sequence[Argument]) -> None:
        if self._deeper():
            self._walker.call(name, function, tuple(words[1:]), self._state, self._context)

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
        if name.startswith(_PYTHONS) and rest and rest[0].text[:1] == "-":
            kind, module, _ = python_runs([word.text for word in words[1:]])
            at = next((at for at, word in enumerate(words) if word.text == module), 0)
            if kind == "-m" and at and module in WRAPPERS:
                return self._wrapped(module, words[at:])
        if name in {"su", "runuser"} and {"--", "-u", "--user"}.isdisjoint([word.text for word in words]):
            scripts = option_values(words, {"-c", "--command"})
            for script in scripts:
                self._nested(script.places(), f"{name} -c")
            return bool(scripts) or self._fed(name, words)
        if name == "find":
            self._executed(words)
            return False
        if name in WRAPPERS:
            return self._wrapped(name, words)
        if name in TASKS:
            for file in task_files(name, words):
                self._runs_file(file, file.text, name, ())
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
            return WRAPPERS[name].starts_shell and self._fed(name, words)
        if name == "uv" and option_values(words, _UV_INSTALLS):
            self._keep(words)
        outer = self._context
        if self._deeper():
            self._context = self._context._replace(via=(*outer.via, inside.via))
            self._context = surrounded(self._context, inside, self._state)
            for script in inside.scripts:
                self._nested(script.places())
            if command:
                if name in {"xargs", "parallel"}:
                    command = with_items(words, command, read_by(self._command, self._siblings, self._state))
                self.run(command, functions=False)
        self._context = outer
        return True

    def _executed(self, words: Sequence[Argument]) -> None:
        outer = self._context
        for command in executed(words):
            if self._deeper():
                self._context = self._context._replace(via=(*outer.via, "find -exec"))
                self.run(command, functions=False)
            self._context = outer

    def _shell(self, name: str, words: list[Argument]) -> bool:
        call = shell_call(words)
        variable = dict(self._context.environment).get("BASH_ENV") or self._state.value("BASH_ENV")
        for file in startup_files(name, words, call.options, variable, self._walker.files):
            self._file(file, "source", (), words)
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
        redirection = redirected(self._command) or self._state.input
        if redirection is not None and redirection.operator == "<&":
            self._undecidable(words, "input", f"{name} runs what another descriptor reads")
        elif redirection is not None:
            return self._file(expanded(self._state, redirection.target), name, rest, words)
        elif any(pipe.stage for pipe in self._context.pipes):
            self._undecidable(words, "input", f"{name} runs what comes out of a pipe")
        elif any(scope.name == ">(" for scope in self._context.scopes):
            self._undecidable(words, "input", f"{name} runs what is written into it")
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
            path = self._state.path(file.value)
            text = self._walker.files.get(path)
            if text is None:
                self._runs_file(file, file.value, interpreter, rest)
                made = path in self._walker.files or self._state.copies.get(path) == MADE
                if made and (interpreter in SHELLS or interpreter == "source"):
                    what = f"{interpreter} runs a file that is written only when it runs"
                    self._undecidable([file], "file", what)
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
        if written in files or (slash and folder not in PROGRAM_FOLDERS) or name.endswith(_SCRIPT_ENDINGS):
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
            if shown is None and redirection is not None and redirection.operator == "<":
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
        if language == "awk" and made_by_awk(code.text):
            self._walker.undecidable(at, "script", "a script that awk makes", code.text, self._context.via)
            return
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
