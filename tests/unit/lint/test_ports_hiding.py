"""Ways to publish a sidecar's port that no search for "ports:" in the project's Compose file sees."""

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
    from collections.abc import Mapping

ROOT = Path("/project")
FILE = "docker/docker-compose.yml"
MAIN = "services:\n  app:\n    build: {context: .., dockerfile: docker/Dockerfile}\n"
BOARD = MAIN + "  board:\n    image: b\n"

WAYS: Mapping[str, Mapping[str, str]] = {
    "a number": {FILE: BOARD + "    ports: [6006]\n"},
    "the long form": {FILE: BOARD + "    ports: [{target: 6006}]\n"},
    "the long form in the host's mode": {FILE: BOARD + "    ports: [{target: 6006, published: '80', mode: host}]\n"},
    "a range": {FILE: BOARD + "    ports: ['6000-6010']\n"},
    "an address": {FILE: BOARD + "    ports: ['0.0.0.0:6006:6006/udp']\n"},
    "a variable": {FILE: BOARD + "    ports: ['${PORTS}']\n"},
    "a variable that only matters when it is set": {FILE: BOARD + "    ports: ['${PORT:+6006:}6006']\n"},
    "a merge key": {FILE: "x-open: &open {ports: [6006]}\n" + BOARD + "    <<: *open\n"},
    "a list of merge keys": {FILE: "x-a: &a {tty: true}\nx-b: &b {ports: [80]}\n" + BOARD + "    <<: [*a, *b]\n"},
    "an alias": {FILE: "x-open: &open [6006]\n" + BOARD + "    ports: *open\n"},
    "extends of a service here": {FILE: BOARD + "    extends: open\n  open:\n    image: b\n    ports: [80]\n"},
    "extends over two files": {
        FILE: BOARD + "    extends: {file: one.yml, service: one}\n",
        "docker/one.yml": "services: {one: {image: b, extends: {file: two.yml, service: two}}}\n",
        "docker/two.yml": "services: {two: {image: b, ports: [80]}}\n",
    },
    "include": {FILE: "include: [more.yml]\n" + MAIN, "docker/more.yml": "services: {db: {image: b, ports: [80]}}\n"},
    "include of several files as one": {
        FILE: "include: [{path: [one.yml, two.yml]}]\n" + MAIN,
        "docker/one.yml": "services: {db: {image: b}}\n",
        "docker/two.yml": "services: {db: {ports: [80]}}\n",
    },
    "the override file": {FILE: BOARD, "docker/docker-compose.override.yml": "services: {board: {ports: [80]}}\n"},
    "an override of nothing": {
        FILE: BOARD + "    ports: !reset []\n",
        "docker/docker-compose.override.yml": "services: {board: {ports: !override [80]}}\n",
    },
    "a profile that nobody asks for": {FILE: BOARD + "    profiles: [never]\n    ports: [80]\n"},
    "a scale of none": {FILE: BOARD + "    scale: 0\n    ports: [80]\n"},
    "the host's network": {FILE: BOARD + "    network_mode: host\n"},
    "the host's network by a variable": {FILE: BOARD + "    network_mode: ${NETWORK:-host}\n"},
    "a network that cannot be told": {FILE: BOARD + "    network_mode: ${NETWORK:?say it}\n"},
    "quoted keys in flow style": {FILE: '{"services": {"board": {"image": "b", "\\u0070orts": ["80"]}}}\n'},
    "a second document": {FILE: BOARD + "---\nservices: {board: {ports: [80]}}\n"},
    "a remote file": {FILE: "include: ['oci://example.org/app']\n" + MAIN},
}


def codes(files: Mapping[str, str]) -> set[str]:
    def read(path: Path) -> Source | None:
        text = files.get(path.relative_to(ROOT).as_posix()) if path.is_relative_to(ROOT) else None
        return None if text is None else Source(path, text)

    policy = load_policy(policies_dir())
    rules = select_rules(Selection(("GPU401", "GPU900", "GPU901")), policy.lint)
    return {finding.code for finding in run_rules(Documents(ROOT, policy, read), rules)}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_publish_a_port_is_silent(way: str) -> None:
    expected = "GPU901" if way == "a remote file" else "GPU401"
    assert expected in codes(WAYS[way])


def test_a_project_that_publishes_none_is_left_alone() -> None:
    assert codes({FILE: BOARD + "    expose: [6006]\n"}) == set()
