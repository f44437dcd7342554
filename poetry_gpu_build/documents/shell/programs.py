"""Programs under all their names: ``/usr/bin/pip3.11`` and ``python3 -Im pip`` are both pip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where the programs of an image lie, and where a name without a folder is looked for."""

_VERSIONED = lazy_pattern(r"(pip|python|pypy|easy_install|pythonw)(?:-?[0-9][0-9.]*)?t?")
# Modules that are programs of another name.
_MODULES = {"pip_sync": "pip-sync"}
# Programs whose file carries its ending into the name.
_PLAIN_NAMES = {"pip.pyz": "pip", "get-pip.py": "get-pip"}
_ARCHIVE = lazy_pattern(r"(pip)(?:-[0-9][^/]*\.whl(?:/pip)?|\.pyz|/__main__\.py)")
_SHEBANG = lazy_pattern(r"#![ \t]*(?:\S*/env[ \t]+(?:-\S+[ \t]+)*)?(\S+)")
# CPython's options that take the next word, or the rest of theirs (docs.python.org, "Command line and environment").
_PYTHON_VALUES = "WXQ"

Words = tuple["str | None", ...]


def normalise(program: str, arguments: Sequence[str | None]) -> tuple[str, Words]:
    """The program that a command line is about, and its arguments; versions, folders and ``python -m`` are taken away.

    >>> normalise("/usr/bin/pip3.11", ["install", "x"]), normalise("python3", ["-Im", "pip", "install", "x"])
    (('pip', ('install', 'x')), ('pip', ('install', 'x')))
    >>> normalise("uv", ["--quiet", "pip", "install", "x"]), normalise("python", ["get-pip.py", "poetry"])
    (('uv pip', ('install', 'x')), ('get-pip', ('poetry',)))
    """
    name = program_name(program)
    rest: Words = tuple(arguments)
    if name == "python":
        kind, what, behind = python_runs(rest)
        if kind == "-m" and what is not None:
            module = what.partition(".")[0]
            if module == "piptools":
                return f"pip-{behind[0]}" if behind else "pip-tools", behind[1:]
            return normalise(_MODULES.get(module, module), behind)
        if kind == "file" and what is not None:
            archive = _ARCHIVE.search(what)
            base = what.rpartition("/")[2]
            if archive:
                return "pip", behind
            if base == "get-pip.py":
                return "get-pip", behind
            if base in {"pip", "poetry", "pipx", "conda"} or _VERSIONED.fullmatch(base):
                return normalise(base, behind)
    if name == "uv":
        at = next((index for index, word in enumerate(rest) if word is not None and not word.startswith("-")), None)
        if at is not None and rest[at] == "pip":
            return "uv pip", rest[at + 1 :]
    return name, rest


def shebang(text: str) -> str:
    """The program that a script's first line names; empty where it names none.

    >>> shebang("#!/usr/bin/env -S python3 -u\\n"), shebang("#! /bin/sh -e\\n"), shebang("echo")
    ('python', 'sh', '')
    """
    found = _SHEBANG.match(text)
    return program_name(found.group(1)) if found else ""


def program_name(program: str) -> str:
    """The name of a program without its folder and its version.

    >>> program_name("/opt/venv/bin/python3.12"), program_name("pip3"), program_name("gcc-11")
    ('python', 'pip', 'gcc-11')
    """
    base = program.rpartition("/")[2].removesuffix(".exe")
    found = _VERSIONED.fullmatch(base)
    name = found.group(1) if found else _PLAIN_NAMES.get(base, base)
    return "python" if name in {"pypy", "pythonw"} else name


def python_runs(arguments: Sequence[str | None]) -> tuple[str, str | None, Words]:
    """What a Python interpreter runs: ``-m`` a module, ``-c`` a code, ``file``, ``stdin``, or nothing; and the rest.

    >>> python_runs(["-Im", "pip", "install"]), python_runs(["-X", "dev", "a.py", "b"]), python_runs(["-"])
    (('-m', 'pip', ('install',)), ('file', 'a.py', ('b',)), ('stdin', None, ()))
    """
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word is None:
            return "unknown", None, tuple(arguments[index + 1 :])
        if word in {"--version", "-V", "-VV", "--help", "-h"}:
            return "nothing", None, ()
        if word == "-":
            return "stdin", None, tuple(arguments[index + 1 :])
        if not word.startswith("-"):
            return "file", word, tuple(arguments[index + 1 :])
        index += 1
        if word.startswith("--"):
            index += word == "--check-hash-based-pycs"
            continue
        found = next((at for at, letter in enumerate(word) if letter in "mc" + _PYTHON_VALUES), None)
        if found is None:
            continue
        attached = word[found + 1 :]
        value = attached or (arguments[index] if index < len(arguments) else None)
        index += not attached
        if word[found] in "mc":
            return "-" + word[found], value, tuple(arguments[index:])
    return "stdin", None, ()
