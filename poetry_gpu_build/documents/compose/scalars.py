"""What an unquoted value is: a number, a truth value, null or a text, as Compose's YAML library (yaml.v3) decides.

Neither YAML 1.1 (PyYAML: ``22:22`` is 1342, ``yes`` is true) nor YAML 1.2 (``010`` is ten), but between the two.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern


class Timestamp(NamedTuple):
    """A date, with or without a time, as Go prints it."""

    printed: str


Typed = str | int | float | bool | Timestamp | None

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_SPECIAL_FLOAT = lazy_pattern(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER = lazy_pattern(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = lazy_pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE = lazy_pattern(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:(?P<t>[Tt ])(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>Z|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)
_NUMBER_START = frozenset("0123456789+-.")
_LONG_TAG = "tag:yaml.org,2002:"

# Longer is no number that anybody means, and Python refuses to read it.
_MAXIMUM_DIGITS = 400


def typed(text: str, tag: str | None = None) -> Typed:
    """The value of an unquoted scalar, or of one with a tag.

    >>> typed("22:22"), typed("010"), typed("0x1F90"), typed("1_000"), typed("08")
    ('22:22', 8, 8080, 1000, 8.0)
    >>> typed("yes"), typed("true"), typed("~"), typed("80", "tag:yaml.org,2002:str")
    ('yes', True, None, '80')
    """
    if tag is not None and tag.removeprefix(_LONG_TAG) not in ("int", "float", "bool", "null", "timestamp"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START or len(text) > _MAXIMUM_DIGITS:
        return text
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1))
    date = _timestamp(text)
    if date is not None:
        return date
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        number = _integer(plain)
        # Past 64 bits it is read on as a float.
        if -(2**63) <= number < 2**64:
            return number
    return float(plain) if _FLOAT.fullmatch(plain) else text


def go_text(value: Typed) -> str:
    """The value as Go prints it: what a build argument or a variable of that value gets to be.

    >>> go_text(3.10), go_text(1000000.0), go_text(True), go_text(None), go_text(31)
    ('3.1', '1e+06', 'true', '', '31')
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return _go_float(value)
        case Timestamp():
            return value.printed
    return str(value)


def _integer(plain: str) -> int:
    """Go's ParseInt with base 0: a leading zero means octal."""
    digits = plain.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(digits, 8 if octal else 0)
    return -number if plain[0] == "-" else number


def _go_float(value: float) -> str:
    """Go's %v: the shortest digits, with an exponent from a million on and below a ten-thousandth."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return repr(value).removesuffix(".0")
    significant = repr(value).partition("e")[0].lstrip("-").replace(".", "").strip("0")
    return f"{value:.{len(significant) - 1}e}"


def _timestamp(text: str) -> Timestamp | None:
    """A date as Go reads one: behind a T with a zone, behind a blank without."""
    found = _DATE.fullmatch(text)
    if found is None or (found["t"] and (found["t"] == " ") == bool(found["zone"])):
        return None
    parts = [int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    try:
        moment = datetime(*parts)  # type: ignore[arg-type]
    except ValueError:
        return None
    fraction = (found["fraction"] or "").rstrip("0")
    zone = (found["zone"] or "Z").replace(":", "")
    shown = "+0000 UTC" if zone == "Z" else f"{zone} {zone}"
    return Timestamp(f"{moment:%Y-%m-%d %H:%M:%S}{'.' if fraction else ''}{fraction} {shown}")
