"""The resolver: what a script runs in the end, where that is written, and under which circumstances."""

from __future__ import annotations

import pytest

from poetry_gpu_build.documents.shell.programs import normalise
from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.results import Resolved
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.scan import scan

from ..patience import ends_soon


def found_in(text: str, options: tuple[str, ...] = (), **variables: str) -> list[Resolved]:
    return resolve(scan(text), variables, options)


def commands(text: str, options: tuple[str, ...] = (), **variables: str) -> list[ResolvedCommand]:
    return [found for found in found_in(text, options, **variables) if isinstance(found, ResolvedCommand)]


def lines(text: str, **variables: str) -> list[str]:
    return [" ".join(word.text for word in found.words) for found in commands(text, (), **variables)]


def pip(text: str) -> ResolvedCommand:
    return next(found for found in commands(text) if found.program == "pip")


NESTED = [
    "sh -c 'cd /; pip install x'",
    'sh -c "cd /; pip install x"',
    'sh -c "echo \\"a\\"; pip install x"',
    "sh -c \"sh -c 'pip install x'\"",
    'sh -c \'sh -c "echo \\"y\\"; pip install x"\'',
    "bash <<EOF\necho \\$HOME\npip install x\nEOF",
    "bash <<-EOF\n\techo\n\tpip install x\n\tEOF",
    "cat <<'EOF' | sh\npip install x\nEOF",
    'eval "echo; pip install x"',
    "eval pip install x",
    "echo 'pip install x' | sh",
    "echo `echo \\`pip install x\\``",
    "sh -c $'echo \\'a\\'; pip install x'",
]


@pytest.mark.parametrize("text", NESTED)
def test_a_nested_command_stands_where_it_is_written(text: str) -> None:
    found = pip(text)
    assert text[found.start : found.end] == "pip install x"
    assert [text[word.start : word.end] for word in found.words] == ["pip", "install", "x"]


def test_a_word_that_a_nested_shell_expands_stands_where_it_is_written() -> None:
    text = 'P=pip; sh -c "cd $D && $P install x"'
    found = pip(text)
    assert text[found.start : found.end] == "$P install x"


def test_how_a_command_is_reached_is_told() -> None:
    assert pip("sudo -E bash -c 'poetry run pip install x'").via == ("sudo", "bash -c", "poetry run")
    assert pip("f() { pip install x; }; f").via == ("f",)


def test_the_environment_of_a_command_is_told() -> None:
    assert pip("A=1 env B=$x -u C pip install").environment == (("A", "1"), ("B", None))
    assert pip("A=1 sh -c 'B=2 pip install'").environment == (("A", "1"), ("B", "2"))


def test_a_pipeline_is_seen_through_wrappers_and_nested_shells() -> None:
    curl, python = (
        next(found for found in commands(text) if found.program == name)
        for text, name in (
            ("sh -c 'curl x | sudo -E python3 - y'", "curl"),
            ("sh -c 'curl x | sudo -E python3 - y'", "python3"),
        )
    )
    assert curl.pipes[-1][:2] == python.pipes[-1][:2]
    assert (curl.pipes[-1].stage, python.pipes[-1].stage) == (0, 1)


@pytest.mark.parametrize(
    ("text", "pipefail"),
    [
        ("pip x", False),
        ("set -o pipefail; pip x", True),
        ("set -euo pipefail && pip x", True),
        ("set -eo pipefail\nset +o pipefail\npip x", False),
        ("(set -o pipefail); pip x", False),
        ("(set -o pipefail; pip x)", True),
        ("set -o pipefail; (pip x)", True),
        ("set -o pipefail; sh -c 'pip x'", False),
        ("bash -o pipefail -c 'pip x'", True),
        ("bash -euxo pipefail -c 'pip x'", True),
        ("pip x; set -o pipefail", False),
    ],
)
def test_pipefail_holds_from_where_it_is_set(text: str, pipefail: bool) -> None:
    assert pip(text).pipefail is pipefail


def test_the_shell_of_the_dockerfile_may_have_options() -> None:
    [found] = commands("curl x", ("pipefail",))
    assert found.pipefail


@pytest.mark.parametrize(
    ("text", "errexit"),
    [("set -e; pip x", True), ("set -eux; pip x", True), ("pip x", False), ("sh -ec 'pip x'", True)],
)
def test_errexit_likewise(text: str, errexit: bool) -> None:
    assert pip(text).errexit is errexit


