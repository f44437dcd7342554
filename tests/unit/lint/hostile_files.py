"""Files that are made to break a linter: each function writes one into a project and is a case of test_hostile_cli."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1024 * 1024
TEN_MIB = 10 * MIB

DOCKERFILE = "docker/Dockerfile"
COMPOSE = "docker/docker-compose.yml"
PYPROJECT = "pyproject.toml"
LOCK = "poetry.lock"
IGNORE = ".dockerignore"

SERVICE = "services:\n  app:\n    build: {context: .., dockerfile: docker/Dockerfile}\n"


def text(name: str, content: str | Callable[[], str]) -> Callable[[Path], None]:
    """A case that is one file; a large text is made only when the case runs."""

    def write(root: Path) -> None:
        made = content if isinstance(content, str) else content()
        (root / name).write_text(made, encoding="utf-8", newline="")

    return write


def raw(name: str, content: bytes) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / name).write_bytes(content)

    return write


def together(*writers: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        for writer in writers:
            writer(root)

    return write


def replaced(name: str, make: Callable[[Path], None]) -> Callable[[Path], None]:
    """A case in which something else than a file stands at a file's place."""

    def write(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        make(root / name)

    return write


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def no_files(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        for name in ("poetry.toml", IGNORE, ".gitignore", "docker/.env", f"{DOCKERFILE}.dockerignore"):
            replaced(name, make)(root)

    return write


def run(command: str) -> str:
    return f"FROM a\nRUN {command}\n"


def lines(form: str, number: int) -> str:
    return "".join(form.format(at) for at in range(number))


def lock_of(number: int) -> str:
    package = (
        '[[package]]\nname = "p{0}"\nversion = "1"\ngroups = ["main"]\nfiles = [\n'
        + '    {{file = "p", hash = "sha256:0"}},\n' * 4
        + "]\n\n"
    )
    return lines(package, number)


def bomb(levels: int = 20) -> str:
    """The billion laughs: each anchor is ten times the one before."""
    first = "x-0: &a0 [ha, ha]\n"
    rest = "".join(f"x-{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, levels))
    return f"{first}{rest}services:\n  app:\n    image: a\n    ports: *a{levels - 1}\n"


def merge_bomb(levels: int = 20) -> str:
    first = "x-0: &a0 {" + ", ".join(f"k{at}: v" for at in range(1000)) + "}\n"
    rest = "".join(
        f"x-{at}: &a{at}\n  <<: [{', '.join([f'*a{at - 1}'] * 10)}]\n  m{at}: {{<<: *a{at - 1}}}\n"
        for at in range(1, levels)
    )
    return f"{first}{rest}services:\n  app:\n    <<: *a{levels - 1}\n    image: a\n"


def chained_extends(number: int) -> str:
    return "services:\n  s0: {image: a}\n" + "".join(
        f"  s{at}: {{extends: s{at - 1}, ports: ['{at % 60000}']}}\n" for at in range(1, number)
    )


def include_circle(root: Path) -> None:
    (root / COMPOSE).write_text(f"include: [a.yml, docker-compose.yml]\n{SERVICE}", encoding="utf-8")
    (root / "docker/a.yml").write_text("include: [b.yml]\nservices: {a: {image: a}}\n", encoding="utf-8")
    (root / "docker/b.yml").write_text("include: [a.yml]\nservices: {b: {image: a}}\n", encoding="utf-8")


def extends_circle(root: Path) -> None:
    service = "services:\n  {0}:\n    extends: {{file: {1}.yml, service: {1}}}\n"
    (root / COMPOSE).write_text(service.format("app", "b"), encoding="utf-8")
    (root / "docker/b.yml").write_text(service.format("b", "c"), encoding="utf-8")
    (root / "docker/c.yml").write_text(service.format("c", "b"), encoding="utf-8")


def many_suppressions() -> str:
    line = "# gpu-build: ignore[GPU105] reason\n"
    return "FROM a\n" + f"{line}RUN poetry config a b\n{line}{line}" * 8_000


def everything_suppressed_twice() -> str:
    return "# gpu-build: ignore-file[GPU105]\n" * 20_000 + "FROM a\n" + "RUN poetry config a b\n" * 5_000


LONG_RUNS = (
    " " * 60_000,
    "-" * 60_000,
    "/" * 60_000,
    "a" * 60_000,
    "--a " * 15_000,
    "--a=b " * 10_000,
    "1." * 30_000,
    "https://" * 7_000,
    "a[b,c]" * 10_000,
    "[" * 60_000,
    "a; " * 20_000,
    "a | " * 15_000,
    "'\"" * 30_000,
    "=" * 60_000,
    "\t-" * 30_000,
    "torch+cu" * 7_000,
)


def runs(form: str) -> str:
    return "FROM a\n" + "".join(f"RUN {form.format(long)}\n" for long in LONG_RUNS)


CASES: dict[str, Callable[[Path], None]] = {
    # One line of 10 MB: BuildKit refuses it in a Dockerfile (64 KiB), and the other readers have limits of their own.
    "10 MiB in a RUN": text(DOCKERFILE, lambda: run("x" * TEN_MIB)),
    "10 MiB in a comment": text(DOCKERFILE, lambda: f"#{'x' * TEN_MIB}\nFROM a\n"),
    "10 MiB in an ARG": text(DOCKERFILE, lambda: f"ARG A={'x' * TEN_MIB}\nFROM a\n"),
    "10 MiB in an ENV": text(DOCKERFILE, lambda: f"FROM a\nENV A={'$A' * (TEN_MIB // 2)}\n"),
    "10 MiB in the JSON form": text(DOCKERFILE, lambda: f'FROM a\nRUN ["{"x" * TEN_MIB}"]\n'),
    "10 MiB of brackets in a RUN": text(DOCKERFILE, lambda: run("[" * TEN_MIB)),
    "a COPY of 100000 words": text(DOCKERFILE, lambda: f"FROM a\nCOPY {'poetry.lock ' * 100_000}./\n"),
    "a COPY of 100000 words on lines": text(DOCKERFILE, lambda: "FROM a\nCOPY \\\n" + " b\\\n" * 100_000 + " ./\n"),
    "a COPY of the most words that are read": text(DOCKERFILE, lambda: f"FROM a\nCOPY {'b* ' * 21_000}./\n"),
    "10 MiB of emoji": text(DOCKERFILE, lambda: "#" + "\N{FIRE}" * (TEN_MIB // 4) + "\nFROM a\n"),
    "10 MiB of blank lines": text(DOCKERFILE, lambda: "\n" * TEN_MIB),
    "10 MiB of short comments": text(DOCKERFILE, lambda: "FROM a\n" + "# gpu-build\n" * (TEN_MIB // 12)),
    "10 MiB in YAML": text(COMPOSE, lambda: f"services: {{app: {{image: {'x' * TEN_MIB}}}}}\n"),
    "1 MiB in YAML": text(COMPOSE, lambda: f"services: {{app: {{image: {'$x' * (MIB // 2 - 50)}}}}}\n"),
    "10 MiB in TOML": text(PYPROJECT, lambda: f'[project]\nname = "{"x" * TEN_MIB}"\n'),
    "10 MiB in a key of TOML": text(PYPROJECT, lambda: f"{'x' * TEN_MIB} = 1\n"),
    "10 MiB of escapes in TOML": text(PYPROJECT, lambda: 'a = "' + "\\u0041" * (TEN_MIB // 6) + '"\n'),
    "10 MiB in a broken lock": text(LOCK, lambda: "x" * TEN_MIB),
    "10 MiB in .dockerignore": text(IGNORE, lambda: "*" * TEN_MIB),
    "10 MiB of brackets in .dockerignore": text(IGNORE, lambda: "[a-" * (TEN_MIB // 3)),
    "10 MiB in .gitignore": text(".gitignore", lambda: "poetry.lock " * (TEN_MIB // 12)),
    # Long files.
    "100000 continued lines": text(DOCKERFILE, lambda: "FROM a\nRUN true" + " \\\n  && b" * 100_000 + "\n"),
    "30000 continued lines": text(DOCKERFILE, lambda: "FROM a\nRUN true" + " \\\n && b" * 30_000 + "\n"),
    "10000 instructions": text(DOCKERFILE, lambda: "FROM a\n" + "RUN pip install a && b\n" * 10_000),
    "10000 ENVs that double": text(DOCKERFILE, lambda: "FROM a\nENV A=aa\n" + "ENV A=$A$A\n" * 10_000),
    "10000 stages": text(
        DOCKERFILE, lambda: lines("FROM a AS s{0}\nRUN poetry install\nCOPY --from=s{0} a b\n", 10_000)
    ),
    "10000 stages on one another": text(
        DOCKERFILE, lambda: "FROM a AS s\n" + "FROM s AS s\nRUN poetry install\n" * 10_000
    ),
    "10000 heredocs": text(DOCKERFILE, lambda: "FROM a\n" + "RUN <<E\npip install a\nE\n" * 10_000),
    "10000 open heredocs": text(DOCKERFILE, lambda: "FROM a\n" + lines("RUN <<E{0} cat\n", 10_000)),
    "10000 unknown instructions": text(DOCKERFILE, lambda: "NONE a\n" * 10_000),
    "10000 scripts": text(DOCKERFILE, lambda: "FROM a\nCOPY . .\n" + lines("RUN sh /s{0}.sh\n", 10_000)),
    # Deep nesting.
    "$( 100000 deep": text(DOCKERFILE, lambda: run("$(\\\n" * 100_000)),
    "$( 25000 deep": text(DOCKERFILE, lambda: run("$(" * 25_000 + "pip install a")),
    "${ 100000 deep": text(DOCKERFILE, lambda: f"FROM a\nENV A={'${a:-' * 12_000}\nRUN {'${a:-' * 12_000}\n"),
    "{ 60000 deep in a RUN": text(DOCKERFILE, lambda: run("{ " * 30_000)),
    "[ 60000 deep in a RUN": text(DOCKERFILE, lambda: run("[" * 60_000)),
    "( 60000 deep in a RUN": text(DOCKERFILE, lambda: run("(" * 60_000)),
    "` 60000 in a RUN": text(DOCKERFILE, lambda: run("`" * 60_000)),
    "if 15000 deep in a RUN": text(DOCKERFILE, lambda: run("if " * 15_000)),
    "sh -c 5000 deep in a RUN": text(DOCKERFILE, lambda: run("sh -c " * 10_000 + "pip install a")),
    "ONBUILD 8000 deep": text(DOCKERFILE, lambda: "FROM a\n" + "ONBUILD " * 8_000 + "RUN a\n"),
    "[ 60000 deep in JSON": text(DOCKERFILE, lambda: f"FROM a\nRUN {'[' * 60_000}{']' * 100}\n"),
    "[ 100000 deep in YAML": text(COMPOSE, lambda: "a: " + "[" * 100_000),
    "{ 100000 deep in YAML": text(COMPOSE, lambda: "{a: " * 100_000),
    "- 100000 deep in YAML": text(COMPOSE, lambda: "- " * 100_000),
    "${ 100000 deep in YAML": text(COMPOSE, lambda: f"{SERVICE}    image: {'${a:-' * 100_000}\n"),
    "[ 100000 deep in TOML": text(PYPROJECT, lambda: "a = " + "[" * 100_000),
    "{ 100000 deep in TOML": text(PYPROJECT, lambda: "a = " + "{a = " * 100_000),
    "a key of 100000 parts": text(PYPROJECT, lambda: "a" + ".a" * 100_000 + " = 1\n"),
    "a key of 900 parts": text(PYPROJECT, lambda: "".join(f"[t{at}{'.a' * 900}]\nb = 1\n" for at in range(100))),
    "a table of 100000 parts": text(PYPROJECT, lambda: "[a" + ".a" * 100_000 + "]\n"),
    # YAML's own.
    "the billion laughs": text(COMPOSE, bomb()),
    "merge keys that multiply": text(COMPOSE, merge_bomb()),
    "50000 services": text(COMPOSE, lambda: "services:\n" + lines("  s{0}: {{image: a}}\n", 50_000)),
    "10000 services with ports": text(
        COMPOSE, lambda: "services:\n" + lines("  s{0}: {{image: a, ports: ['80:80']}}\n", 10_000)
    ),
    "10000 extends in a chain": text(COMPOSE, lambda: chained_extends(10_000)),
    "an anchor in itself": text(COMPOSE, f"x-a: &a [*a]\nx-b: &b {{<<: *b}}\n{SERVICE}"),
    "includes in a circle": include_circle,
    "extends in a circle": extends_circle,
    "a service that extends itself": text(COMPOSE, "services: {app: {extends: app}}\n"),
    "100000 equal keys": text(COMPOSE, lambda: "services:\n" + "  a: {image: a}\n" * 50_000),
    "100000 documents": text(COMPOSE, lambda: "---\n" * 100_000),
    "50000 env variables": text("docker/.env", lambda: "A=aaaaaaaaaaaaaaaa\n" + "A=$A$A\n" * 50_000),
    # Long lists.
    "40000 dependencies": text(
        PYPROJECT, lambda: "[tool.poetry.group.binary-torch.dependencies]\n" + lines('p{0} = "*"\n', 40_000)
    ),
    "100000 requirements": text(
        PYPROJECT, lambda: "[project]\ndependencies = [\n" + lines('"p{0}>=1",\n', 100_000) + "]\n"
    ),
    "a lock of 5000 packages": text(LOCK, lambda: lock_of(5_000)),
    "100000 patterns": text(IGNORE, lambda: lines("**/**/**/a{0}*b\n!**/**/c{0}\n", 50_000)),
    "patterns that go back": text(IGNORE, lambda: "**/*a*a*a*a*a*a*a*a*a*b\n!*?*?*?*?*?*?*?*?*?c\n" * 1000),
    "25000 suppressions": text(DOCKERFILE, many_suppressions),
    "20000 suppressions of the file": text(DOCKERFILE, everything_suppressed_twice),
    "20000 suppressions in YAML": text(
        COMPOSE, lambda: SERVICE + "  b: {image: a, ports: ['1:1']} # gpu-build: ignore[GPU401] x\n" * 10_000
    ),
    # No text.
    "NULs": together(
        raw(DOCKERFILE, b"FROM a\nRUN pip install \0 a\0\n\0\0"),
        raw(COMPOSE, b"services:\n  app:\n    image: a\0\n"),
        raw(PYPROJECT, b"a = '\0'\n"),
        raw(IGNORE, b"a\0b\n\0\n"),
    ),
    "UTF-16": together(
        raw(DOCKERFILE, "\ufeffFROM a\n".encode("utf-16-le")),
        raw(COMPOSE, f"\ufeff{SERVICE}".encode("utf-16-le")),
        raw(PYPROJECT, "\ufeff[tool]\n".encode("utf-16-be")),
    ),
    "noise": together(*(raw(name, bytes(range(256)) * 100) for name in (DOCKERFILE, COMPOSE, PYPROJECT, LOCK, IGNORE))),
    "CRLF": raw(DOCKERFILE, b"FROM a\r\nRUN pip install \\\r\n  a\r\n"),
    "lone CR": together(
        raw(DOCKERFILE, b"FROM a\rRUN pip install a\r"),
        raw(COMPOSE, SERVICE.replace("\n", "\r").encode()),
        raw(PYPROJECT, b"[project]\rname = 'a'\r"),
    ),
    # No file.
    **{
        f"{kind.__name__} as {name}": replaced(name, kind)
        for kind in (loop, fifo, folder)
        for name in (DOCKERFILE, COMPOSE, PYPROJECT, LOCK)
    },
    **{f"{kind.__name__} as all else": no_files(kind) for kind in (loop, fifo, folder)},
    # What a rule's pattern could go back and forth over.
    "pip install and long runs": text(DOCKERFILE, lambda: runs("pip install {0}a")),
    "long runs and pip install": text(DOCKERFILE, lambda: runs("{0}pip install a")),
    "$TOOL and long runs": text(DOCKERFILE, lambda: runs("$TOOL {0} $T install")),
}
