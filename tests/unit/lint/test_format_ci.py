from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from poetry_gpu_build.documents.source import Source

from .reports import ROOT
from .reports import found
from .reports import on_file
from .reports import report
from .reports import shown
from .reports import source

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.formats.interface import Report

HOSTILE = "\x1b[2J\x00\r\n::error::%0A,x=1:\ud800\udcff\ufffe<>&\"']]>"


def unescaped(text: str) -> str:
    """As the runner does (ActionCommand.cs): the per cent sign last."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: name, properties, message."""
    head, _, message = line.removeprefix("::").partition("::")
    name, _, properties = head.partition(" ")
    pairs = (pair.partition("=") for pair in properties.split(","))
    return name, {key: unescaped(value) for key, _, value in pairs}, unescaped(message)


def suite(of: Report) -> ET.Element:
    found_suite = ET.fromstring(shown("junit", of)).find("testsuite")
    assert found_suite is not None
    return found_suite


def issues(of: Report) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(shown("gitlab", of))
    return loaded


# --- GitHub


def test_github_annotates_the_characters_of_one_line() -> None:
    assert shown("github", report(found(source(), "pip install numpy", advice="use one"))) == (
        "::error file=docker/Dockerfile,line=3,endLine=3,col=5,endColumn=22,"
        "title=GPU101 single-pip-command::a second pip command%0Ahelp: use one\n"
    )


def test_github_annotates_several_lines_without_columns_which_the_runner_would_drop() -> None:
    _, properties, _ = command(shown("github", report(found(source(), "torch\nRUN"))))
    assert properties == {
        "file": "docker/Dockerfile",
        "line": "2",
        "endLine": "3",
        "title": "GPU101 single-pip-command",
    }


def test_github_annotates_a_file_as_a_whole() -> None:
    _, properties, _ = command(shown("github", report(on_file())))
    assert properties == {"file": "docker/Dockerfile", "title": "GPU305 some-rule"}


@pytest.mark.parametrize(("severity", "name"), [("error", "error"), ("warning", "warning"), ("info", "notice")])
def test_github_has_a_command_for_each_severity(severity: Severity, name: str) -> None:
    assert command(shown("github", report(found(source(), "FROM", severity=severity))))[0] == name


def test_github_writes_nothing_without_findings() -> None:
    assert shown("github", report()) == ""


def test_nothing_in_a_finding_can_become_a_command_or_a_property_of_its_own() -> None:
    of = source("RUN a\n", ROOT / "a,line=9:b%2C\nc")
    text = shown("github", report(found(of, "RUN", message=HOSTILE, advice=HOSTILE)))
    assert text.count("\n") == 1
    assert text.startswith("::error file=a%2Cline=9%3Ab%252C\\nc,line=1,")
    assert "\x1b" not in text
    name, properties, message = command(text.rstrip("\n"))
    assert name == "error"
    assert properties["file"] == r"a,line=9:b%2C\nc"
    assert properties["line"] == "1"
    assert message.startswith("\\x1b[2J\\x00\\r\\n::error::%0A,x=1:")


# --- GitLab


def test_gitlab_gets_what_its_report_requires() -> None:
    (issue,) = issues(report(found(source(), "pip install numpy", severity="warning")))
    fingerprint = issue.pop("fingerprint")
    assert len(fingerprint) == 64
    assert issue == {
        "description": "GPU101: a second pip command",
        "check_name": "GPU101",
        "severity": "minor",
        "location": {"path": "docker/Dockerfile", "lines": {"begin": 3}},
    }


def test_gitlab_shows_a_finding_on_a_file_on_its_first_line() -> None:
    assert issues(report(on_file()))[0]["location"]["lines"] == {"begin": 1}


def test_gitlab_gets_an_empty_array_without_findings() -> None:
    assert shown("gitlab", report()) == "[]\n"


def test_gitlab_gets_json_that_any_reader_reads() -> None:
    text = shown("gitlab", report(found(source(), "FROM", message=HOSTILE)))
    assert text.isascii()
    assert "\\ud" not in text


# --- the fingerprints, which SARIF has too


def fingerprints(text: str, marked: str = "RUN pip", path: Path | None = None, code: str = "GPU101") -> list[str]:
    """Those of a finding on each line that begins so."""
    of = Source(path or ROOT / "Dockerfile", text)
    lines = [line for line in text.splitlines() if line.lstrip().startswith(marked)]
    assert lines
    findings = []
    at = 0
    for line in lines:
        at = text.index(line, at)
        findings.append(found(Source(of.path, "\n" * text.count("\n", 0, at) + line), marked, code=code))
        at += len(line)
    return [issue["fingerprint"] for issue in issues(report(*findings))]


def test_a_fingerprint_stays_when_its_line_moves_or_is_indented() -> None:
    before = fingerprints("FROM a\nRUN pip install b\n")
    assert fingerprints("FROM a\n\n# more\n\n   RUN  pip   install b\n", "RUN  pip") == before


@pytest.mark.parametrize(
    "other",
    [
        fingerprints("FROM a\nRUN pip install c\n"),
        fingerprints("FROM a\nRUN pip install b\n", code="GPU102"),
        fingerprints("FROM a\nRUN pip install b\n", path=ROOT / "docker" / "Dockerfile"),
    ],
    ids=["text", "rule", "file"],
)
def test_a_fingerprint_changes_with_the(other: list[str]) -> None:
    assert fingerprints("FROM a\nRUN pip install b\n") != other


def test_equal_lines_have_fingerprints_of_their_own() -> None:
    twice = fingerprints("RUN pip a\nRUN pip a\n")
    assert len(set(twice)) == 2
    assert twice[0] == fingerprints("RUN pip a\n")[0]


# --- JUnit


def test_junit_has_a_failed_case_for_each_finding() -> None:
    made = suite(report(found(source(), "pip install numpy", advice="use one"), on_file()))
    assert (made.get("name"), made.get("tests"), made.get("failures")) == ("poetry-gpu-build", "2", "2")
    first, second = made.findall("testcase")
    assert first.attrib == {"name": "GPU305 some-rule", "classname": "docker/Dockerfile", "file": "docker/Dockerfile"}
    assert second.get("line") == "3"
    failure = second.find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "a second pip command", "type": "error"}
    assert failure.text == "docker/Dockerfile:3:5: error[GPU101] a second pip command\nhelp: use one"


def test_junit_has_one_case_that_passed_without_findings() -> None:
    made = suite(report())
    assert (made.get("tests"), made.get("failures")) == ("1", "0")
    assert [list(case) for case in made] == [[]]


def test_junit_is_well_formed_whatever_a_finding_holds() -> None:
    of = source("RUN a\n", ROOT / 'a\x1b\udcff<&"\nb')
    made = suite(report(found(of, "RUN", message=HOSTILE, advice=HOSTILE)))
    (case,) = made
    assert case.get("file") == 'a<&"\nb'
    assert case[0].get("message") == "[2J\r\n::error::%0A,x=1:<>&\"']]>"
    assert shown("junit", report(found(of, "RUN", message="é語"))).isascii()


# --- all of them


@pytest.mark.parametrize("name", ["text", "json", "sarif", "github", "gitlab", "junit"])
def test_the_output_does_not_depend_on_the_order_in_which_findings_came(name: str) -> None:
    of = source()
    findings = [found(of, marked, code=code) for marked in ("FROM", "torch", "numpy") for code in ("GPU101", "GPU102")]
    assert shown(name, report(*findings, sources=(of,))) == shown(name, report(*findings[::-1], sources=(of,)))
