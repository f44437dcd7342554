"""YAML as Compose's library reads it, and the places of what stands in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from poetry_gpu_build.documents.compose.nodes import ComposeFile
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.parse import Stream
from poetry_gpu_build.documents.compose.parse import parse
from poetry_gpu_build.documents.compose.scalars import go_text
from poetry_gpu_build.documents.compose.scalars import typed
from poetry_gpu_build.documents.source import Source

PATH = Path("compose.yml")


def read(text: str) -> Stream:
    return parse(ComposeFile(Source(PATH, text), Path()))


def plain(node: Any) -> Any:
    match node:
        case ScalarNode():
            return node.value
        case SequenceNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key: plain(entry.node) for key, entry in node.entries.items()}


def value(text: str) -> Any:
    stream = read(text)
    assert stream.problems == ()
    (document,) = stream.documents
    return plain(document)


@pytest.mark.parametrize(
    ("text", "expected", "printed"),
    [
        # Neither minutes nor degrees: numbers to the base of 60 went with YAML 1.1.
        ("22:22", "22:22", "22:22"),
        ("1:30:00", "1:30:00", "1:30:00"),
        # Only these are truth values, only these nothing.
        ("true", True, "true"),
        ("False", False, "false"),
        ("TRUE", True, "true"),
        ("yes", "yes", "yes"),
        ("on", "on", "on"),
        ("off", "off", "off"),
        ("n", "n", "n"),
        ("tRUE", "tRUE", "tRUE"),
        ("null", None, ""),
        ("~", None, ""),
        ("", None, ""),
        ("none", "none", "none"),
        # Numbers of either version.
        ("80", 80, "80"),
        ("+80", 80, "80"),
        ("-1", -1, "-1"),
        ("010", 8, "8"),
        ("0o10", 8, "8"),
        ("0x1F90", 8080, "8080"),
        ("0b101", 5, "5"),
        ("1_000", 1000, "1000"),
        ("08", 8.0, "8"),
        ("0x", "0x", "0x"),
        ("1e3", 1000.0, "1000"),
        ("3.10", 3.1, "3.1"),
        ("3.11.2", "3.11.2", "3.11.2"),
        (".5", 0.5, "0.5"),
        ("100000.0", 100000.0, "100000"),
        ("1000000.0", 1000000.0, "1e+06"),
        ("123456789.25", 123456789.25, "1.2345678925e+08"),
        ("0.00001", 1e-05, "1e-05"),
        ("18446744073709551616", 1.8446744073709552e19, "1.8446744073709552e+19"),
        (".inf", float("inf"), "+Inf"),
        ("-.inf", float("-inf"), "-Inf"),
        ("12:30:45", "12:30:45", "12:30:45"),
        ("1.2.3.4", "1.2.3.4", "1.2.3.4"),
        ("-", "-", "-"),
    ],
)
def test_an_unquoted_value_is_what_compose_takes_it_for(text: str, expected: object, printed: str) -> None:
    found = typed(text)
    assert (type(found), found) == (type(expected), expected)
    assert go_text(found) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2024-01-31", "2024-01-31 00:00:00 +0000 UTC"),
        ("2024-1-3", "2024-01-03 00:00:00 +0000 UTC"),
        ("2024-01-31T10:11:12Z", "2024-01-31 10:11:12 +0000 UTC"),
        ("2024-01-31T10:11:12.500+02:00", "2024-01-31 10:11:12.5 +0200 +0200"),
        ("2024-01-31 10:11:12", "2024-01-31 10:11:12 +0000 UTC"),
        ("2024-01-31 10:11:12Z", "2024-01-31 10:11:12Z"),
        ("2024-01-31T10:11:12", "2024-01-31T10:11:12"),
        ("2024-02-30", "2024-02-30"),
    ],
)
def test_a_date_is_printed_as_go_prints_it(text: str, printed: str) -> None:
    assert go_text(typed(text)) == printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a: "80"', {"a": "80"}),
        ("a: '80'", {"a": "80"}),
        ("a: !!str 80", {"a": "80"}),
        ('a: !!int "80"', {"a": 80}),
        ("a: !mine 80", {"a": "80"}),
        ("a: |\n  80\n", {"a": "80\n"}),
        ("a:\nb: ''", {"a": None, "b": ""}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x 1\nb: {*x : 2}", {"a": 1, "b": {"1": 2}}),
        ("&k a: 1\nb: *k", {"a": 1, "b": "a"}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("\ufeffa: 1", {"a": 1}),
        # Merge keys: own keys first, then those of the first mapping.
        ("a: &a {k: 1, l: 1}\nb: {k: 2, <<: *a}", {"a": {"k": 1, "l": 1}, "b": {"k": 2, "l": 1}}),
        ("a: {<<: [{k: 1}, {k: 2, l: 2}]}", {"a": {"k": 1, "l": 2}}),
        ("a: {<<: {<<: {k: 1}, l: 2}}", {"a": {"l": 2, "k": 1}}),
        ("a: {!!merge <<: {k: 1}}", {"a": {"k": 1}}),
        ("a: {'<<': {k: 1}}", {"a": {"<<": {"k": 1}}}),
        # Tags of Compose.
        ("a: {k: !reset 1, l: 2}", {"a": {"l": 2}}),
        ("a: [1, !reset 2]", {"a": [1]}),
        ("a: {k: !override [1, !reset 2]}", {"a": {"k": [1, "2"]}}),
    ],
)
def test_a_document_is_read_as_compose_reads_it(text: str, expected: object) -> None:
    assert value(text) == expected


def test_each_document_of_a_file_is_read() -> None:
    stream = read("a: &x 1\n---\nb: 2\n...\n---\nc: *x\n")
    assert [plain(document) for document in stream.documents] == [{"a": 1}, {"b": 2}, {"c": None}]
    assert [(problem.kind, problem.position.line) for problem in stream.problems] == [("reference", 6)]


def test_the_tags_of_a_merged_mapping_come_along() -> None:
    (document,) = read("x: &x {p: !reset [], q: !override [1]}\na: {<<: *x}\nb: {<<: [*x]}").documents
    assert isinstance(document, MappingNode)
    resets = {
        key: set(entry.node.resets) for key, entry in document.entries.items() if isinstance(entry.node, MappingNode)
    }
    assert resets == {"x": {"p", "q"}, "a": {"p", "q"}, "b": set()}


@pytest.mark.parametrize(
    ("text", "kind", "places"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate-key", ["3:1", "1:1"]),
        ('a: 1\n"a": 2', "duplicate-key", ["2:1", "1:1"]),
        ("x: {<<: {a: 1}, <<: {b: 1}}", "duplicate-key", ["1:17", "1:5"]),
        ("8080: a", "shape", ["1:1"]),
        ("? [a]\n: b", "shape", ["1:3"]),
        ("a: {<<: 1}", "shape", ["1:9"]),
        ("a: *x", "reference", ["1:4"]),
        ("a: &x {b: [*x]}", "cycle", ["1:12"]),
        ("&x a: &y {<<: *y}", "cycle", ["1:15"]),
        ("a: b: c", "syntax", ["1:5"]),
        ("a: [1,\nb", "syntax", ["2:2"]),
        ("a:\n\t- b", "syntax", ["2:1"]),
        ("a: \x01", "syntax", ["1:4"]),
        ("a: é\nb: '\x07'", "syntax", ["2:5"]),
        ("a: \0", "syntax", ["1:4"]),
        ("a: 'é\ud800'", "syntax", ["1:6"]),
        ("%YAML 3.0\n---\na: 1", "syntax", ["1:1"]),
    ],
)
def test_a_problem_tells_its_places(text: str, kind: str, places: list[str]) -> None:
    problem = read(text).problems[0]
    assert problem.kind == kind
    assert [f"{place.line}:{place.column}" for place in (problem.position, *problem.also)] == places


def test_what_stands_before_an_error_is_kept() -> None:
    stream = read("a: 1\nb: [2, 3\nc: 4")
    assert plain(stream.documents[0]) == {"a": 1, "b": [2, "3 c"]}
    assert len(stream.problems) == 1


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("a: x${Y}", 1, "1:5"),
        ('a: "x${Y}"', 1, "1:6"),
        ("a: 'x${Y}'", 1, "1:6"),
        ("a: |\n  one\n\n    two ${Y}\n", 11, "4:9"),
        ("a: |2\n    one\n", 2, "2:5"),
        ("# a\r\na: é${Y}\r\n", 1, "2:5"),
        # Not as it is read: the value's beginning.
        ('a: "\\u00e9${Y}"', 1, "1:4"),
        ("a: >\n  one\n  two ${Y}\n", 8, "1:4"),
    ],
)
def test_a_part_of_a_value_has_a_place(text: str, offset: int, place: str) -> None:
    (document,) = read(text).documents
    assert isinstance(document, MappingNode)
    node = document.entries["a"].node
    assert isinstance(node, ScalarNode)
    found = node.place(offset)
    assert f"{found.line}:{found.column}" == place


def test_the_slow_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x [1, '2', {b: c}]\nd: *x\ne: !reset 1\n"
    fast = read(text)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = read(text)
    assert [plain(document) for document in slow.documents] == [plain(document) for document in fast.documents]
    assert read("a: \x01").problems[0].position.column == 4
