"""Env files, as compose-go's dotenv reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.documents.compose.dotenv import parse_env
from poetry_gpu_build.documents.source import Source


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# only\n\n", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("export A=1", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A = 1 ", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=a b # c", {"A": "a b"}),
        ("A=a#b", {"A": "a#b"}),
        ("A='a # b'", {"A": "a # b"}),
        ('A="a # b" # c\nB=1', {"A": "a # b", "B": "1"}),
        ("A='$X'", {"A": "$X"}),
        ('A="$X ${Y:-y}"', {"A": "given y"}),
        ("A=$X\nB=${A}2", {"A": "given", "B": "given2"}),
        ("A=$$X", {"A": "$X"}),
        ('A="\\$X"', {"A": "$X"}),
        ('A="a\\nb\\t\\\\ \\"q\\""', {"A": 'a\nb\t\\ "q"'}),
        ("A='it\\'s'", {"A": "it's"}),
        ('A="one\ntwo"\nB=1', {"A": "one\ntwo", "B": "1"}),
        ('A="\\0101"', {"A": "A"}),
        ("X\nB=1", {"X": "given", "B": "1"}),
        ("MISSING\nB=1", {"B": "1"}),
        ("A.B-C[0]=1", {"A.B-C[0]": "1"}),
    ],
)
def test_an_env_file_sets_variables(text: str, values: dict[str, str]) -> None:
    found = parse_env(Source(Path(".env"), text), {"X": "given"})
    assert (found.values, found.problems) == (values, ())


@pytest.mark.parametrize(
    ("text", "line"), [("A=1\nB B=2", 2), ("A=1\n%=2", 2), ("A='1", 1), ("\nA=${", 2), ('A="a\nb"\nB=${C?}', 3)]
)
def test_a_mistake_is_a_problem_with_its_line(text: str, line: int) -> None:
    (problem,) = parse_env(Source(Path(".env"), text), {}).problems
    assert (problem.kind, problem.position.line) == ("syntax", line)
