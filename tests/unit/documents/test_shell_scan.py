"""The scanner: which simple commands a script has, where they stand, and what it says of broken ones."""

from __future__ import annotations

import pytest

from poetry_gpu_build.documents.shell.reader import MAXIMUM_DEPTH
from poetry_gpu_build.documents.shell.scan import scan
from poetry_gpu_build.documents.shell.syntax import Command
from poetry_gpu_build.documents.shell.syntax import Parameter
from poetry_gpu_build.documents.shell.syntax import Substitution

from ..patience import ends_soon


def command(text: str, number: int = 0) -> Command:
    return scan(text).commands[number]


def words(text: str) -> list[list[str | None]]:
    return [[word.literal for word in each.words] for each in scan(text).commands]


# A script, and the first word of each of its commands.
COMMANDS = [
    ("a; b\nc & d && e || f | g |& h", "a b c d e f g h"),
    ("a \\\n  b \\\n  && c", "a c"),
    ("a # b; c\nd", "a d"),
    ("a#b c", "a#b"),
    ("! a; time b; time -p c; coproc d; coproc N { e; }", "a b c d e"),
    ("{ a; b; }; (c; d)", "a b c d"),
    ("if a; then b; elif c; then d; else e; fi; f", "a b c d e f"),
    ("while a; do b; done; until c; do d; done", "a b c d"),
    ("for x in a b; do c; done; for x; do d; done; for ((i=0; i<3; i++)); do e; done", "c d e"),
    ("for x in a b\ndo c\ndone", "c"),
    ("for x in a; { b; }", "b"),
    ("select x in a; do b; done", "b"),
    ("case $x in a|b) c;; (d) e;& f) g;;& *) h; esac; i", "c e g h i"),
    ("case x in\n# why\na)\n;;\nesac\nb", "b"),
    ("f() { a; }; g () (b); function h { c; }; function i() { d; }", "a b c d"),
    ("[[ a == b && $(c) =~ (d|e) ]] && f", "c f"),
    ("(( x > $(a) )) && b; ((c); d)", "a b c d"),
    ('echo $(a) `b` "$(c) `d`" $((1 + $(e))) ${x:-$(f)} <(g) >(h)', "echo a b c d e f g h"),
    ("echo `a \\`b\\``", "echo a b"),
    ("x=$(a) y=`b` z=($(c) d) w+=1", "None a b c"),
    ("a[$(b)]=c d", "d b"),
    ("${x[$(a)]} b", "None a"),
    ("echo ${ a; } ${| b; }", "echo a b"),
    ("a > b 2>&1 < c &> d >| e <> f {fd}> g h", "a"),
    ("> a b", "b"),
    ("cat <<A <<-B; c\n$(d)\nA\n\t$(e)\n\tB\nf", "cat c d e f"),
    ("cat <<'A'\n$(b)\nA\nc", "cat c"),
    ("cat <<A \\\n&& b\nc\nA\nd", "cat b d"),
    ("cat <<A |\nb\nA\nc", "cat c"),
    ("x=$(cat <<A\nb\nA\n)\nc", "None cat c"),
    ("cat <<A\nb \\\nA\nc\nA\nd", "cat d"),
    ("if a\r\nthen b\r\nfi\r\n", "a b"),
    ("export x=1 y=(a b); declare -a z=($(c))", "export declare c"),
    ("echo if then fi done } {", "echo"),
    ("@(a|b) ?(c) d!(e)f", "@(a|b)"),
    ("", ""),
    (" \n# only a comment", ""),
]


@pytest.mark.parametrize(("text", "names"), COMMANDS, ids=[text for text, _ in COMMANDS])
def test_every_simple_command_is_found(text: str, names: str) -> None:
    script = scan(text)
    assert [str(each.words[0].literal) if each.words else "None" for each in script.commands] == names.split()
    assert script.problems == ()


WORDS = [
    ("a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f g"]),
    ("a'b'\"c\"\\d", ["abcd"]),
    ("'' \"\"", ["", ""]),
    ('"\\$ \\` \\" \\\\ \\n\\\nx"', ['$ ` " \\ \\nx']),
    ("$'a\\tb\\x41\\u00e9\\101\\'' $\"b\"", ["a\tbA\u00e9A'", "b"]),
    ("a\\\nb", ["ab"]),
    ("a$ b", ["a$", "b"]),
    ('$a "$b" c', [None, None, "c"]),
    ("a=b c=d", []),
    ("a b=c", ["a", "b=c"]),
    ("a {b,c} *", ["a", "{b,c}", "*"]),
]


