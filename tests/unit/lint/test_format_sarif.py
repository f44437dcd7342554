"""SARIF 2.1.0, against a schema of the part that is used.

No distribution on PyPI ships the standard's own schema, so SCHEMA states its constraints (and GitHub's) for what the
format writes. It is stricter than the standard: what it does not name may not be there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import unquote_to_bytes

import fastjsonschema
import pytest

from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.formats.interface import Report

from .reports import DOCKERFILE
from .reports import ROOT
from .reports import edit
from .reports import found
from .reports import found_at
from .reports import on_file
from .reports import page
from .reports import replacing
from .reports import report
from .reports import shown
from .reports import source

if TYPE_CHECKING:
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Severity


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_TEXT = {"type": "string", "minLength": 1}
_NUMBER = {"type": "integer", "minimum": 1}
_MESSAGE = _object({"text": _TEXT})
_DESCRIPTION = _object({"text": {**_TEXT, "maxLength": 1024}})
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_ARTIFACT = {
    "oneOf": [
        # 3.4.4: an absolute URI has no base.
        _object({"uri": {"type": "string", "pattern": r"^file:///[A-Za-z0-9._~%/-]*$"}}),
        _object(
            {
                "uri": {"type": "string", "pattern": r"^(?!/|\.\.)[A-Za-z0-9._~%/-]+$"},
                "uriBaseId": {"const": "%SRCROOT%"},
            }
        ),
    ]
}
_SPAN = {"startColumn": _NUMBER, "endLine": _NUMBER, "endColumn": _NUMBER}
_REGION = _object({"startLine": _NUMBER}, _SPAN)
_REPLACEMENT = _object({"deletedRegion": _REGION}, {"insertedContent": _object({"text": _TEXT})})
_FIX = _object(
    {
        "description": _MESSAGE,
        "artifactChanges": {
            "type": "array",
            "minItems": 1,
            "items": _object(
                {
                    "artifactLocation": _ARTIFACT,
                    "replacements": {"type": "array", "minItems": 1, "items": _REPLACEMENT},
                }
            ),
        },
        "properties": _object({"isSafe": {"type": "boolean"}}),
    }
)
_RULE = _object(
    {
        "id": _TEXT,
        "name": {**_TEXT, "maxLength": 255},
        "shortDescription": _DESCRIPTION,
        "fullDescription": _DESCRIPTION,
        "help": _object({"text": _TEXT, "markdown": _TEXT}),
        "defaultConfiguration": _object({"level": _LEVEL}),
        "properties": _object(
            {
                "tags": {"type": "array", "uniqueItems": True, "maxItems": 20, "items": {"type": "string"}},
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "problem.severity": {"enum": ["error", "warning", "recommendation"]},
            }
        ),
    },
    {"helpUri": {"type": "string", "format": "uri"}},
)
_LOCATION = _object({"physicalLocation": _object({"artifactLocation": _ARTIFACT, "region": _REGION})})
_RESULT = _object(
    {
        "ruleId": _TEXT,
        "level": _LEVEL,
        "message": _MESSAGE,
        "locations": {"type": "array", "minItems": 1, "maxItems": 1, "items": _LOCATION},
        "partialFingerprints": _object({"gpuBuildFinding/v1": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}),
    },
    {
        "ruleIndex": {"type": "integer", "minimum": 0},
        "fixes": {"type": "array", "minItems": 1, "uniqueItems": True, "items": _FIX},
    },
)
_RUN = _object(
    {
        "tool": _object(
            {
                "driver": _object(
                    {"name": _TEXT, "rules": {"type": "array", "uniqueItems": True, "items": _RULE}}, {"version": _TEXT}
                )
            }
        ),
        "columnKind": {"const": "utf16CodeUnits"},
        "results": {"type": "array", "items": _RESULT},
    }
)
SCHEMA = _object(
    {
        "$schema": {
            "const": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
        },
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": _RUN},
    }
)
validate = fastjsonschema.compile({"$schema": "http://json-schema.org/draft-07/schema#", **SCHEMA})


def run_of(of: Report) -> dict[str, Any]:
    """The one run of the log, which is valid."""
    text = shown("sarif", of)
    assert text.isascii()
    log = json.loads(text)
    validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


def result_of(finding: Finding, *sources: Source) -> dict[str, Any]:
    result: dict[str, Any] = run_of(report(finding, sources=sources))["results"][0]
    return result


def place_of(finding: Finding, *sources: Source) -> dict[str, Any]:
    place: dict[str, Any] = result_of(finding, *sources)["locations"][0]["physicalLocation"]
    return place


def span_of(region: dict[str, int]) -> tuple[int, ...]:
    return tuple(region[name] for name in ("startLine", "startColumn", "endLine", "endColumn"))


def test_a_result_names_its_rule_its_place_and_its_fix() -> None:
    of = source()
    fix = replacing(of, "RUN pip install numpy\n", "RUN a", title="shorten it")
    result = result_of(found(of, "pip install numpy", advice="use one", fix=fix), of)
    result.pop("partialFingerprints")
    assert result == {
        "ruleId": "GPU101",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "a second pip command\nuse one"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "docker/Dockerfile", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 22},
                }
            }
        ],
        "fixes": [
            {
                "description": {"text": "shorten it"},
                "artifactChanges": [
                    {
                        "artifactLocation": {"uri": "docker/Dockerfile", "uriBaseId": "%SRCROOT%"},
                        "replacements": [
                            {
                                "deletedRegion": {"startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 23},
                                "insertedContent": {"text": "RUN a"},
                            }
                        ],
                    }
                ],
                "properties": {"isSafe": True},
            }
        ],
    }


def test_every_rule_that_was_asked_is_described_in_full() -> None:
    rules = {"GPU401": page("GPU401", severity="info", doc="https://example.org/GPU401"), "GPU101": page("GPU101")}
    run = run_of(Report((found(source(), "FROM", code="GPU401"),), ROOT, rules))
    first, second = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"].keys() == {"name", "rules"}
    assert run["results"][0]["ruleIndex"] == 1
    assert first["id"] == "GPU101"
    assert "helpUri" not in first
    assert second == {
        "id": "GPU401",
        "name": "sidecar-publishes-port",
        "shortDescription": {"text": "What GPU401 is about."},
        "fullDescription": {"text": page("GPU401").description},
        "help": {"text": page("GPU401").description, "markdown": page("GPU401").description},
        "helpUri": "https://example.org/GPU401",
        "defaultConfiguration": {"level": "note"},
        "properties": {"tags": ["policy"], "precision": "high", "problem.severity": "recommendation"},
    }


def test_the_version_is_that_of_the_program() -> None:
    assert run_of(report())["tool"]["driver"]["version"] == "1.2.3"


def test_a_description_that_is_too_long_for_github_is_cut_between_words() -> None:
    long = page()._replace(description="word " * 500, summary="w" * 2000)
    rule = run_of(Report((), ROOT, {"GPU101": long}))["tool"]["driver"]["rules"][0]
    assert rule["fullDescription"]["text"].endswith("word…")
    assert len(rule["fullDescription"]["text"]) <= 1024
    assert len(rule["shortDescription"]["text"]) == 1024
    assert rule["help"]["markdown"] == "word " * 500


def test_a_rule_without_a_page_still_has_its_result() -> None:
    (result,) = run_of(Report((found(source(), "FROM"),), ROOT))["results"]
    assert result["ruleId"] == "GPU101"
    assert "ruleIndex" not in result


@pytest.mark.parametrize(("severity", "level"), [("error", "error"), ("warning", "warning"), ("info", "note")])
def test_a_severity_is_a_level(severity: Severity, level: str) -> None:
    assert result_of(found(source(), "FROM", severity=severity))["level"] == level


@pytest.mark.parametrize(
    ("text", "marked", "span"),
    [
        ("RUN pip\n", "pip", (1, 5, 1, 8)),
        ("RUN é pip\n", "pip", (1, 7, 1, 10)),
        ("RUN 🚀 pip\n", "pip", (1, 8, 1, 11)),
        ("RUN 🚀🚀 pip\n", "🚀🚀", (1, 5, 1, 9)),
        ("RUN a \\\n  🚀 && b\n", "a \\\n  🚀", (1, 5, 2, 5)),
        ("RUN \udcff pip\n", "pip", (1, 7, 1, 10)),
        # 3.30.2: the byte-order mark does not count.
        ("\ufeffRUN pip\n", "pip", (1, 5, 1, 8)),
        ("\ufeffRUN\nRUN pip\n", "pip", (2, 5, 2, 8)),
        ("a\r\nb\r\n", "\r\n", (1, 2, 2, 1)),
        ("a\r\nb\r\n", "\n", (1, 3, 2, 1)),
        # 3.30.2: a line with its end goes to column 1 of the next, which the last line has not.
        ("a\nb\n", "a\n", (1, 1, 2, 1)),
        ("a\nbc\n", "bc\n", (2, 1, 2, 4)),
        # 3.30.2, example 8: the very end of a file.
        ("abcd\r\nefg\r\nhijk\r\nlmn\r\n", "", (4, 6, 4, 6)),
        ("a\nb", "", (2, 2, 2, 2)),
        ("🚀\n", "", (1, 4, 1, 4)),
        ("\ufeff\n", "", (1, 2, 1, 2)),
        ("", "", (1, 1, 1, 1)),
    ],
)
def test_columns_count_utf16_code_units(text: str, marked: str, span: tuple[int, ...]) -> None:
    of = source(text)
    assert span_of(place_of(found(of, marked), of)["region"]) == span


@pytest.mark.parametrize(
    ("text", "marked", "span"), [("RUN 🚀 pip\n", "pip", (1, 8, 1, 11)), ("a\nb", "", (2, 2, 2, 2))]
)
def test_without_the_text_the_excerpt_is_enough(text: str, marked: str, span: tuple[int, ...]) -> None:
    assert span_of(place_of(found(source(text), marked))["region"]) == span


def test_the_end_is_never_before_the_start() -> None:
    of = source("a\nbc\n")
    assert span_of(place_of(found_at(of, 5, 3), of)["region"]) == (2, 4, 2, 4)


def test_a_finding_on_a_file_as_a_whole_stands_on_its_first_line() -> None:
    assert place_of(on_file())["region"] == {"startLine": 1}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (ROOT / "docker" / "Dockerfile", "docker/Dockerfile"),
        (Path("docker/Dockerfile"), "docker/Dockerfile"),
        (ROOT / "a b" / "é%20#?.yml", "a%20b/%C3%A9%2520%23%3F.yml"),
        (ROOT / "c:d", "c%3Ad"),
        (ROOT / "a\udcff\x1b", "a%FF%1B"),
        (ROOT / "a\ud800", "a%3F"),
        (Path("../other/Dockerfile"), "file:///other/Dockerfile"),
        (Path("/etc/a b"), "file:///etc/a%20b"),
    ],
)
def test_a_path_is_a_uri_relative_to_the_root_or_absolute(path: Path, uri: str) -> None:
    artifact = place_of(found(source(path=path), "FROM"))["artifactLocation"]
    assert artifact["uri"] == uri
    assert ("uriBaseId" in artifact) == (not uri.startswith("file:"))


def test_the_bytes_of_a_file_name_come_back_from_its_uri() -> None:
    name = bytes(byte for byte in range(1, 256) if byte != ord("/"))
    path = ROOT / name.decode("utf-8", "surrogateescape")
    assert unquote_to_bytes(place_of(found(source(path=path), "FROM"))["artifactLocation"]["uri"]) == name


def test_a_message_holds_no_placeholder_no_link_and_no_lone_surrogate() -> None:
    result = result_of(found(source(), "FROM", message="${A:-{0}} [x](https://example.org) \udcff"))
    assert result["message"]["text"] == "${{A:-{{0}}}} [x] (https://example.org) \ufffd"


def test_a_fix_over_several_files_is_one_fix() -> None:
    one, other = source(), source("services: {}\n", ROOT / "compose.yml")
    fix = Fix("both", (edit(one, "FROM", "from"), edit(other, "{}", ""), edit(one, "torch", "")), is_safe=False)
    (made,) = result_of(found(one, "FROM", fix=fix), one, other)["fixes"]
    changes = {change["artifactLocation"]["uri"]: len(change["replacements"]) for change in made["artifactChanges"]}
    assert changes == {"docker/Dockerfile": 2, "compose.yml": 1}
    assert made["properties"] == {"isSafe": False}


def test_a_fix_that_makes_a_file_inserts_at_its_start() -> None:
    fix = Fix("make it", (Edit(ROOT / ".dockerignore", 0, 0, "poetry.lock\n"),), is_safe=True)
    change = result_of(found(source(), "FROM", fix=fix))["fixes"][0]["artifactChanges"][0]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
            "insertedContent": {"text": "poetry.lock\n"},
        }
    ]


@pytest.mark.parametrize("edits", [(), (Edit(DOCKERFILE, 3, 4, "x"),)])
def test_a_fix_that_cannot_be_placed_is_left_out(edits: tuple[Edit, ...]) -> None:
    assert "fixes" not in result_of(found(source(), "FROM", fix=Fix("x", edits, is_safe=True)))


def test_findings_in_a_line_of_a_megabyte_are_reported_at_once() -> None:
    of = source("é🚀" * 500_000)
    findings = [found_at(of, at, at + 2) for at in range(0, 1_000_000, 20_000)]
    (*_, last) = run_of(report(*findings, sources=(of,)))["results"]
    assert last["locations"][0]["physicalLocation"]["region"]["startColumn"] == 980_000 // 2 * 3 + 1