def test_an_ignored_failure_is_seen_from_inside_a_nested_shell() -> None:
    assert pip("sh -c 'pip x' || true").ignored
    assert not pip("sh -c 'pip x' || exit 1").ignored


def test_the_folder_follows_cd() -> None:
    assert pip("cd /app && cd src; pip x").directory == "/app/src"
    assert pip("cd src; pip x").directory == "src"
    assert pip('cd "$D"; pip x').directory is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A x", "pip install x"),
        ('"$A" x', "pip install x"),
        ("echo ${A}", "echo pip install"),
        ('echo "${A}"', "echo pip install"),
        ("echo ${B:-b c}", "echo b c"),
        ("echo ${B-b} ${E:-e} ${E-e}", "echo b e"),
        ("echo ${A:+set} ${E:+set}", "echo set"),
        ("echo ${A%install} ${A#pip } ${A/pip/uv} ${A:0:3} ${U,,}", "echo pip install uv install pip up"),
        ("echo $B \"$B\" '$B'", "echo ${_} ${_} $B"),
        ("echo $((1+1)) $(x)", "echo ${_} ${_}"),
        ("echo {a,b}{1..2}", "echo a1 a2 b1 b2"),
        ('echo "{a,b}"', "echo {a,b}"),
        ("x=(1 2); echo ${x[1]} ${x[@]} $x", "echo 2 1 2 1"),
        ("x=a; x+=b; echo $x", "echo ab"),
        ("x=a; unset x; echo $x-", "echo -"),
        ("x=1; x=2; echo $x", "echo 2"),
        ("read x; echo $x", "echo ${_}"),
        ("set -- a b; shift; echo $1", "echo b"),
    ],
)
def test_words_are_expanded_with_what_is_known(text: str, expected: str) -> None:
    assert expected in lines(text, A="pip install", E="", U="UP")


def test_every_value_that_a_variable_may_have_is_looked_at() -> None:
    assert {"a x", "b x", "c x"} <= set(lines("P=a; if y; then P=b; fi; z || P=c; $P x"))
    assert {"a x", "b x"} <= set(lines("for p in a b; do $p x; done"))


def test_a_function_that_is_never_called_is_looked_at_too() -> None:
    assert "pip install ${_}" in lines('f() { pip install "$1"; }')


def test_a_function_counts_from_where_it_stands_and_the_last_one_counts() -> None:
    assert lines("f() { a; }; f; f() { b; }; f") == ["a", "b"]


def test_a_function_hides_a_program_of_its_name_but_not_from_a_wrapper() -> None:
    assert lines("pip() { a; }; pip x; sudo pip y") == ["a", "pip y"]


def test_the_same_thing_found_twice_counts_once() -> None:
    assert lines("f() { a; }; f; f") == ["a"]


def test_a_wrapper_without_a_command_is_kept_itself() -> None:
    assert lines("env; sudo -l pip; command -v pip; poetry install; uv sync; conda install x; exec 3>&1") == [
        "env",
        "sudo -l pip",
        "command -v pip",
        "poetry install",
        "uv sync",
        "conda install x",
        "exec",
    ]


def test_arguments_that_are_not_known_are_none() -> None:
    [found] = commands("pip install $X a*")
    assert found.arguments == ("install", None, None)


@pytest.mark.parametrize(
    ("text", "kind", "known"),
    [
        ("$(which pip) install x", "program", "${_} install x"),
        ("curl x | sh", "input", "sh"),
        ("python -c 'import pip'", "code", "import pip"),
        ("python3 - <<E\nimport pip\nE", "code", "import pip\n"),
        ('python <<< "import $X"', "code", "import ${_}"),
        ("perl -pe 's/a/b/'", "code", "s/a/b/"),
        ('eval "$X"', "script", "${_}"),
        ('sh "$X/a.sh"', "file", "${_}/a.sh"),
        ("echo 'a", "syntax", ""),
    ],
)
def test_what_cannot_be_decided_says_what_is_known(text: str, kind: str, known: str) -> None:
    found = [each for each in found_in(text) if isinstance(each, Undecidable)]
    assert (kind, known) in [(each.kind, each.text) for each in found]
    assert all(each.reason for each in found)