@pytest.mark.parametrize(("text", "values"), WORDS, ids=[text for text, _ in WORDS])
def test_a_word_has_the_value_that_the_shell_gives_it(text: str, values: list[str | None]) -> None:
    assert words(text) == [values]


def test_words_stand_where_they_are_written() -> None:
    text = "x=1  'a b'  \"$c\" >d"
    found = command(text)
    assert [text[word.start : word.end] for word in found.words] == ["'a b'", '"$c"']
    assert [text[each.start : each.end] for each in found.assignments] == ["x=1"]
    assert [text[each.start : each.end] for each in found.redirections] == [">d"]
    assert text[found.start : found.end] == text


def test_commands_in_escaped_backticks_stand_where_they_are_written() -> None:
    text = "echo `a; b \\`c d\\``"
    assert [text[each.start : each.end] for each in scan(text).commands] == [
        text,
        "a",
        "b \\`c d\\`",
        "c d",
    ]


def test_a_parameter_tells_its_operator_and_its_word() -> None:
    part = command("${x:-a$b}").words[0].parts[0]
    assert isinstance(part, Parameter)
    assert (part.name, part.operator) == ("x", ":-")
    assert part.argument is not None
    assert [type(each).__name__ for each in part.argument.parts] == ["Text", "Parameter"]


@pytest.mark.parametrize(
    ("text", "name", "operator", "subscript"),
    [
        ("$x", "x", "", ""),
        ("$1", "1", "", ""),
        ("$@", "@", "", ""),
        ("${10}", "10", "", ""),
        ("${x[@]}", "x", "", "@"),
        ("${!x}", "x", "!", ""),
        ("${#x}", "x", "#", ""),
        ("${x##*/}", "x", "##", ""),
        ("${x/a/b}", "x", "/", ""),
        ("${x:1:2}", "x", ":", ""),
        ("${x^^}", "x", "^^", ""),
        ("${#}", "#", "", ""),
    ],
)
def test_parameters(text: str, name: str, operator: str, subscript: str) -> None:
    part = command(text).words[0].parts[0]
    assert isinstance(part, Parameter)
    assert (part.name, part.operator, part.subscript) == (name, operator, subscript)


def test_a_substitution_knows_its_commands() -> None:
    script = scan("echo $(a; b) c")
    part = script.commands[0].words[1].parts[0]
    assert isinstance(part, Substitution)
    assert [each.words[0].literal for each in script.commands[part.first : part.last]] == ["a", "b"]


def test_a_here_document_has_a_body() -> None:
    [document] = command("cat <<-A\n\ta $b\n\tc\n\tA\n").redirections
    assert document.body is not None
    assert document.body.literal is None
    [quoted] = command("cat <<-'A'\n\ta $b\n\tc\n\tA\n").redirections
    assert quoted.body is not None
    assert quoted.body.literal == "a $b\nc\n"


def test_operators_say_how_a_command_hangs_together_with_its_neighbours() -> None:
    found = scan("a && b || c; d | e & f").commands
    assert [(each.before, each.after) for each in found] == [
        ("", "&&"),
        ("&&", "||"),
        ("||", ";"),
        (";", "|"),
        ("|", "&"),
        ("&", ""),
    ]


def test_every_command_of_a_pipeline_knows_its_stage() -> None:
    found = scan("a | { b; c; } | d").commands
    assert [[(pipe.stage, pipe.stages) for pipe in each.pipes] for each in found] == [
        [(0, 3)],
        [(1, 3)],
        [(1, 3)],
        [(2, 3)],
    ]
    assert len({(pipe.start, pipe.end) for each in found for pipe in each.pipes}) == 1


def test_pipelines_nest() -> None:
    found = scan("a | (b | c)").commands
    assert [[pipe.stage for pipe in each.pipes] for each in found] == [[0], [1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("a || true", [True, False]),
        ("a && b || :", [True, True, False]),
        ("{ a; b; } || echo oh", [True, True, False]),
        ("a | b || exit 0", [True, True, False]),
        ("a || exit 1", [False, False]),
        ("a || b", [False, False]),
        ("a &", [True]),
        ("a; b", [False, False]),
        ("a && true", [False, False]),
    ],
)
def test_a_failure_that_nobody_sees_is_told(text: str, ignored: list[bool]) -> None:
    assert [each.ignored for each in scan(text).commands] == ignored


def test_scopes_name_what_is_around_a_command() -> None:
    found = scan("f() { if a; then for x in b c; do d; done; fi; }").commands
    assert [[scope.kind for scope in each.scopes] for each in found] == [
        ["function", "group", "condition"],
        ["function", "group", "branch", "loop"],
    ]
    assert found[0].scopes[0].name == "f"
    loop = found[1].scopes[-1]
    assert loop.name == "x"
    assert [word.literal for word in loop.words or ()] == ["b", "c"]


