from __future__ import annotations

import json
from typing import Any

from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix

from .reports import DOCKERFILE
from .reports import ROOT
from .reports import found
from .reports import on_file
from .reports import replacing
from .reports import report
from .reports import shown
from .reports import source


def document(*args: Any, **keywords: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(shown("json", report(*args, **keywords)))
    return loaded


def test_the_document_says_everything_about_a_finding() -> None:
    of = source()
    fix = replacing(of, "RUN pip install numpy\n", "", title="remove it")
    finding = found(of, "pip install numpy", advice="use one", fix=fix)
    assert document(finding, sources=(of,), files=4, fixed=3) == {
        "schema_version": 1,
        "tool": {"name": "poetry-gpu-build", "version": "1.2.3"},
        "summary": {"files": 4, "error": 1, "warning": 0, "info": 0, "fixable": 1, "unsafe_fixable": 0, "fixed": 3},
        "findings": [
            {
                "code": "GPU101",
                "name": "single-pip-command",
                "severity": "error",
                "message": "a second pip command",
                "path": "docker/Dockerfile",
                "line": 3,
                "column": 5,
                "end_line": 3,
                "end_column": 22,
                "help": "use one",
                "fix": {
                    "title": "remove it",
                    "is_safe": True,
                    "edits": [
                        {
                            "path": "docker/Dockerfile",
                            "start": 32,
                            "end": 54,
                            "line": 3,
                            "column": 1,
                            "end_line": 4,
                            "end_column": 1,
                            "text": "",
                        }
                    ],
                },
            }
        ],
    }


def test_without_findings_it_is_still_one_document() -> None:
    assert document()["findings"] == []


def test_the_edits_can_be_applied_to_the_text_that_a_program_decodes() -> None:
    of = source("\ufeffRUN é🚀\r\nRUN b\r\n")
    (finding,) = document(found(of, "RUN b", fix=replacing(of, "RUN b\r\n", "")), sources=(of,))["findings"]
    (edit,) = finding["fix"]["edits"]
    assert of.text[: edit["start"]] + edit["text"] + of.text[edit["end"] :] == "\ufeffRUN é🚀\r\n"


def test_what_has_no_place_has_nulls() -> None:
    new = Fix("make it", (Edit(ROOT / ".dockerignore", 0, 0, "poetry.lock\n"),), is_safe=True)
    whole = document(on_file())["findings"][0]
    assert (whole["line"], whole["column"], whole["end_line"], whole["end_column"]) == (None, None, None, None)
    edit = document(found(source(), "FROM", fix=new))["findings"][0]["fix"]["edits"][0]
    assert (edit["path"], edit["start"], edit["line"]) == (".dockerignore", 0, None)


def test_any_reader_of_json_can_read_it() -> None:
    of = source("RUN \udcff\ud800\n", DOCKERFILE.with_name("a\udcffb"))
    fix = replacing(of, "RUN", "\udcff", title="\udcff")
    text = shown(
        "json", report(found(of, "RUN", message="\x1b[2J\ud83d\u2028", advice="\udcff", fix=fix), sources=(of,))
    )
    assert text.isascii()
    assert "\\ud" not in text
    assert "\x1b" not in text
