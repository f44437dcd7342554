"""Files that nobody writes: never a crash, never a wait, and what stands behind the mess is still read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from poetry_gpu_build.documents.dockerfile import parse_dockerfile
from poetry_gpu_build.documents.source import Source

from ..patience import ends_soon

MEGABYTE = 1024 * 1024

HOSTILE = {
    "a line of 10 MB": "RUN " + "x" * 10 * MEGABYTE,
    "10 MB of spaces": "RUN a" + " " * 10 * MEGABYTE + "b",
    "10 MB of escapes": "ENV A=" + "\\a" * 5 * MEGABYTE,
    "10 MB of quotes": "ENV A=" + "'" * 10 * MEGABYTE,
    "10 MB of JSON escapes": 'RUN ["' + "\\n" * 5 * MEGABYTE + '"]',
    "an instruction of 10 MB in many lines": "RUN " + ("y" * 60_000 + " \\\n") * 170 + "z",
    "many JSON escapes": 'RUN ["' + "\\n" * 30_000 + '"]',
    "many quotes in a flag": 'RUN --x="' + "\\n" * 30_000 + '"',
    "deep substitutions": "ENV A=" + "${a:-" * 10_000 + "}" * 10_000,
    "many deep substitutions": ("ENV A=" + "${a:-" * 49 + "}" * 49 + "\n") * 1000,
    "a value that doubles": "ENV A=aaaaaaaaaa\n" + "ENV A=$A$A\n" * 200,
    "a long value in many places": "ENV A=aaaaaaaaaa\n" + "ENV A=$A$A\n" * 16 + "ENV B=x$A\n" * 10_000,
    "a bad pattern": f"ENV A={'a' * 3000}\n" + f"ENV B=${{A#{'*a' * 300}*b}}\n" * 300,
    "a bad replacement": f"ENV A={'a' * 3000}\n" + f"ENV B=${{A//{'*a' * 50}*b/x}}\n" * 300,
    "heredocs without end": "".join(f"RUN <<E{i}\n" for i in range(20_000)),
    "many heredocs": "".join(f"RUN <<E{i}\nx\nE{i}\n" for i in range(10_000)),
    "many heredocs on a line": f"RUN cat {' '.join(f'<<E{i}' for i in range(3000))}\n"
    + "".join(f"E{i}\n" for i in range(3000)),
    "a name that stands everywhere": "E\n" * 10_000 + "RUN <<E\nE\n" * 5000,
    "many continuations": "RUN a \\\n" + "b \\\n" * 100_000,
    "many comments": "# c\n" * 300_000,
    "many comments in an instruction": "RUN a \\\n" + "# c\n" * 300_000 + "b",
    "empty lines": "\n" * 1_000_000,
    "NULs": "RUN \0\0 x\0\n\0\n\0RUN y",
    "many triggers": "ONBUILD " * 10_000,
    "nested arrays": "RUN " + "[" * 60_000,
    "open arrays": "RUN " + '["a",' * 10_000,
    "many flags": "RUN " + "--a=b " * 5_000,
    "broken bytes": "RUN \udcff\udc80" * 10_000,
    "an open quote": "ENV A='" + "b " * 20_000,
    "many stages": "".join(f"FROM s{i - 1} AS s{i}\nENV X{i}=$Y\n" for i in range(10_000)),
    "CR everywhere": "RUN a\r" * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_read_in_bounded_time(text: str) -> None:
    with ends_soon():
        dockerfile = parse_dockerfile(Source(Path("Dockerfile"), f"FROM a\n{text}\nUSER last"))
        for instruction in dockerfile.instructions[:1000]:
            instruction.mounts()
            for argument in instruction.arguments[:10]:
                instruction.expand(argument)
    assert dockerfile.instructions[0].keyword == "FROM"


def test_a_hundred_thousand_instructions() -> None:
    with ends_soon():
        dockerfile = parse_dockerfile(Source(Path("Dockerfile"), "FROM a\n" + "RUN echo $x && b\n" * 100_000))
    assert len(dockerfile.instructions) == 100_001


def test_a_line_that_buildkit_cannot_read_is_reported_and_the_next_is_read() -> None:
    dockerfile = parse_dockerfile(Source(Path("Dockerfile"), f"FROM a\nRUN {'x' * 70_000}\nUSER last"))
    (problem, *_) = dockerfile.problems
    assert (problem.position.line, problem.fatal) == (2, True)
    assert dockerfile.instructions[-1].keyword == "USER"


@pytest.mark.parametrize("text", ["é" * 32_765, "x" * 65_531])
def test_the_longest_line_that_buildkit_reads(text: str) -> None:
    assert parse_dockerfile(Source(Path("Dockerfile"), f"FROM a\nRUN {text}\nUSER b")).problems == ()
    assert parse_dockerfile(Source(Path("Dockerfile"), f"FROM a\nRUN {text}xx\nUSER b")).problems


@pytest.mark.parametrize("seed", range(200))
def test_no_noise_makes_the_parser_raise(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [
        "FROM a",
        "RUN",
        "ENV",
        "COPY",
        "ARG",
        "<<E",
        "E",
        "\n",
        "\\\n",
        " ",
        "=",
        '"',
        "'",
        "$",
        "{",
        "}",
        "[",
        "]",
        ",",
    ]
    pieces += [
        "#",
        "`",
        "--",
        "\r\n",
        "\t",
        "\0",
        "\x85",
        "\u2028",
        "\udcff",
        "\ufeff",
        "é",
        "😀",
        "%",
        "/",
        "*",
        ":-",
        "ONBUILD",
    ]
    text = "".join(chance.choices(pieces, k=chance.randint(1, 200)))
    dockerfile = parse_dockerfile(Source(Path("Dockerfile"), text))
    for instruction in dockerfile.instructions:
        parts = [instruction.text, *instruction.arguments, *([instruction.body] if instruction.body else [])]
        for part in parts:
            assert all(0 <= part.original_offset(i) <= len(text) for i in range(len(part.text)))
        assert 0 <= instruction.offset <= instruction.end <= len(text)
        assert 1 <= instruction.line <= instruction.last_line
