"""What the resolver finds: commands that run, files that are run, and what cannot be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.programs import normalise
from poetry_gpu_build.documents.shell.programs import program_name

if TYPE_CHECKING:
    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.shell.syntax import Command
    from poetry_gpu_build.documents.shell.syntax import Pipe
    from poetry_gpu_build.documents.shell.syntax import Scope


_NAMES = lazy_pattern(r"(?<![\w.=-])[\w./+-]+|(?<==)[\w./+-]+")


class ResolvedCommand(NamedTuple):
    """A program that runs, wrappers and nested shells taken away. Offsets are those of the outermost text."""

    start: int
    end: int
    words: tuple[Argument, ...]
    environment: tuple[tuple[str, str | None], ...]
    """What is set for it alone: ``A=b command``, ``env A=b command``; None where the value is unknown."""
    via: tuple[str, ...]
    """How it is reached, the outermost first: ``sudo``, ``bash -c``, a function's name."""
    command: Command
    """The simple command that it stands in."""
    scopes: tuple[Scope, ...]
    pipes: tuple[Pipe, ...]
    """Its pipelines, those around a nested shell too; the outermost first."""
    ignored: bool
    """Its failure goes unseen."""
    pipefail: bool
    """``set -o pipefail`` holds where it runs."""
    errexit: bool
    """``set -e`` holds where it runs."""
    directory: str | None
    """Where ``cd`` has gone, relative to the start; None where that is unknown."""

    @property
    def program(self) -> str:
        """The name of the program, without its folder."""
        return self.words[0].name or "" if self.words else ""

    @property
    def arguments(self) -> tuple[str | None, ...]:
        """The words behind it; None for what is unknown."""
        return tuple([word.value for word in self.words[1:]])

    def passes_on(self, programs: frozenset[str]) -> Argument | None:
        """A word behind the program that names one of ``programs``, alone or inside a longer text.

        The net under the table of wrappers: ``retry 5 pip install x``, ``make PIP='pip install x'`` and an option that
        nobody listed hand a command on in words that look like arguments. Whether that matters, a rule must say.
        """
        for word in self.words[1:]:
            if not programs.isdisjoint([program_name(each) for each in _NAMES.findall(word.text)]):
                return word
        return None

    def normalised(self) -> tuple[str, tuple[str | None, ...]]:
        """The program by its plain name, and its arguments: ``python3 -m pip install x`` is pip."""
        # python "$venv/lib/pip" is pip, wherever the folder: the last part of an unknown path is enough.
        shown = [word.text if word.name and not word.many else word.value for word in self.words[1:]]
        name, rest = normalise(self.words[0].text if self.words else "", shown)
        return name, self.arguments[len(shown) - len(rest) :]


class RunsFile(NamedTuple):
    """A script that is run, or read by ``.``: whether it lies in the build context, a rule must see."""

    start: int
    end: int
    path: str
    """As written, or with what ``cd`` has gone to before it."""
    directory: str | None
    """Where ``cd`` has gone before; None where that is unknown, and a relative path can be anywhere."""
    interpreter: str
    """``sh``, ``python`` …; ``source`` for ``.``; empty where the file's own first line decides."""
    arguments: tuple[str | None, ...]
    via: tuple[str, ...]
    command: Command


class Undecidable(NamedTuple):
    """Something that runs, and nobody can say what without running it."""

    start: int
    end: int
    kind: str
    """``program`` an unknown program; ``script`` a shell script made at run time; ``code`` a program in another
    language; ``input`` a script that comes out of a pipe; ``file`` a file with an unknown name; ``syntax`` what no
    shell reads; ``limit`` more than is followed."""
    reason: str
    text: str
    """What is known of it, with ``${_}`` for the rest: the words, the script, the code."""
    language: str
    """Of ``code``: ``python``, ``perl`` …; else empty."""
    via: tuple[str, ...]


Resolved = ResolvedCommand | RunsFile | Undecidable
