"""Files that want to cost too much: each is read, or refused with a problem, within two seconds."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ...patience import ends_soon

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Compose


def bomb(kind: str) -> str:
    """Nine levels of ten aliases each: a billion of whatever stands at the bottom."""
    opening, closing = ("[", "]") if kind == "lists" else ("{", "}")
    lines = [f"x0: &x0 {opening}{'a: 1, b: 1' if kind != 'lists' else '1, 2'}{closing}"]
    for level in range(1, 10):
        below = f"*x{level - 1}"
        if kind == "lists":
            value = f"[{', '.join([below] * 10)}]"
        elif kind == "mappings":
            value = "{" + ", ".join(f"k{number}: {below}" for number in range(10)) + "}"
        else:
            value = "{<<: [" + ", ".join([below] * 10) + f"], own{level}: 1}}"
        lines.append(f"x{level}: &x{level} {value}")
    lines.append("services: {app: {image: app, ports: *x9, environment: *x9, labels: *x9}, more: *x9}")
    return "\n".join(lines)


def many(form: str, count: int) -> str:
    return "".join(form.format(number, number - 1) for number in range(count))


HOSTILE = {
    "bomb of lists": bomb("lists"),
    "bomb of mappings": bomb("mappings"),
    "bomb of merge keys": bomb("merges"),
    "brackets": "[" * 1_000_000,
    "braces": "{a: " * 250_000,
    "dashes": "- " * 500_000,
    "keys": "? " * 500_000,
    "indentation": "".join(f"{' ' * number}a:\n" for number in range(1400)),
    "one long line": "services: {a: {image: '" + "x" * 1_000_000 + "'}}",
    "one long line of variables": "services: {a: {image: '" + "${A:-x}" * 100_000 + "'}}",
    "nested variables": "services: {a: {image: '" + "${A:-" * 150_000 + "}" * 150_000 + "'}}",
    "growing variables": "services: {a: {image: '" + "$LONG" * 100_000 + "'}}",
    "many growing variables": "services: {a: {labels: [" + "$LONG$LONG," * 20_000 + "]}}",
    "anchors": many("a{0}: &x{0} []\n", 60_000),
    "aliases": "x: &x []\ny: [" + "*x, " * 200_000 + "]",
    "unknown aliases": "y: [" + "*x, " * 200_000 + "]",
    "directives": many("%TAG !a{0}! x\n", 60_000) + "--- a",
    "documents": "---\na: 1\n" * 60_000,
    "duplicate keys": "a: 1\n" * 150_000,
    "services": "services:\n" + many("  s{0}: {{image: x, ports: ['1']}}\n", 20_000),
    "one list for many services": (
        "x: &x {ports: ["
        + ", ".join(f"'{number}'" for number in range(1, 3000))
        + "]}\nservices:\n"
        + many("  s{0}: *x\n", 5000)
    ),
    "chain of extends": ("services:\n  s-1: {image: x}\n" + many("  s{0}: {{extends: s{1}, ports: ['{0}']}}\n", 5000)),
    "chain of extends, upwards": "services:\n" + many("  s{1}: {{extends: s{0}, ports: ['{0}']}}\n", 5000),
    "everybody extends everything": (
        "services:\n  b: {ports: ["
        + ", ".join(f"'{number}'" for number in range(1, 3000))
        + "]}\n"
        + many("  s{0}: {{extends: b}}\n", 5000)
    ),
    "includes of nothing": "include: [" + ", ".join(f"f{number}.yml" for number in range(40_000)) + "]",
    "includes of itself": "include: [" + "compose.yml, " * 40_000 + "]",
    "control characters": "a: " + "\x01" * 100_000,
    "a long key": "'" + "k" * 900_000 + "': 1",
    "comments": "# x\n" * 250_000 + "services: {}",
    "a range of all ports": "services: {a: {ports: [" + "'1-65535:1-65535', " * 1000 + "]}}",
    "numbers": "services: {a: {environment: [" + "9" * 300_000 + "]}}",
    "underscores": "a: " + "1" + "_" * 500_000,
    "colons": "services: {a: {ports: ['" + ":" * 500_000 + "'], volumes: ['" + "a:" * 200_000 + "']}}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_a_moment(compose: Compose, name: str) -> None:
    text = HOSTILE[name]
    with ends_soon():
        project = compose(text, {"LONG": "x" * 100_000})
        for service in project.services.values():
            _ = (service.ports, service.image and service.image.value, service.environment)


def test_files_that_include_all_others_end(compose: Compose) -> None:
    names = [f"f{number}.yml" for number in range(30)]
    texts = {name: f"include: [{', '.join(names)}]\nservices: {{s-{name}: {{image: x}}}}" for name in names}
    with ends_soon():
        project = compose({"compose.yml": texts["f0.yml"], **texts})
    assert {"cycle", "too-much"} & {problem.kind for problem in project.problems}


@pytest.mark.parametrize("name", ["anchors", "services", "duplicate keys", "one long line", "bomb of merge keys"])
def test_a_hostile_file_takes_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "compose.yml"
    path.write_text(HOSTILE[name])
    code = (
        "import sys; from pathlib import Path; "
        "from poetry_gpu_build.documents.compose.read import read_compose; "
        "project = read_compose(Path(sys.argv[1])); print(Path('/proc/self/status').read_text())"
    )
    answer = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    # Not getrusage: its maximum is inherited from the process that started this one.
    (peak,) = [int(line.split()[1]) for line in answer.stdout.splitlines() if line.startswith("VmHWM:")]
    assert peak < 60 * 1024


SMALL = """\
x: &x {ports: ["1:1"], environment: [A=$A]}
include: [other.yml]
services:
  app: {<<: *x, extends: base, build: {context: ., args: {A: "${A:-b}"}}, volumes: [".:/a:ro"]}
  base: {image: "a:${B}", ports: [{target: 1}], profiles: [p]}
"""
PIECES = ["&x ", "*x", "!reset ", "!override ", "<<: ", "[", "]", "{", "}", ": ", "- ", "\n", "  ", "'", '"', "|", "~"]
PIECES += ["\n---\n", "${", "$", "\t", "\0", "\r", "\u2028", "é"]


@pytest.mark.parametrize("seed", range(10))
def test_a_mutated_file_raises_nothing(compose: Compose, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(40):
        text = SMALL
        for _ in range(dice.randint(1, 5)):
            at = dice.randrange(len(text))
            text = (
                text[:at]
                + dice.choice([*PIECES, "${", "\t", "\0", "\u2028", "é", "~"])
                + text[at + dice.randint(0, 5) :]
            )
        project = compose({"compose.yml": text, "other.yml": text}, {"A": "a"})
        for problem in project.problems:
            assert problem.position.line <= text.count("\n") + 2
        for service in project.services.values():
            assert all(list(port.bindings()) for port in service.ports if port.decided)
            assert service.build is None or service.build.dockerfile_path is not None or service.build.context
