"""Which characters are space: BuildKit is written in Go, whose idea of it differs from Python's."""

from __future__ import annotations

# unicode.IsSpace, for strip() and for a character class. str.isspace() has U+001C to U+001F as well.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

# The same where BuildKit goes through a line byte by byte: for flags, and behind HEALTHCHECK.
ASCII_SPACE = "\t\n\v\f\r "

# What parts the words of an instruction (BuildKit's reWhitespace).
BLANK = "\t\v\f\r "
