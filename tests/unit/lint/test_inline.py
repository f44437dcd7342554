"""A Dockerfile inside a Compose file is under the policy, too, and what is found is told where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from poetry_gpu_build.lint.finding import Finding

ROOT = Path("/project")
FILE = ROOT / "docker/docker-compose.yml"
SERVICE = "services:\n  app:\n    build:\n      context: ..\n      dockerfile_inline: "


def found(text: str, *codes: str) -> list[Finding]:
    files = {FILE: text}

    def read(path: Path) -> Source | None:
        return Source(path, files[path]) if path in files else None

    policy = load_policy(policies_dir())
    return list(run_rules(Documents(ROOT, policy, read), select_rules(Selection(codes), policy.lint)))


def places(text: str, *codes: str) -> list[tuple[int, int]]:
    return [(finding.where.line, finding.where.column) for finding in found(text, *codes)]


BLOCK = (
    SERVICE + "|\n        FROM a\n        RUN pip install poetry\n        RUN true && \\\n          pip install torch\n"
)


def test_a_second_pip_is_found_at_its_line_and_column_of_the_compose_file() -> None:
    [finding] = found(BLOCK, "GPU101")
    assert (finding.where.line, finding.where.column, finding.end.line) == (9, 11, 9)
    assert finding.excerpt == "          pip install torch"
    assert "line 7" in finding.message


def test_in_quotes_a_finding_stands_in_the_line_of_the_value() -> None:
    text = SERVICE + '"FROM a\\nRUN pip install poetry\\nRUN pip install torch\\n"\n'
    assert [line for line, _ in places(text, "GPU101")] == [5]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("|-\n        FROM a\n        RUN pip install poetry\n        RUN pip install torch\n", (8, 13)),
        ("|\n        FROM ${BASE:-a}\n        RUN pip install poetry; pip install torch\n", (7, 33)),
    ],
)
def test_each_way_to_write_a_value_is_read(value: str, place: tuple[int, int]) -> None:
    assert places(SERVICE + value, "GPU101") == [place]


def test_compose_puts_its_variables_in_before_the_dockerfile_is_read() -> None:
    text = SERVICE + "|\n        FROM a\n        RUN pip install poetry\n        RUN ${TOOL:-pip} install torch\n"
    assert [line for line, _ in places(text, "GPU101")] == [8]


def test_a_doubled_dollar_is_the_shells() -> None:
    text = SERVICE + "|\n        FROM a\n        RUN pip install poetry\n        RUN p=pip; $$p install torch\n"
    assert [line for line, _ in places(text, "GPU101")] == [8]


def test_a_comment_of_the_compose_file_silences_it() -> None:
    assert places("# gpu-build: ignore-file[GPU101] ours\n" + BLOCK, "GPU101") == []


def test_no_fix_is_offered_for_a_text_that_is_no_file() -> None:
    [finding] = found(SERVICE + "|\n        FROM a\n        RUN poetry install\n", "GPU307")
    assert (finding.where.line, finding.fix) == (7, None)


def test_what_buildkit_refuses_is_told_in_the_compose_file() -> None:
    assert places(SERVICE + "|\n        FROM a\n        RUM ls\n", "GPU900") == [(7, 9)]


def test_two_of_them_in_one_file_are_two() -> None:
    second = BLOCK.removeprefix("services:\n").replace("  app:", "  other:", 1)
    assert [line for line, _ in places(BLOCK + second, "GPU101")] == [9, 17]


def test_one_that_two_services_share_is_told_once() -> None:
    shared = BLOCK.replace("    build:", "    build: &build", 1) + "  other:\n    build: *build\n"
    assert places(shared, "GPU101") == [(9, 11)]


@pytest.mark.parametrize("value", ["", "''\n", "[]\n", "${MISSING:?no}\n", "|\n"])
def test_one_that_is_no_dockerfile_is_no_traceback(value: str) -> None:
    assert all(finding.where.path == FILE for finding in found(SERVICE + value))
