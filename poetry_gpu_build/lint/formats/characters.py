"""Characters as terminals and JSON readers take them: the unprintable made visible, the wide counted."""

from __future__ import annotations

from poetry_gpu_build.documents.lazy import lazy_pattern

_LONE_SURROGATES = lazy_pattern("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def visible(text: str) -> str:
    r"""The text as one printable line: all that a terminal would obey, hide or reorder becomes an escape.

    What counts is `str.isprintable`: control and format characters (bidirectional ones too), surrogates, line and
    paragraph separators, spaces other than the common one. A byte that was no UTF-8 (PEP 383) is shown as that byte.

    >>> print(visible("a\x1b[31m\tb\u202e\udcff"))
    a\x1b[31m\tb\u202e\xff
    """
    if text.isprintable():
        return text
    return "".join([character if character.isprintable() else _escape(character) for character in text])


def width(character: str) -> int:
    """How many columns of a terminal a printable character takes (Unicode Standard Annex 11).

    >>> width("a"), width("語"), width("\u0301")
    (1, 2, 0)
    """
    if character.isascii():
        return 1
    # Loaded only here: most files are ASCII, and each run pays for what it imports.
    from unicodedata import category
    from unicodedata import east_asian_width

    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1


def well_formed(text: str) -> str:
    r"""The text with U+FFFD for lone surrogates, which JSON can name and many of its readers refuse (RFC 8259, 8.2).

    >>> well_formed("caf\udcc3") == "caf\ufffd"
    True
    """
    return _LONE_SURROGATES.sub(_REPLACEMENT, text)


def utf16_length(text: str) -> int:
    """How many UTF-16 code units a text takes.

    >>> utf16_length("a語🚀")
    4
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