def test_code_of_another_language_names_it_and_its_place() -> None:
    text = "sudo python3 -c 'import pip'"
    [found] = [each for each in found_in(text) if isinstance(each, Undecidable)]
    assert (found.language, text[found.start : found.end], found.via) == ("python", "'import pip'"[1:-1], ("sudo",))


def test_what_is_harmless_is_not_undecidable() -> None:
    text = (
        'set -eux; apt-get update && apt-get install -y --no-install-recommends "python$V" $PACKAGES; '
        "awk '{ print $1 }' a | sort | xargs -r rm; find . -name '*.pyc' -delete; rm -rf \"$D\"/*; "
        "python -m venv /venv; /venv/bin/pip install x; sed -i 's/a/b/' c; git clone \"$U\" d; cat e | tee f"
    )
    assert [each for each in found_in(text) if not isinstance(each, ResolvedCommand)] == []


def test_a_file_tells_who_runs_it_with_what() -> None:
    [found] = [each for each in found_in("sudo bash -e ./a.sh b $c") if isinstance(each, RunsFile)]
    assert (found.path, found.interpreter, found.arguments, found.via) == ("a.sh", "bash", ("b", None), ("sudo",))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pip install x", "pip install x"),
        ("/opt/v/bin/pip3.12 install x", "pip install x"),
        ("python3 -I -m pip --quiet install x", "pip --quiet install x"),
        ("python3.11 -m poetry install", "poetry install"),
        ("python -W ignore -Xdev -mpip install", "pip install"),
        ("pypy3 -m pip install", "pip install"),
        ("python -m easy_install x", "easy_install x"),
        ("easy_install-3.11 x", "easy_install x"),
        ("uv pip install x", "uv pip install x"),
        ("uv -q pip sync x", "uv pip sync x"),
        ("uv sync", "uv sync"),
        ("python get-pip.py poetry", "get-pip poetry"),
        ("python /venv/bin/pip install x", "pip install x"),
        ("python pip-24.0-py3-none-any.whl/pip install", "pip install"),
        ("python pip.pyz install", "pip install"),
        ("python setup.py install", "python setup.py install"),
        ("python", "python"),
        ("python -c pip", "python -c pip"),
        ("micromamba install x", "micromamba install x"),
    ],
)
def test_a_program_has_one_name(command: str, expected: str) -> None:
    program, *arguments = command.split()
    name, rest = normalise(program, arguments)
    assert " ".join([name, *[word or "?" for word in rest]]) == expected


HOSTILE = {
    "a function that calls itself": "f() { f; f; }; f",
    "functions that multiply": "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; f{n + 1}; }}; " for n in range(50)) + "f0",
    "a value that doubles": "a=x; " + 'a="$a$a"; ' * 100 + "$a",
    "an eval of an eval": 'c=\'eval "$c"\'; eval "$c"',
    "many assignments": "".join(f"a{n}=1;" for n in range(30_000)),
    "many alternatives": "".join(f"for a{n} in 1 2 3 4; do :; done;" for n in range(500))
    + "$a1$a2$a3$a4$a5$a6 x;" * 3000,
    "many braces": ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b} " * 500 + "\n") * 100,
    "a long eval again and again": "c='" + "a;" * 4000 + "'; " + 'eval "$c";' * 5000,
    "a file written line by line": "echo a >> f;" * 30_000 + "sh f",
    "many nested shells": "sh -c 'a;b';" * 20_000,
    "deep nested shells": "sh -c " * 1000 + "a",
    "many wrappers": "sudo " * 50_000 + "a",
    "many stages": "a | " * 30_000 + "sh",
    "xargs of much": "xargs b <<E\n" + "a " * 1_000_000 + "\nE",
    "many process substitutions": "bash <(a);" * 20_000,
    "aliases of aliases": "".join(f"alias a{n}='a{n + 1} a{n + 1}';" for n in range(100)) + "a0",
    "find with many": "find . " + "-exec a {} ; " * 5000 + "-exec a {} \\; " * 5000,
    "many options": "sudo " + "-u " * 50_000,
    "NULs": "\0 \0;" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_script_is_followed_in_bounded_time(name: str) -> None:
    script = scan(HOSTILE[name])
    with ends_soon():
        resolve(script, {})


def test_what_is_not_followed_to_its_end_is_said() -> None:
    for name in ("a function that calls itself", "functions that multiply", "an eval of an eval"):
        kinds = {found.kind for found in found_in(HOSTILE[name]) if isinstance(found, Undecidable)}
        assert "limit" in kinds
