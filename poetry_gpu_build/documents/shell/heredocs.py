"""Here-documents (POSIX XCU 2.7.4): their bodies begin behind the line that announces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.syntax import Text
from poetry_gpu_build.documents.shell.syntax import Word

if TYPE_CHECKING:
    from poetry_gpu_build.documents.shell.draft import HereDocument
    from poetry_gpu_build.documents.shell.scan import ScriptReader


def read_bodies(reader: ScriptReader) -> None:
    """Read the bodies of the here-documents whose operators stand on the line before (POSIX XCU 2.7.4)."""
    pending, reader.pending = reader.pending, []
    for document in pending:
        start = reader.position
        tabs_stripped = document.draft.made.operator == "<<-"
        stop, following = _body_end(reader, document, tabs_stripped=tabs_stripped)
        if document.quoted:
            parts = _lines(reader.text, start, stop, tabs_stripped=tabs_stripped)
            body = Word(start, stop, "".join([part.value for part in parts]), parts)
        else:
            body = reader.expanded(stop, tabs_stripped=tabs_stripped)
        document.draft.made = document.draft.made._replace(body=body)
        reader.position = following


def _body_end(reader: ScriptReader, document: HereDocument, *, tabs_stripped: bool) -> tuple[int, int]:
    """Where the body ends, and where the line behind its delimiter starts."""
    at, continued = reader.position, False
    while at < reader.limit:
        reader.step()
        end = reader.text.find("\n", at, reader.limit)
        end = reader.limit if end < 0 else end
        line = reader.text[at:end]
        if not continued and (line.lstrip("\t") if tabs_stripped else line).rstrip("\r") == document.delimiter:
            return at, min(end + 1, reader.limit)
        # A new line behind a backslash is taken away before the delimiter is looked for.
        continued = not document.quoted and (len(line) - len(line.rstrip("\\"))) % 2 == 1
        at = end + 1
    reader.problem(document.draft.made.start, "a here-document is not closed")
    return reader.limit, reader.limit


def _lines(text: str, start: int, stop: int, *, tabs_stripped: bool) -> tuple[Text, ...]:
    if not tabs_stripped:
        return (Text(start, stop, text[start:stop], quoted=True),)
    parts = []
    while start < stop:
        end = text.find("\n", start, stop) + 1 or stop
        line = text[start:end].lstrip("\t")
        parts.append(Text(end - len(line), end, line, quoted=True))
        start = end
    return tuple(parts)
