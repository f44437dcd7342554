"""Comments that switch a rule off: what they name, which findings they silence, and which silence nothing.

    # gpu-build: ignore[GPU101] the vendor's installer needs it
    # gpu-build: ignore[GPU101, GPU102]
    # gpu-build: ignore-file[GPU401]

It is the same in Dockerfiles, YAML, TOML and ignore files, whose comments all begin with `#`. Which lines a comment
speaks for depends on the language, so the caller says it with each comment: its own line, or the instruction or
statement that holds it or follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit

if TYPE_CHECKING:
    import re
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.finding import Finding

# The rule about comments that silence nothing. Its findings are made here, since no rule knows of the others'.
UNUSED = "GPU902"

_DIRECTIVE = lazy_pattern(
    r"#[ \t]*gpu-build(?P<colon>[ \t]*:)?[ \t]*(?P<word>[A-Za-z-]*)"
    r"(?:[ \t]*(?P<open>\[)(?P<codes>[^\]#\n]*)(?P<close>\])?)?"
)
_CODE = lazy_pattern(r"[^\s,](?:[^,]*[^\s,])?")
_FORM = "write `# gpu-build: ignore[GPU101] reason` or `# gpu-build: ignore-file[GPU101] reason`"
# A Dockerfile's parser directive, which counts only as long as no other comment stands above it.
_PARSER_DIRECTIVE = lazy_pattern(r"#[ \t]*[A-Za-z][A-Za-z0-9]*[ \t]*=")
_BLANK = " \t\r\ufeff"


class Comment(NamedTuple):
    """A comment of a file."""

    text: str
    """From its `#` up to the end of the line."""
    offset: int
    """Of its `#`, from 0."""
    first: int
    """The first line that it speaks for, from 1."""
    last: int
    """The last of them, this one included."""


class NamedCode(NamedTuple):
    """The code of a rule in a comment, and its place in the file: offsets from 0."""

    code: str
    start: int
    end: int


class Directive(NamedTuple):
    """One `ignore[…]` or `ignore-file[…]`."""

    comment: Comment
    whole_file: bool
    codes: tuple[NamedCode, ...]
    """In the order in which they are written, unknown ones too."""
    reason: str
    start: int
    """Offset of its `#`."""
    end: int
    """Behind its reason."""

    @property
    def reach(self) -> tuple[bool, int]:
        """How much it speaks for; of two, the one that says less is meant."""
        return (self.whole_file, self.comment.last - self.comment.first)


class Mistake(NamedTuple):
    """A comment, or a code in it, that was meant to silence something and does not; offsets from 0."""

    start: int
    end: int
    message: str
    help: str


class Suppressions(NamedTuple):
    """What the comments of a file say."""

    directives: tuple[Directive, ...]
    mistakes: tuple[Mistake, ...]


class Unused(NamedTuple):
    """Codes of one directive that silenced nothing."""

    directive: Directive
    codes: tuple[NamedCode, ...]

    @property
    def names(self) -> str:
        """The codes, each once."""
        return ", ".join(dict.fromkeys(named.code for named in self.codes))


class Verdict(NamedTuple):
    """What is left of the findings."""

    kept: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    unused: tuple[Unused, ...]


def parse_suppressions(comments: Iterable[Comment], known: Collection[str]) -> Suppressions:
    """Read the comments of a file; a code that is not ``known`` is a mistake, and the others beside it still count."""
    directives: list[Directive] = []
    mistakes: list[Mistake] = []
    for comment in comments:
        matches = list(_DIRECTIVE.finditer(comment.text)) if "gpu-build" in comment.text else []
        for index, match in enumerate(matches):
            following = matches[index + 1 : index + 2]
            parsed = _parse(comment, match, following[0].start() if following else len(comment.text))
            if isinstance(parsed, Directive):
                directives.append(parsed)
                mistakes.extend(_unknown(parsed, known))
            elif parsed is not None:
                mistakes.append(parsed)
    return Suppressions(tuple(directives), tuple(mistakes))


def suppress(findings: Iterable[Finding], directives: Iterable[Directive], active: Collection[str]) -> Verdict:
    """Decide over the findings of the file that the directives stand in.

    A finding is silenced by the directive that names its code, speaks for the line on which it begins, and reaches the
    least far. Only the codes of ``active`` rules can be unused: what a rule that did not run would find is not known.
    """
    ordered = tuple(directives)
    by_code: dict[str, _Reached] = {}
    for directive in sorted(ordered, key=lambda directive: (directive.reach, directive.start)):
        for named in directive.codes:
            by_code.setdefault(named.code, _Reached()).add(directive, named)
    used: set[NamedCode] = set()
    kept: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        reached = by_code.get(finding.code)
        named_here = reached.at(finding.where.line) if reached is not None else None
        if named_here is None:
            kept.append(finding)
        else:
            suppressed.append(finding)
            used.add(named_here)
    return Verdict(tuple(kept), tuple(suppressed), tuple(_unused(ordered, used, active)))


class _Reached:
    """Which suppression of one rule speaks for a line: of those that are added, the first that does.

    Each line is visited once, however many suppressions a file lays over it.
    """

    def __init__(self) -> None:
        self._lines: dict[int, NamedCode] = {}
        self._free: dict[int, int] = {}
        """From a line that has one towards the next that has none."""
        self._file: NamedCode | None = None

    def add(self, directive: Directive, named: NamedCode) -> None:
        if directive.whole_file:
            self._file = self._file or named
            return
        line = self._next_free(directive.comment.first)
        while line <= directive.comment.last:
            self._lines[line] = named
            self._free[line] = line + 1
            line = self._next_free(line + 1)

    def at(self, line: int) -> NamedCode | None:
        """Who silences what begins on a line; 0 is the file as a whole."""
        return self._lines.get(line, self._file)

    def _next_free(self, line: int) -> int:
        passed = []
        while line in self._free:
            passed.append(line)
            line = self._free[line]
        self._free.update(dict.fromkeys(passed, line))
        return line


def unused_hits(source: Source, mistakes: Iterable[Mistake], unused: Iterable[Unused]) -> Iterator[Hit]:
    """What is to be said of the comments that silence nothing."""
    for mistake in mistakes:
        yield Hit(source, mistake.start, mistake.end, mistake.message, mistake.help)
    for some in unused:
        message = f"no finding of {some.names} is silenced by this suppression"
        help_text = "delete it; the next finding would be silenced unseen"
        yield Hit(source, some.codes[0].start, some.codes[-1].end, message, help_text, unused_fix(source, some))


def unused_fix(source: Source, unused: Unused) -> Fix:
    """Delete the codes that silence nothing: the whole directive with its reason, or the codes alone.

    Not safe where a comment goes that kept the line below from being a parser directive of a Dockerfile.
    """
    directive = unused.directive
    gone = set(unused.codes)
    kept = [named for named in directive.codes if named not in gone]
    names = unused.names
    if kept:
        text = ", ".join(named.code for named in kept)
        edit = Edit(source.path, directive.codes[0].start, directive.codes[-1].end, text)
        return Fix(f"remove {names} from the suppression", (edit,), is_safe=True)
    start, end = _removal(source.text, directive)
    next_line = source.text[end : end + 200]
    is_line = end > 0 and source.text[end - 1] == "\n"
    is_safe = not (is_line and _PARSER_DIRECTIVE.match(next_line))
    return Fix(f"remove the unused suppression of {names}", (Edit(source.path, start, end, ""),), is_safe=is_safe)


def _parse(comment: Comment, match: re.Match[str], end: int) -> Directive | Mistake | None:
    """What one `gpu-build` in a comment says; None where it is prose."""
    word, is_open = match["word"], match["open"] is not None
    is_directive = word in ("ignore", "ignore-file")
    start = comment.offset + match.start()
    stop = comment.offset + match.start() + len(comment.text[match.start() : end].rstrip())

    def mistake(message: str) -> Mistake:
        return Mistake(start, min(stop, comment.offset + match.end()), message, _FORM)

    if match["colon"] is None:
        return mistake("a suppression needs a colon after `gpu-build`") if is_directive and is_open else None
    if not is_directive:
        is_meant = is_open or word.lower().startswith("ignore")
        return mistake(f"there is no suppression `{word}`") if is_meant else None
    if not is_open:
        return mistake("a suppression must name its rules in brackets")
    if match["close"] is None:
        return mistake("the bracket of this suppression is not closed")
    offset = comment.offset + match.start("codes")
    codes = [NamedCode(code[0], offset + code.start(), offset + code.end()) for code in _CODE.finditer(match["codes"])]
    if not codes:
        return mistake("this suppression names no rule")
    reason = comment.text[match.end() : end].strip()
    return Directive(comment, word == "ignore-file", tuple(codes), reason, start, stop)


def _unknown(directive: Directive, known: Collection[str]) -> Iterator[Mistake]:
    for code, start, end in directive.codes:
        if code not in known:
            meant = code.upper()
            remedy = f"write {meant}" if meant in known else "`poetry gpu-build rule` lists the rules"
            yield Mistake(start, end, f"there is no rule `{code}`", remedy)


def _unused(directives: Iterable[Directive], used: Collection[NamedCode], active: Collection[str]) -> Iterator[Unused]:
    for directive in directives:
        codes = tuple(named for named in directive.codes if named.code in active and named not in used)
        if codes:
            yield Unused(directive, codes)


def _removal(text: str, directive: Directive) -> tuple[int, int]:
    """What to delete so that nothing is left of a directive: its line, or its part of the line."""
    line_start = text.rfind("\n", 0, directive.start) + 1
    line_end = text.find("\n", directive.end)
    line_end = len(text) if line_end < 0 else line_end
    before = text[line_start : directive.start]
    after = text[directive.end : line_end]
    rest = len(after) - len(after.lstrip(_BLANK))
    if rest < len(after):  # another directive follows
        return directive.start, directive.end + rest
    if before.strip(_BLANK):  # something stands before it, which ends where its spaces begin
        return line_start + len(before.rstrip(" \t")), directive.end
    start = line_start + (1 if before.startswith("\ufeff") else 0)
    return start, min(line_end + 1, len(text))
