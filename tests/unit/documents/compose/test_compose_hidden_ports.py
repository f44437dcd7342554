"""Ways to publish a port, most of them without a word of it in the service: each is found, where it really stands."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Compose

BOARD = "services:\n  board:\n"


@dataclass(frozen=True)
class Way:
    name: str
    texts: dict[str, str]
    places: list[str]
    files: tuple[str, ...] = ("compose.yml",)
    environment: dict[str, str] = field(default_factory=dict)
    target: str = "6006"


WAYS = [
    Way("short", {"compose.yml": BOARD + '    ports: ["6006:6006"]'}, ["compose.yml:3:13"]),
    Way("short without a host port", {"compose.yml": BOARD + "    ports:\n      - 6006"}, ["compose.yml:4:9"]),
    Way("short, for one address", {"compose.yml": BOARD + '    ports: ["127.0.0.1::6006"]'}, ["compose.yml:3:13"]),
    Way("range", {"compose.yml": BOARD + '    ports: ["6000-6010:6006"]'}, ["compose.yml:3:13"]),
    Way(
        "range of targets",
        {"compose.yml": BOARD + '    ports: ["16000-16010:6000-6010"]'},
        ["compose.yml:3:13"],
        target="6000-6010",
    ),
    Way("unquoted", {"compose.yml": BOARD + "    ports: [22:22]"}, ["compose.yml:3:13"], target="22"),
    Way("hexadecimal", {"compose.yml": BOARD + "    ports: [0x1776]"}, ["compose.yml:3:13"]),
    Way(
        "long",
        {"compose.yml": BOARD + "    ports:\n      - target: 6006\n        published: '6006'"},
        ["compose.yml:4:9"],
    ),
    Way("long without a host port", {"compose.yml": BOARD + "    ports: [{target: 6006}]"}, ["compose.yml:3:13"]),
    Way(
        "merge key",
        {"compose.yml": "x-web: &web\n  ports: ['6006:6006']\n" + BOARD + "    <<: *web\n    image: board"},
        ["compose.yml:2:11"],
    ),
    Way(
        "list of merge keys",
        {"compose.yml": "x: [&a {image: a}, &b {ports: ['6006']}]\n" + BOARD + "    <<: [*a, *b]"},
        ["compose.yml:1:32"],
    ),
    Way(
        "merge key within a merge key",
        {"compose.yml": "x: [&a {ports: ['6006']}, &b {<<: *a}]\n" + BOARD + "    <<: {<<: *b}"},
        ["compose.yml:1:17"],
    ),
    Way(
        "merge key survives a reset",
        {"compose.yml": "x: &a {ports: ['6006']}\n" + BOARD + "    <<: *a\n    ports: !reset []"},
        ["compose.yml:1:16"],
    ),
    Way(
        "alias of a list",
        {"compose.yml": "x: &ports ['6006:6006']\n" + BOARD + "    ports: *ports"},
        ["compose.yml:1:12"],
    ),
    Way(
        "alias of an entry",
        {"compose.yml": "x: &port '6006:6006'\n" + BOARD + "    ports: [*port]"},
        ["compose.yml:1:4"],
    ),
    Way(
        "alias of a service",
        {"compose.yml": "services:\n  app: &app\n    ports: ['6006']\n  board: *app"},
        ["compose.yml:3:13"],
    ),
    Way(
        "extends",
        {"compose.yml": BOARD + "    extends: base\n  base:\n    ports: ['6006']"},
        ["compose.yml:5:13"],
    ),
    Way(
        "extends beside ports of its own",
        {"compose.yml": BOARD + "    extends: base\n    ports: ['6006']\n  base:\n    ports: ['6006:6006']"},
        ["compose.yml:6:13", "compose.yml:4:13"],
    ),
    Way(
        "extends of a file",
        {
            "compose.yml": BOARD + "    extends: {file: common/web.yml, service: web}",
            "common/web.yml": "services: {web: {ports: ['6006']}}",
        },
        ["common/web.yml:1:26"],
    ),
    Way(
        "extends of a file that extends another",
        {
            "compose.yml": BOARD + "    extends: {file: common/web.yml, service: web}",
            "common/web.yml": "services: {web: {extends: {file: base.yml, service: base}}}",
            "common/base.yml": "services: {base: {ports: ['6006']}}",
        },
        ["common/base.yml:1:27"],
    ),
    Way(
        "include",
        {"compose.yml": "include: [more/more.yml]", "more/more.yml": BOARD + "    ports: ['6006']"},
        ["more/more.yml:3:13"],
    ),
    Way(
        "include, long, with an override",
        {
            "compose.yml": "include: [{path: [more.yml, again.yml], project_directory: more}]",
            "more.yml": BOARD + "    image: board",
            "again.yml": BOARD + "    ports: ['6006']",
        },
        ["again.yml:3:13"],
    ),
    Way(
        "include below an include",
        {
            "compose.yml": "include: [a/a.yml]",
            "a/a.yml": "include: [b/b.yml]",
            "a/b/b.yml": BOARD + "    ports: ['6006']",
        },
        ["a/b/b.yml:3:13"],
    ),
    Way(
        "include of a service that the file has too",
        {"compose.yml": "include: [more.yml]\n" + BOARD + "    image: b", "more.yml": BOARD + "    ports: ['6006']"},
        ["more.yml:3:13"],
    ),
    Way(
        "override file",
        {"compose.yml": BOARD + "    image: board", "compose.override.yml": BOARD + "    ports: ['6006']"},
        ["compose.override.yml:3:13"],
        files=("compose.yml", "compose.override.yml"),
    ),
    Way(
        "override tag",
        {"compose.yml": BOARD + "    ports: []", "compose.override.yml": BOARD + "    ports: !override ['6006']"},
        ["compose.override.yml:3:23"],
        files=("compose.yml", "compose.override.yml"),
    ),
    Way(
        "second document",
        {"compose.yml": BOARD + "    image: board\n---\n" + BOARD + "    ports: ['6006']"},
        ["compose.yml:7:13"],
    ),
    Way(
        "profile",
        {"compose.yml": BOARD + "    profiles: [debug]\n    ports: ['6006']"},
        ["compose.yml:4:13"],
    ),
    Way(
        "interpolated",
        {"compose.yml": BOARD + "    ports: ['${PORT:-6006}:6006']"},
        ["compose.yml:3:13"],
    ),
    Way(
        "interpolated whole",
        {"compose.yml": BOARD + "    ports: ['${BOARD:-6006}']"},
        ["compose.yml:3:13"],
    ),
    Way(
        "interpolated from .env",
        {"compose.yml": BOARD + "    ports: [$BOARD]", ".env": "BOARD=6006:6006"},
        ["compose.yml:3:13"],
    ),
    Way(
        "interpolated path of an include",
        {
            "compose.yml": "include: ['${WHERE:-more}/more.yml']",
            "more/more.yml": BOARD + "    ports: ['6006']",
        },
        ["more/more.yml:3:13"],
    ),
    Way(
        "duplicate key",
        {"compose.yml": BOARD + "    ports: []\n    ports: ['6006']"},
        ["compose.yml:4:13"],
    ),
    Way(
        "before a syntax error",
        {"compose.yml": BOARD + "    ports: ['6006']\n   oops: ["},
        ["compose.yml:3:13"],
    ),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_published_port_is_found_by_any_road(compose: Compose, way: Way) -> None:
    project = compose(way.texts, way.environment, files=way.files)
    ports = project.services["board"].ports
    assert [str(port.position).removeprefix("/project/") for port in ports] == way.places
    assert [str(port.target) for port in ports] == [way.target] * len(way.places)


@pytest.mark.parametrize(
    "entry",
    [
        "'${PORT:?say which}:6006'",
        "'${PORT?}'",
        "'${PORT'",
        "{target: '${PORT:?}'}",
        "{published: 6006}",
        "http",
        "[6006]",
        "6006.5",
        "",
        "~",
        "true",
        "'6006:6006:6006'",
        "'6006/http'",
        "'70000:70000'",
    ],
)
def test_an_entry_that_cannot_be_read_is_a_port_and_a_problem(compose: Compose, entry: str) -> None:
    project = compose(f"{BOARD}    ports:\n      - '1:1'\n      - {entry}\n")
    assert [port.decided for port in project.services["board"].ports] == [True, False]
    assert len(project.problems) == 1
    assert project.problems[0].position.line == 5


@pytest.mark.parametrize("value", ["'6006:6006'", "{6006: 6006}", "6006"])
def test_ports_that_are_no_list_are_a_port_and_a_problem(compose: Compose, value: str) -> None:
    project = compose(f"{BOARD}    ports: {value}")
    assert [port.decided for port in project.services["board"].ports] == [False]
    assert project.problems


def test_the_host_s_network_is_told(compose: Compose) -> None:
    mode = compose(BOARD + "    network_mode: ${MODE-host}").services["board"].network_mode
    assert mode is not None
    assert (mode.value, str(mode.position)) == ("host", "/project/compose.yml:3:19")


def test_what_is_only_exposed_is_not_published(compose: Compose) -> None:
    board = compose(BOARD + "    expose: ['6006', 6007]").services["board"]
    assert board.ports == ()
    assert [text.value for text in board.expose] == ["6006", "6007"]


@pytest.mark.parametrize("path", ["oci://registry/board", "https://example/board.git", "git@example:board.git"])
def test_what_another_machine_holds_is_told(compose: Compose, path: str) -> None:
    (problem,) = compose(f"include: ['{path}']\nservices: {{}}").problems
    assert (problem.kind, problem.position.line) == ("remote", 1)
