"""`.dockerignore`. The expected answers were measured with moby/patternmatcher 0.6 and its ignorefile reader."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from poetry_gpu_build.documents.ignorefile import IgnoreFile
from poetry_gpu_build.documents.ignorefile import ignorefile_candidates
from poetry_gpu_build.documents.ignorefile import misplaced_candidates
from poetry_gpu_build.documents.ignorefile import parse_ignorefile
from poetry_gpu_build.documents.source import Source


def parse(text: str) -> IgnoreFile:
    return parse_ignorefile(Source(Path(".dockerignore"), text))


MATCHES: list[tuple[str, list[str], list[str]]] = [
    # the file, what it ignores, what it does not
    ("poetry.lock", ["poetry.lock", "poetry.lock/x"], ["a/poetry.lock", "poetry.lockx", "poetryxlock"]),
    ("/poetry.lock", ["poetry.lock"], ["a/poetry.lock"]),
    ("**/poetry.lock", ["poetry.lock", "a/poetry.lock", "a/b/poetry.lock"], ["xpoetry.lock"]),
    ("a", ["a", "a/b", "a/b/c"], ["b/a", "ab"]),
    ("a/", ["a", "a/b"], ["b/a"]),
    ("./a", ["a"], []),
    ("a/../b", ["b"], ["a"]),
    ("a//b", ["a/b", "a/b/c"], ["a"]),
    ("*", ["a", "a/b", ".git"], []),
    ("*.py", ["x.py", "x.py/y"], ["a/x.py", "xpy"]),
    ("*/*.py", ["a/x.py"], ["x.py", "a/b/x.py"]),
    ("a/**", ["a/b", "a/b/c"], ["a"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/c"], ["b", "ab"]),
    ("**", ["a", "a/b"], []),
    ("**/*.py", ["x.py", "a/x.py", "a/b/x.py"], ["x.pyc"]),
    ("a?c", ["abc"], ["ac", "a/c"]),
    ("[ab].txt", ["a.txt", "b.txt"], ["c.txt", "ab.txt"]),
    ("[a-c]x", ["ax", "cx"], ["dx"]),
    ("[^a]x", ["bx"], ["ax"]),
    ("\\*", ["*"], ["a"]),
    ("(x)", ["(x)"], ["x"]),
    ("a+*", ["a+b"], ["aab"]),
    ("  a  ", ["a"], ["  a  "]),
    ("a b", ["a b"], ["a"]),
    ("# a\na", ["a"], ["# a"]),
    (" # a", ["# a"], ["a"]),
    ("\ufeffa", ["a"], []),
    ("a\r\nb\r\n", ["a", "b"], []),
    ("*\n!a", ["b", "b/a"], ["a", "a/b"]),
    ("*\n!a/b", ["a", "a/c", "b"], ["a/b", "a/b/c"]),
    ("!a\n*", ["a"], []),
    ("*\n!a\na/b", ["a/b", "c"], ["a", "a/c"]),
    ("* \n! /a", ["b"], ["a"]),
    ("*.md\n!README.md\nREADME.md", ["README.md"], []),
    ("a/b\n!a", [], ["a/b", "a"]),
    (".", [], ["a", "."]),
    ("/", [], ["a"]),
    ("..", [], ["a"]),
    ("é*", ["éa"], ["a"]),
]


@pytest.mark.parametrize(("text", "ignored", "kept"), MATCHES, ids=[text for text, _, _ in MATCHES])
def test_what_is_ignored(text: str, ignored: list[str], kept: list[str]) -> None:
    ignorefile = parse(text)
    assert [path for path in ignored if not ignorefile.ignores(path)] == []
    assert [path for path in kept if ignorefile.ignores(path)] == []


def test_the_deciding_pattern_has_a_place() -> None:
    ignorefile = parse("# c\n*\n  !pyproject.toml\n")
    decision = ignorefile.decide("pyproject.toml")
    assert decision.pattern is not None
    assert (decision.ignored, decision.pattern.written) == (False, "!pyproject.toml")
    assert str(ignorefile.position(decision.pattern.offset)) == ".dockerignore:3:3"
    assert parse("a").decide("b").pattern is None


def test_a_path_may_be_written_in_many_ways() -> None:
    ignorefile = parse("a/b")
    assert [ignorefile.ignores(path) for path in ("a/b", "./a/b", "/a/b", "a//b", "a/b/", "a/x/../b")] == [True] * 6
    assert not ignorefile.ignores(".")


@pytest.mark.parametrize("line", ["!", "! ", "!/", "[", "[a", "[]", "a/[^]", "a\\", "[a-]", "[b-a]"])
def test_a_line_that_is_refused_is_reported_and_the_others_count(line: str) -> None:
    ignorefile = parse(f"x\n{line}\ny")
    assert [str(ignorefile.position(offset)) for offset, _ in ignorefile.refused] == [".dockerignore:2:1"]
    assert ignorefile.ignores("y")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (".", "the context itself"),
        ("/", "the context itself"),
        ("../x", "out of the build context"),
        (" # c", "only a line that begins with #"),
        ("a # c", "a comment needs a line of its own"),
        ("dir\\file", "a path is written with /"),
        ("!a", "nothing above it is ignored"),
    ],
)
def test_patterns_that_can_never_matter(text: str, reason: str) -> None:
    ((_, said),) = parse(text).ineffective()
    assert reason in said


def test_ordinary_patterns_matter() -> None:
    text = "# c\n.git\n**/*.pyc\n*\n!pyproject.toml\n!a/**/b\n[ab]\n\\#x\n"
    assert list(parse(text).ineffective()) == []


def test_the_dockerfiles_own_ignore_file_goes_before_the_contexts() -> None:
    candidates = ignorefile_candidates(Path("/p/docker/Dockerfile.source"), Path("/p"))
    assert candidates == (Path("/p/docker/Dockerfile.source.dockerignore"), Path("/p/.dockerignore"))


def test_ignore_files_that_buildkit_never_reads() -> None:
    misplaced = misplaced_candidates(Path("/p/docker/Dockerfile"), Path("/p"))
    assert misplaced == (Path("/p/docker/.dockerignore"), Path("/p/Dockerfile.dockerignore"))


def test_a_mark_and_bytes_that_are_no_text_hide_no_pattern() -> None:
    assert parse("\ufeffa\r\n\udcff\r\n").ignores("a")


def test_a_line_that_buildkit_cannot_read_is_refused_and_the_others_count() -> None:
    ignored = parse(f"{'a' * 65_537}\nb\n")
    assert [offset for offset, _ in ignored.refused] == [0]
    assert ignored.ignores("b")


@pytest.mark.parametrize("text", ["*a" * 3000, "a\n" * 5000 + "b"])
def test_patterns_beyond_all_measure_are_told_and_not_read(text: str) -> None:
    ignored = parse(text)
    assert ignored.unread == text.rfind("\n") + 1
    assert not ignored.ignores("b")


@pytest.mark.parametrize("seed", range(100))
def test_no_noise_makes_the_matcher_raise(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [
        "a",
        "b",
        "/",
        "*",
        "**",
        "?",
        "[",
        "]",
        "^",
        "-",
        "\\",
        "!",
        "#",
        ".",
        "..",
        " ",
        "\n",
        "\r",
        "\0",
        "é",
        "\udcff",
    ]
    pieces += ["(", ")", "{", "|", "$", "+", "z", "d", "Q", "p", "1", "[[:alpha:]]", "&&", "--", "~~"]
    ignorefile = parse("".join(chance.choices(pieces, k=chance.randint(1, 60))))
    for path in ("a", "a/b", "b/a/b", "é", "(", "a]"):
        ignorefile.ignores(path)
    list(ignorefile.ineffective())


def test_a_pattern_of_many_stars_takes_no_exponential_time() -> None:
    assert not parse("*a" * 30 + "b").ignores("a" * 200)
    assert not parse("**/a/" * 30 + "b").ignores("a/" * 100 + "c")


STARRY: list[tuple[str, list[str], list[str]]] = [
    ("**/a/**/b/**/*.py", ["a/b/x.py", "x/a/y/b/z/c.py"], ["a/x.py", "b/a/x.py"]),
    ("a*b*c*d", ["abcd", "axbxcxd"], ["abxc", "a/bcd"]),
    ("*[ab]*?*.txt", ["xaxx.txt", "bx.txt"], ["x.txt", "a/x.txt"]),
    ("*\\**\\**", ["a**", "**x"], ["a*", "a"]),
    ("**/x*/**/*", ["x/y", "a/x1/b/c"], ["x", "a/b"]),
    ("*.*.*é*/**", ["a.b.é/x", "a.b.céd/x/y"], ["a.b.é", "a.bé/x"]),
]


@pytest.mark.parametrize(("text", "ignored", "kept"), STARRY, ids=[text for text, _, _ in STARRY])
def test_patterns_of_many_stars_match_what_they_should(text: str, ignored: list[str], kept: list[str]) -> None:
    ignorefile = parse(text)
    assert [path for path in ignored if not ignorefile.ignores(path)] == []
    assert [path for path in kept if ignorefile.ignores(path)] == []
