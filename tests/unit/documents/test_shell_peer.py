"""The scanner beside its peer: the simple commands of a text, as shfmt's parser sees them and as we do.

The corpus is made when the test runs: our own scripts and Dockerfiles, the table of hidden pip commands, the scripts of
the installed distributions and of the machine, and random scripts from a grammar. What shfmt refuses (a template,
another shell's syntax) shows only that we survive it.
"""

from __future__ import annotations

import json
import os
import random
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.documents.shell.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SHFMT = shutil.which("shfmt", path=str(Path(sys.executable).parent)) or shutil.which("shfmt")
needs_shfmt = pytest.mark.skipif(SHFMT is None, reason="shfmt-py is not installed")

MAXIMUM_SIZE = 200_000
# Of the machine's scripts; all 535 of a development machine (19 501 commands) were compared once, without a difference.
SAMPLE = 150

# Where scripts and Dockerfiles lie on many machines; what is not there is left out.
PLACES = (
    (sysconfig.get_path("purelib"), "**/*.sh"),
    (sysconfig.get_path("purelib"), "**/*ockerfile*"),
    ("/etc/init.d", "*"),
    ("/usr/share/doc", "**/*.sh"),
    ("/usr/lib/git-core", "git-*"),
    ("/usr/share", "*/*.sh"),
    ("/usr/lib", "*/*.sh"),
    ("/usr/bin", "*"),
    ("/usr/sbin", "*"),
    ("/var/lib/dpkg/info", "*.p*"),
    ("/usr/lib", "**/*ockerfile*"),
)
SHELLS = re.compile(rb"#! ?/(?:usr/)?bin/(?:env )?(?:ba|da)?sh\b")

# shfmt puts what stands behind an escaped backtick or backslash inside backticks elsewhere than it is written.
ESCAPED_BACKTICKS = re.compile(r"`[^`]*\\[\\`$]")
LITERAL_UNKNOWN = "\0"

Words = tuple[tuple[int, int, "str | None"], ...]
Commands = dict[int, "Words | None"]


def ours(text: str) -> Commands:
    """Our commands by the place of their first word or assignment."""
    found: Commands = {}
    for command in scan(text).commands:
        starts = [each.start for each in command.words] + [each.start for each in command.assignments]
        if starts:
            found[min(starts)] = tuple([(word.start, word.end, word.literal) for word in command.words])
    return found


