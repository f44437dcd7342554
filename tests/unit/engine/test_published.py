"""What a registry answered, and what follows: told apart by what buildx really prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.published import builder_platform
from poetry_gpu_build.engine.published import look_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from poetry_gpu_build.engine.published import Found

REFERENCE = "registry.invalid/team/torch:none"
DIGEST = "sha256:c09a5d68cfe570bc4e9dea4b7711f5d048dbf4a66bcdb9bdbf89a05bdf2855a3"
INDEX = "sha256:19406181a7b030e7276fc19542f6e360b376e97ec8d51a61325b453e74cb4dda"
LABELS = {
    "poetry-gpu-build.mode": "source",
    "poetry-gpu-build.torch": "2.4.1",
    "poetry-gpu-build.torch-archs": "5.2",
    "poetry-gpu-build.torch-key": "f85fd104012c9154f0c0e2e0ded7fdf0de672fa4bdb4456543b6f00c661613e9",
}


def found(output: str = "", errors: str = "", status: int | None = 0, labels: dict[str, str] | None = None) -> Found:
    return look_up(REFERENCE, LABELS if labels is None else labels, None, lambda _: Answer(status, output, errors))


def image(**changes: Any) -> str:
    configuration = {"os": "linux", "architecture": "amd64", "config": {"Labels": LABELS}, **changes}
    return json.dumps({"manifest": {"digest": DIGEST}, "image": configuration})


def test_an_image_that_agrees_is_taken_by_its_digest(recorded: Callable[[str], str]) -> None:
    assert found(recorded("imagetools-inspect")) == ("published", f"{REFERENCE}@{DIGEST}", "")


def test_of_an_index_the_image_for_our_platform_counts(recorded: Callable[[str], str]) -> None:
    assert found(recorded("imagetools-inspect-index")) == ("published", f"{REFERENCE}@{INDEX}", "")


@pytest.mark.parametrize("name", sorted(LABELS))
def test_a_label_that_says_another_thing_or_nothing_is_refused(name: str) -> None:
    for labels in ({**LABELS, name: "9"}, {key: value for key, value in LABELS.items() if key != name}, None):
        answer = found(image(config={"Labels": labels}))
        assert answer.state == "refused"
        assert LABELS[name] in answer.reason or labels is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "arm64"}, "it is not for linux/amd64 but for linux/arm64"),
        ({"os": "windows"}, "it is not for linux/amd64 but for windows/amd64"),
    ],
)
def test_an_image_for_another_platform_is_refused(changes: dict[str, str], reason: str) -> None:
    answer = found(image(**changes))
    assert (answer.state, answer.reason) == ("refused", reason)


def test_an_index_without_our_platform_is_refused() -> None:
    text = json.dumps({"manifest": {"digest": DIGEST}, "image": {"linux/arm64": {"os": "linux"}}})
    assert found(text).state == "refused"


def test_absent_is_what_the_registry_says_of_this_very_name(recorded: Callable[[str], str]) -> None:
    assert found(errors=recorded("imagetools-absent"), status=1) == ("absent", REFERENCE, "")


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ("imagetools-refused-connection", "connection refused"),
        ("imagetools-unauthorized", "no basic auth credentials"),
    ],
)
def test_a_registry_that_does_not_answer_is_quoted(errors: str, said: str, recorded: Callable[[str], str]) -> None:
    answer = found(errors=recorded(errors), status=1)
    assert answer.state == "unreachable"
    assert said in answer.reason


@pytest.mark.parametrize(
    "errors",
    [
        'ERROR: error getting credentials - err: exec: "docker-credential-x": executable file not found in $PATH',
        "ERROR: other.invalid/team/torch:none: not found",
        "",
    ],
)
def test_not_found_may_be_something_else(errors: str) -> None:
    answer = found(errors=errors, status=1)
    assert answer.state == "unreachable"
    assert answer.reason


def test_a_registry_that_says_nothing_within_the_limit_is_unreachable() -> None:
    assert "within 20 s" in found(status=None).reason


@pytest.mark.parametrize(
    "output",
    [
        *("", "{", "[]", "null", '{"manifest": 1, "image": 2}', "[" * 100_000),
        *('{"manifest": {"digest": "sha256:x,target=/"}}', image().replace(DIGEST, f"{DIGEST}\\n")),
    ],
)
def test_an_answer_that_is_none_is_not_trusted(output: str) -> None:
    assert found(output).state == "unreachable"


@pytest.mark.parametrize("configuration", [None, [], "x", {"os": 1}, {"os": "linux", "architecture": ["amd64"]}])
def test_an_image_that_is_none_is_refused(configuration: Any) -> None:
    text = json.dumps({"manifest": {"digest": DIGEST}, "image": configuration})
    assert found(text).state == "refused"


def test_the_builder_that_is_used_may_know_how_the_registry_is_reached() -> None:
    asked: list[Sequence[str]] = []

    def ask(arguments: Sequence[str]) -> Answer:
        asked.append(arguments)
        return Answer(1, "", "")

    look_up(REFERENCE, LABELS, "team", ask)
    look_up(REFERENCE, LABELS, None, ask)
    assert asked[0][:5] == ["buildx", "imagetools", "inspect", "--builder", "team"]
    assert "--builder" not in asked[1]
    assert {arguments[-1] for arguments in asked} == {REFERENCE}


def test_a_builder_s_platform_is_the_first_of_its_first_node(recorded: Callable[[str], str]) -> None:
    assert builder_platform(None, lambda _: Answer(0, recorded("inspect-docker"), "")) == "linux/amd64"
    assert builder_platform("b", lambda _: Answer(0, "Platforms: linux/arm64*, linux/amd64\n", "")) == "linux/arm64"
    assert builder_platform("b", lambda _: Answer(0, "Platforms:\nName: x\n", "")) == ""
    assert builder_platform("b", lambda _: Answer(None, "", "")) == ""