def test_a_redirection_of_a_compound_command_reaches_its_commands() -> None:
    [inside] = scan("{ sh; } <<A\nb\nA").commands
    assert [each.operator for each in inside.outer] == ["<<"]
    assert inside.outer[0].body is not None


# A broken script, and commands that must be found all the same.
BROKEN = [
    ("echo 'abc\npip x", "pip"),
    ('echo "abc\npip x', "pip"),
    ("echo $'abc\npip x", "pip"),
    ("echo ${x\npip x", "pip"),
    ("echo `pip x", "pip"),
    ("echo $(pip x", "pip"),
    ("echo $((1 + $(pip x)", "pip"),
    ("( a; pip x", "pip"),
    ("{ a; pip x", "pip"),
    ("if a; then pip x", "pip"),
    ("if a; pip x", "pip"),
    ("while a; do pip x", "pip"),
    ("for x in a; pip x", "pip"),
    ("case x in a) pip x", "pip"),
    ("case x; pip x", "pip"),
    ("fi; pip x", "pip"),
    ("a ) ; pip x", "pip"),
    ("a;; pip x", "pip"),
    ("&& pip x", "pip"),
    ("a && && pip x", "pip"),
    ("a | | pip x", "pip"),
    ("a >\npip x", "pip"),
    ("[[ a == b; pip x", "pip"),
    ("(( a; pip x", "pip"),
    ("a=(b c; pip x", None),
    ("cat <<A\nb", "cat"),
    ("f() \n", None),
    ("function\npip x", "pip"),
    ("a ( b; pip x", "pip"),
    ("x[1 ; pip x", "pip"),
]


@pytest.mark.parametrize(("text", "name"), BROKEN, ids=[text for text, _ in BROKEN])
def test_a_broken_script_hides_nothing_behind_the_break(text: str, name: str | None) -> None:
    script = scan(text)
    if name is not None:
        assert name in {each.words[0].literal for each in script.commands if each.words}
    if text != "x[1 ; pip x":
        assert script.problems


MANY = 100_000
HOSTILE = {
    "a long word": "echo " + "a" * 10_000_000,
    "a long line": "a " * 5_000_000,
    "many commands": "a;" * 5_000_000,
    "double quotes": '"' * 10_000_001,
    "single quotes": "'" * 10_000_001,
    "backslashes": "\\" * 10_000_001,
    "backticks": "`" * 10_000_001,
    "new lines": "\n" * 10_000_000,
    "a long here-document": "cat <<E\n" + "a\n" * 5_000_000,
    "dollars": '"' + "$" * 10_000_000,
    "NULs": "\0" * 10_000_000,
    "NUL commands": "\0 ;\0" * MANY,
    "alternating quotes": "a 'b\n" * MANY + "'",
    "escaped backticks": "`" + "\\`" * MANY,
    "balanced parentheses": "(" * MANY + ")" * MANY,
    "balanced arithmetic": "((" * MANY + "))" * MANY,
    "a group ignored in a group": "{ a || true; " * 30 + "}" * 30,
    **{
        repr(opening): opening * MANY
        for opening in (
            *("(", "{ ", "$(", '"$(', "((", "(( ", "$((", "${x:-", "`", "`\\", "if ", "while a; do ", "case x in a) "),
            *("f() ", "function f ", "<(", "@(", "a=(", "a[", "$[", "${x[", "<<a ", "cat <<a\n", "! ", "time ", "[[ "),
            *("a|", "a&&", "(( a ) ", "$(( a ) ", "coproc ", "for x in a; do ", "fi ", "} ", "<<E <<F\n", "$'", '"\\'),
            *('`"', "a=", ">", "> a ", "&>", ")", ";;", "&", "|", "\\\n", "\r\n", "#\n", "f()(", "{a,", "a=(b)", "${"),
        )
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_bounded_time(name: str) -> None:
    with ends_soon():
        scan(HOSTILE[name])


@pytest.mark.parametrize("opening", ["(", "{ ", "$(", '"$(', "if ", "f() ", "${x:-", "<(", "coproc "])
def test_what_is_nested_too_deeply_is_a_problem_and_no_error(opening: str) -> None:
    problems = scan("a; " + opening * (MAXIMUM_DEPTH + 5) + "pip x").problems
    assert any("deep" in problem.message for problem in problems)


def test_what_people_nest_is_read() -> None:
    text = "a"
    for _ in range(8):
        text = f'if b; then c "$({{ e; }}; ( {text} ))"; fi'
    assert scan(text).problems == ()