def theirs(text: str) -> Commands | None:
    """shfmt's; None where it refuses the text."""
    assert SHFMT is not None
    done = subprocess.run([SHFMT, "-ln", "bash", "-tojson"], input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        return None
    # shfmt counts bytes.
    places, at = {}, 0
    for number, character in enumerate(text):
        places[at] = number
        at += len(character.encode())
    places[at] = len(text)
    found: Commands = {}
    todo: list[Any] = [json.loads(done.stdout)]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            todo += node.values()
            kind = node.get("Type")
            if kind == "CallExpr":
                found[places[node["Pos"]["Offset"]]] = tuple([word(each, places) for each in node.get("Args", [])])
            elif kind in {"DeclClause", "LetClause"}:
                found[places[node["Pos"]["Offset"]]] = None
    return found


def word(node: dict[str, Any], places: dict[int, int]) -> tuple[int, int, str | None]:
    values = [value(part, inside_double=False) for part in node["Parts"]]
    literal = None if None in values else "".join([each for each in values if each is not None])
    return places[node["Pos"]["Offset"]], places[node["End"]["Offset"]], literal


def value(part: dict[str, Any], *, inside_double: bool) -> str | None:
    match part["Type"]:
        case "Lit":
            escaped = r'\\(\n|[$`"\\])' if inside_double else r"\\(\n|.)"
            text = part.get("Value", "")
            return re.sub(escaped, lambda found: "" if found[1] == "\n" else found[1], text, flags=re.DOTALL)
        case "SglQuoted":
            return LITERAL_UNKNOWN if part.get("Dollar") else part.get("Value", "")
        case "DblQuoted":
            values = [value(each, inside_double=True) for each in part.get("Parts", [])]
            return None if None in values else "".join([each for each in values if each is not None])
        case "ExtGlob":
            return LITERAL_UNKNOWN
    return None


def differences(text: str, peer: Commands) -> list[str]:
    own = ours(text)
    if ESCAPED_BACKTICKS.search(text):
        return [] if len(own) == len(peer) else [f"{len(own)} commands, shfmt has {len(peer)}"]
    made = [f"missed: {text[at : at + 60]!r}" for at in peer.keys() - own.keys()]
    made += [f"invented: {text[at : at + 60]!r}" for at in own.keys() - peer.keys()]
    for at, words in peer.items():
        mine = own.get(at)
        if words is None or mine is None or "\r" in text:
            continue
        same = [each[:2] for each in mine] == [each[:2] for each in words] and all(
            his == my or (his is not None and LITERAL_UNKNOWN in his)
            for (_, _, my), (_, _, his) in zip(mine, words, strict=True)
        )
        if not same:
            made.append(f"words of {text[at : at + 60]!r}: {mine} and {words}")
    return made


def agreed(texts: list[str]) -> tuple[int, int]:
    """Compare every text; gives how many commands were compared, and how many texts shfmt refused."""
    compared = refused = 0
    failures = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for text, peer in zip(texts, pool.map(theirs, texts), strict=True):
            if peer is None:
                scan(text)
                refused += 1
                continue
            compared += len(peer)
            failures += [f"{difference} in {text[:80]!r}" for difference in differences(text, peer)]
            failures += [f"{problem} in {text[:80]!r}" for problem in scan(text).problems]
    assert failures == []
    return compared, refused


def run_bodies(dockerfile: str) -> Iterator[str]:
    """The shell forms of RUN, as BuildKit hands them on: comments and escapes between lines are gone."""
    lines = iter(dockerfile.split("\n"))
    for line in lines:
        found = re.match(r"\s*RUN\s+((?:--\S+\s+)*)(.*)", line, re.IGNORECASE)
        if not found:
            continue
        body = found[2]
        if heredoc := re.match(r"<<(-?)[\"']?(\w+)", body):
            inner = list(iter(lambda: next(lines, heredoc[2]), heredoc[2]))
            yield "\n".join(inner)
            continue
        while body.rstrip().endswith("\\"):
            following = next(lines, "")
            while following.lstrip().startswith("#") or (not following.strip() and following):
                following = next(lines, "")
            body = body.rstrip()[:-1] + following
        if not body.lstrip().startswith("["):
            yield body


def decoded(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size < MAXIMUM_SIZE else ""
    except (OSError, UnicodeDecodeError):
        return ""


def is_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return path.suffix == ".sh" or SHELLS.match(file.read(40)) is not None
    except OSError:
        return False


def own_texts() -> list[str]:
    """What our own repository holds: never empty."""
    dockerfiles = [path for path in ROOT.rglob("*ockerfile*") if path.is_file() and ".git" not in path.parts]
    bodies = [body for path in dockerfiles for body in run_bodies(decoded(path))]
    scripts = [decoded(path) for path in (ROOT / ".ci", ROOT / "tools", ROOT / "docker") if path.is_file()]
    tables = runpy.run_path(str(Path(__file__).with_name("test_shell_hiding.py")))
    # `!(…)` is a negated subshell for every shell that has not switched extended patterns on, and shfmt always has.
    hidden = [row[0] for table in ("FOUND", "UNDECIDABLE", "RUNS_FILE") for row in tables[table] if row[0][:2] != "!("]
    return [*bodies, *scripts, *hidden]


def machine_texts() -> list[str]:
    texts: dict[str, None] = {}
    for folder, pattern in PLACES:
        for path in sorted(Path(folder).glob(pattern)):
            if path.is_file() and ("ockerfile" in path.name or is_script(path)):
                text = decoded(path)
                texts.update(dict.fromkeys(run_bodies(text) if "ockerfile" in path.name else [text]))
    return [text for text in texts if text]


@needs_shfmt
def test_our_own_scripts_hold_the_commands_that_shfmt_finds() -> None:
    compared, _ = agreed(own_texts())
    assert compared > 250


@needs_shfmt
def test_the_scripts_of_the_machine_hold_the_commands_that_shfmt_finds() -> None:
    texts = machine_texts()
    agreed(random.Random(len(texts)).sample(texts, min(len(texts), SAMPLE)))


@needs_shfmt
@pytest.mark.parametrize("seed", range(4))
def test_random_scripts_hold_the_commands_that_shfmt_finds(seed: int) -> None:
    chance = random.Random(seed)
    compared, refused = agreed([script(chance, 4) for _ in range(60)])
    assert compared > 100
    assert refused == 0


@pytest.mark.parametrize("seed", range(8))
def test_a_script_with_random_damage_is_survived(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        text = script(chance, 4)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text) + 1)
            text = (
                text[:at]
                + chance.choice(["", "'", '"', "`", "$(", "${", ")", "}", "\\", "<<E\n", "\0", "((", ";;"])
                + text[at + 1 :]
            )
        found = scan(text)
        assert all(0 <= command.start <= command.end <= len(text) for command in found.commands)
        assert [command.start for command in found.commands] == sorted(command.start for command in found.commands)


def script(chance: random.Random, depth: int) -> str:
    """A list of commands of a small grammar of the shell."""
    separators = ["; ", "\n", " && ", " || ", " | ", " &\n", " # a comment (it's\n"]
    made = command(chance, depth)
    for _ in range(chance.randint(0, 3)):
        made += chance.choice(separators) + command(chance, depth)
    return made


def command(chance: random.Random, depth: int) -> str:
    if depth <= 0 or chance.random() < 0.45:
        return simple(chance, depth)
    inner = [script(chance, depth - 1) for _ in range(2)]
    forms = [
        "( {0}\n)",
        "{{ {0}\n}}",
        "if {0}\nthen {1}\nfi",
        "if {0}\nthen {1}\nelse {0}\nfi",
        "while {0}\ndo {1}\ndone",
        'for x in a $b "$(c)"; do {0}\ndone',
        "case $x in a|b) {0}\n;; (*) {1}\n;; esac",
        "f() {{ {0}\n}}",
        "function g {{ {0}\n}}",
        "[[ $x == *(a|b) && -n $(y) ]]",
        "(( i < $(n) ))",
        "{{ {0}\n}} > out 2>&1",
        "a=( x $(y) 'z' )",
    ]
    form: str = chance.choice(forms)
    return form.format(*inner)


def simple(chance: random.Random, depth: int) -> str:
    words = [chance.choice(["pip", "apt-get", "A=1 make", "X=$(y) z", "curl", "touch"])]
    for _ in range(chance.randint(0, 4)):
        words.append(token(chance, depth))
    return " ".join(words)


def token(chance: random.Random, depth: int) -> str:
    inner = simple(chance, depth - 1) if depth > 0 else "x"
    forms = [
        "install",
        "-y",
        "a\\ b",
        "'single $x'",
        '"double $x \\" ${y:-z}"',
        "$'ansi\\n'",
        "$z",
        "${x%%.*}",
        "$(( 1 + 2 ))",
        "a\\\nb",
        "{a,b}",
        "*.whl",
        "\\\n",
        "> file",
        "2>&1",
        "<<< word",
        f"$({inner})",
        f'"$({inner})"',
        f"<({inner})",
        f"${{x:-$({inner})}}",
    ]
    form: str = chance.choice(forms)
    return form
