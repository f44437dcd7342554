"""Quotes, escapes and variables. The expected values were measured with BuildKit's lexer (dockerfile/shell)."""

from __future__ import annotations

import pytest

from poetry_gpu_build.documents.dockerfile.expansion import Budget
from poetry_gpu_build.documents.dockerfile.expansion import Expansion
from poetry_gpu_build.documents.dockerfile.expansion import Variable
from poetry_gpu_build.documents.dockerfile.expansion import expand
from poetry_gpu_build.documents.dockerfile.patterns import compile_pattern

VALUES = {
    "SET": "cuda:12.8.1-devel",
    "EMPTY": "",
    "PATHS": "/a/b/b/c.txt",
    "STARS": "a***b*",
    "ÄÖ": "umlaut",
    "P": "*/",
}


def lookup(name: str) -> Variable | None:
    return Variable(name, VALUES[name], "ENV", 0) if name in VALUES else None


# A word, and what it becomes; None where BuildKit refuses it.
WORDS: dict[str, str | None] = {
    "plain": "plain",
    "$SET": "cuda:12.8.1-devel",
    "${SET}": "cuda:12.8.1-devel",
    "x$SET.y": "xcuda:12.8.1-devel.y",
    "$UNSET": "",
    "a$UNSET/b": "a/b",
    "$ÄÖ": "umlaut",
    # quotes and escapes
    "'$SET'": "$SET",
    '"$EMPTY"': "",
    "\"'$SET'\"": "'cuda:12.8.1-devel'",
    "'\"'": '"',
    "\\$SET": "$SET",
    "\\\\$EMPTY": "\\",
    '"\\$SET"': "$SET",
    "a\\ b": "a b",
    "a\\tb": "atb",
    '"a\\tb"': "a\\tb",
    "'a\\tb'": "a\\tb",
    "a\\": "a",
    '"a\\': None,
    "a'b": None,
    '"a': None,
    "a\\'b": "a'b",
    "a b": "a b",
    # a value or a default
    "${UNSET:-d}": "d",
    "${UNSET-d}": "d",
    "${EMPTY:-d}": "d",
    "${EMPTY-d}": "",
    "${SET:-d}": "cuda:12.8.1-devel",
    "${UNSET:-}": "",
    "${UNSET:-${EMPTY:-d}}": "d",
    "${UNSET:-a b}": "a b",
    "${UNSET:-'a}'}": "a}",
    "${UNSET:-\\}}": "}",
    "${UNSET:-\\$SET}": "$SET",
    # a replacement
    "${SET:+r}": "r",
    "${SET+r}": "r",
    "${EMPTY:+r}": "",
    "${EMPTY+r}": "r",
    "${UNSET:+r}": "",
    "${UNSET+${SET}}": "",
    # a demand
    "${SET:?e}": "cuda:12.8.1-devel",
    "${EMPTY?e}": "",
    "${EMPTY:?e}": None,
    "${UNSET?}": None,
    # a part
    "${SET#cuda:}": "12.8.1-devel",
    "${SET#*.}": "8.1-devel",
    "${SET##*.}": "1-devel",
    "${SET%.*}": "cuda:12.8",
    "${SET%%.*}": "cuda:12",
    "${SET%-devel}": "cuda:12.8.1",
    "${SET#x}": "cuda:12.8.1-devel",
    "${SET#}": "cuda:12.8.1-devel",
    "${SET#????:}": "12.8.1-devel",
    "${STARS%%\\**}": "a",
    "${STARS#a\\*}": "**b*",
    "${SET#\\x}": None,
    "${SET:#c}": None,
    "${UNSET#x}": "",
    # a substitution
    "${SET/cuda/rocm}": "rocm:12.8.1-devel",
    "${PATHS/b/x}": "/a/x/b/c.txt",
    "${PATHS//b/x}": "/a/x/x/c.txt",
    "${PATHS/\\//}": "a/b/b/c.txt",
    "${PATHS//\\//_}": "_a_b_b_c.txt",
    "${PATHS/*b/}": "/c.txt",
    "${STARS//$P/}": "a***b*",
    "${SET//}": None,
    # mistakes
    "${}": None,
    "${SET": None,
    "${": None,
    "${:-x}": None,
    "${{SET}}": None,
    "${SET:=x}": None,
    "${SET!}": None,
    "${.}": None,
    "${UNSET:-${SET}": None,
    # what is no variable
    "$": "$",
    "a$.b": "a$.b",
    "$ SET": "$ SET",
    "$1x": "x",
    "$12x": "x",
    "${1:-x}": "x",
    "$$SET": "SET",
    "$@": "",
    "${#}": "",
    "$?": "",
    "a<b": "a<b",
    "a << b": "a << b",
}


@pytest.mark.parametrize(("word", "expected"), WORDS.items())
def test_a_word_is_expanded(word: str, expected: str | None) -> None:
    expansion = expand(word, lookup)
    if expected is None:
        assert expansion.error
        assert expansion.value == word
    else:
        assert (expansion.value, expansion.error) == (expected, "")


@pytest.mark.parametrize(
    ("word", "unknown"),
    [
        ("$UNSET-$OTHER", ("OTHER", "UNSET")),
        ("${UNSET:-default}", ()),
        ("${UNSET:-$OTHER}", ("OTHER",)),
        ("${SET:-$OTHER}", ()),
        ("${SET:+$OTHER}", ("OTHER",)),
        ("${UNSET:+$OTHER}", ()),
        ("${UNSET%x}", ("UNSET",)),
        ("${UNSET/a/b}", ("UNSET",)),
        ("'$UNSET'", ()),
    ],
)
def test_the_variables_that_the_file_does_not_tell_are_named(word: str, unknown: tuple[str, ...]) -> None:
    assert expand(word, lookup).unknown == unknown


def test_the_other_escape() -> None:
    assert expand("`$SET\\", lookup, "`") == Expansion("$SET\\")


def test_what_a_value_lacks_is_lacking_where_it_is_used() -> None:
    def partly_known(name: str) -> Variable:
        return Variable(name, "/opt:", "ENV", 0, ("PATH",))

    assert expand("x$A", partly_known) == Expansion("x/opt:", ("PATH",))


def test_work_is_bounded() -> None:
    budget = Budget(1000)
    values = {"A": "x" * 400}

    def long(name: str) -> Variable | None:
        return Variable(name, values[name], "ENV", 0) if name in values else None

    assert expand("$A.", long, "\\", budget).error == ""
    assert expand("$A$A.", long, "\\", budget).error
    assert expand("${A/*a*a*a*a*a*a*b/}", long).value == "x" * 400


def test_a_pattern_of_many_stars_takes_no_exponential_time() -> None:
    pattern = compile_pattern("*a" * 40 + "b")
    assert pattern is not None
    assert pattern.end("a" * 5000, 0, longest=True) is None
