"""Dockerfiles as BuildKit reads them. The expected values of the tables were measured with BuildKit's own parser."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.dockerfile import parse_dockerfile
from poetry_gpu_build.documents.dockerfile import read_dockerfile
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.dockerfile import Dockerfile
    from poetry_gpu_build.documents.dockerfile import Instruction
    from poetry_gpu_build.documents.mapped import MappedText


def parse(text: str, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    return parse_dockerfile(Source(Path("Dockerfile"), text), build_args)


def only(text: str) -> Instruction:
    """The instruction behind a FROM."""
    return parse(f"FROM a\n{text}").instructions[1]


def arguments(instruction: Instruction) -> list[str]:
    return [argument.text for argument in instruction.arguments]


def at(dockerfile: Dockerfile, text: MappedText, index: int) -> str:
    """Where a character of a part stands, as a reader would write it."""
    position = dockerfile.position(text.original_offset(index))
    return f"{position.line}:{position.column}"


def messages(text: str) -> list[str]:
    return [f"{p.position.line}:{p.position.column} {p.message}" for p in parse(text).problems]


# --- lines -----------------------------------------------------------------------------------------------------------

LOGICAL_LINES = {
    "one line": ("RUN a", ["RUN a"]),
    "joined without a space of its own": ("RUN a\\\nb", ["RUN ab"]),
    "the next line's indentation stays": ("RUN a \\\n   b", ["RUN a    b"]),
    "blanks behind the escape": ("RUN a \\ \t\nb", ["RUN a b"]),
    "an escaped escape continues nothing": ("ENV A b\\\\\nENV C d", ["ENV A b\\\\", "ENV C d"]),
    "three escapes continue nothing either": ("ENV A b\\\\\\\nENV C d", ["ENV A b\\\\\\", "ENV C d"]),
    "an escape alone on a line": ("RUN a \\\n\\\n b", ["RUN a  b"]),
    "an escape alone with blanks": ("RUN a \\\n \\\n b", ["RUN a   b"]),
    "an escape on the first line alone": ("\\\nRUN a", ["RUN a"]),
    "an escape at the end of the file": ("RUN a \\", ["RUN a "]),
    "a comment in between is dropped": ("RUN a \\\n  # c \\\n b", ["RUN a  b"]),
    "a comment behind the last continuation": ("RUN a \\\n# c", ["RUN a "]),
    "an empty line in between is dropped": ("RUN a \\\n\n  \t\n b", ["RUN a  b"]),
    "a hash inside a line is no comment": ("RUN a # b", ["RUN a # b"]),
    "indented instructions": ("  RUN a\n\tRUN b", ["RUN a", "RUN b"]),
    "CRLF": ("RUN a \\\r\n b\r\nRUN c\r\n", ["RUN a  b", "RUN c"]),
    "a lone CR ends no line": ("RUN a\rRUN b", ["RUN a\rRUN b"]),
    "several CR at the end": ("RUN a\r\r\nRUN b", ["RUN a", "RUN b"]),
    "a form feed before the instruction": ("\fRUN a", ["RUN a"]),
    "the end of a file without a line end": ("RUN a\nRUN b", ["RUN a", "RUN b"]),
    "space behind the last character stays in the line": ("RUN a  ", ["RUN a  "]),
}


@pytest.mark.parametrize(("text", "expected"), LOGICAL_LINES.values(), ids=LOGICAL_LINES.keys())
def test_physical_lines_become_logical_ones(text: str, expected: list[str]) -> None:
    assert [instruction.text.text for instruction in parse(text).instructions] == expected


def test_lines_are_counted_as_buildkit_counts_them() -> None:
    text = "# c\nFROM a\n\nRUN a \\\n  # c\n  b\nRUN <<EOF\nx\nEOF\nCMD c"
    lines = [(i.keyword, i.line, i.last_line) for i in parse(text).instructions]
    assert lines == [("FROM", 2, 2), ("RUN", 4, 6), ("RUN", 7, 9), ("CMD", 10, 10)]


def test_a_byte_order_mark_is_no_part_of_the_first_instruction() -> None:
    dockerfile = parse("\ufeffFROM a")
    assert dockerfile.instructions[0].keyword == "FROM"
    assert dockerfile.instructions[0].offset == 1


def test_every_character_of_a_joined_line_knows_its_place() -> None:
    dockerfile = parse("FROM a\nRUN one \\\n  # comment\n  && two \\\r\n\n    && three")
    body = dockerfile.instructions[1].body
    assert body is not None
    assert body.text == "one   && two     && three"
    places = [at(dockerfile, body, body.text.index(word)) for word in ("one", "two", "three")]
    assert places == ["2:5", "4:6", "6:8"]


def test_a_slice_ends_behind_its_own_last_character_and_not_at_the_next_line() -> None:
    body = parse("FROM a\nRUN one \\\n two").instructions[1].body
    assert body is not None
    one = body.slice(0, 4)
    assert (one.text, one.end) == ("one ", 15)


def test_an_instruction_spans_from_its_keyword_to_the_end_of_its_last_line() -> None:
    dockerfile = parse("FROM a\n  RUN x \\\r\n y\r\nCMD z")
    run = dockerfile.instructions[1]
    assert dockerfile.source.text[run.offset : run.end] == "RUN x \\\r\n y"


# --- directives and comments -----------------------------------------------------------------------------------------

DIRECTIVES = {
    "all three": ("# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\nFROM a", ["syntax", "check", "escape"]),
    "spaces and capitals": ("  #  EsCape =  ` \nFROM a", ["escape"]),
    "no space": ("#escape=`\nFROM a", ["escape"]),
    "not behind a comment": ("# hello\n# escape=`\nFROM a", []),
    "not behind an empty line": ("\n# escape=`\nFROM a", []),
    "not behind an unknown one": ("# colour=red\n# escape=`\nFROM a", []),
    "not behind an instruction": ("FROM a\n# escape=`", []),
    "not without a value": ("# escape=\nFROM a", []),
}


@pytest.mark.parametrize(("text", "names"), DIRECTIVES.values(), ids=DIRECTIVES.keys())
def test_parser_directives_stand_first(text: str, names: list[str]) -> None:
    assert [directive.name for directive in parse(text).directives] == names


def test_the_escape_directive_changes_continuation_and_quoting() -> None:
    dockerfile = parse("# escape=`\nFROM a\nRUN dir c:\\ `\n  b\nENV A=x` y\\ B=z")
    assert dockerfile.escape == "`"
    assert dockerfile.instructions[1].text.text == "RUN dir c:\\   b"
    assert arguments(dockerfile.instructions[2]) == ["A=x` y\\", "B=z"]


def test_a_wrong_directive_is_reported_and_the_rest_is_read() -> None:
    assert messages("# escape=x\nFROM a") == ["1:10 the escape must be \\ or `, not 'x'"]
    assert messages("# syntax=a\n# syntax=b\nFROM a") == ["2:1 the parser directive 'syntax' is given twice"]


def test_comments_are_kept_with_their_instruction_and_their_place() -> None:
    dockerfile = parse("# syntax=x\nFROM a\n# one\n\n  # gpu-build: ignore[GPU101] why\nRUN a \\\n # two\n b\n# last")
    run = dockerfile.instructions[1]
    assert [(c.text, str(dockerfile.position(c.offset))) for c in run.comments] == [
        ("# one", "Dockerfile:3:1"),
        ("# gpu-build: ignore[GPU101] why", "Dockerfile:5:3"),
        ("# two", "Dockerfile:7:2"),
    ]
    assert [comment.text for comment in dockerfile.comments][-1] == "# last"


# --- arguments -------------------------------------------------------------------------------------------------------

ARGUMENTS = {
    "the keyword in any case": ("cOpY a b", ["a", "b"]),
    "words of COPY": ("COPY  a\t b   c", ["a", "b", "c"]),
    "quotes do not hold words of COPY together": ('COPY "a b" c', ['"a', 'b"', "c"]),
    "a shell form is one argument": ('RUN a   "b c"  ', ['a   "b c"']),
    "a WORKDIR is one argument": ("WORKDIR /a b/c", ["/a b/c"]),
    "EXPOSE": ("EXPOSE 80 443/tcp", ["80", "443/tcp"]),
    "ENV, one pair": ("ENV A=b", ["A=b"]),
    "ENV, old form": ("ENV A b  c", ["A", "b  c"]),
    "ENV, old form with an equals sign in the value": ("ENV A b=c", ["A", "b=c"]),
    "ENV, quotes hold together": ("ENV A=\"b c\" D='e f'", ['A="b c"', "D='e f'"]),
    "ENV, escapes hold together": ("ENV A=b\\ c D=e", ["A=b\\ c", "D=e"]),
    "ENV, an escaped quote": ('ENV A="b\\"c" D=e', ['A="b\\"c"', "D=e"]),
    "ENV, no escape in single quotes": ("ENV A='b\\' C=d", ["A='b\\'", "C=d"]),
    "ENV, an open quote goes to the end": ('ENV A="b C=d', ['A="b C=d']),
    "ENV, an escape at the end is dropped": ("ENV A=b C=d \\", ["A=b", "C=d"]),
    "ARG": ('ARG A B=c D="e f"', ["A", "B=c", 'D="e f"']),
    "FROM": ("FROM --platform=$P b AS c", ["b", "AS", "c"]),
    "LABEL": ("LABEL a.b=c d e=f", ["a.b=c", "d", "e=f"]),
    "HEALTHCHECK": ("HEALTHCHECK --interval=5s CMD a  b", ["CMD", "a  b"]),
    "an unknown instruction": ("FROBNICATE a b", []),
    "no arguments": ("RUN", []),
    "a vertical tab parts words": ("COPY a\vb", ["a", "b"]),
    "a no-break space parts no words of COPY": ("COPY a\xa0b c", ["a\xa0b", "c"]),
    "a no-break space parts words of ENV": ("ENV A=b\xa0C=d", ["A=b", "C=d"]),
}


@pytest.mark.parametrize(("text", "expected"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_are_taken_apart(text: str, expected: list[str]) -> None:
    assert arguments(only(text)) == expected


JSON_FORMS = {
    "strings": ('CMD ["a", "b c"]', True, ["a", "b c"]),
    "empty": ("CMD []", True, []),
    "an empty string": ('CMD [""]', True, [""]),
    "spaces everywhere": ('CMD\t[\t"a"\t,\t"b"\t]\t', True, ["a", "b"]),
    "escapes": ('CMD ["\\" \\\\ \\/ \\b\\f\\n\\r\\t"]', True, ['" \\ / \b\f\n\r\t']),
    "unicode": ('CMD ["\\u00e9", "\\ud83d\\ude00", "☃"]', True, ["é", "😀", "☃"]),
    "half a pair": ('CMD ["\\ud83dx\\ude00"]', True, ["\ufffdx\ufffd"]),
    "a NUL": ('CMD ["\\u0000"]', True, ["\0"]),
    "single quotes": ("CMD ['a']", False, ["['a']"]),
    "an open bracket": ('CMD ["a"', False, ['["a"']),
    "an open string": ('CMD ["a]', False, ['["a]']),
    "more behind it": ('RUN ["a"] b', False, ['["a"] b']),
    "a comma too many": ('RUN ["a",]', False, ['["a",]']),
    "a test command": ("RUN [ -f x ] && y", False, ["[ -f x ] && y"]),
    "a wrong escape": ('RUN ["\\x"]', False, ['["\\x"]']),
    "a control character": ('RUN ["a\tb"]', False, ['["a\tb"]']),
    "NaN is no JSON": ("RUN [NaN]", False, ["[NaN]"]),
    "a string with JSON in it": ('CMD "[\\"a\\"]"', False, ['"[\\"a\\"]"']),
    "COPY": ('COPY ["a b", "c"]', True, ["a b", "c"]),
    "COPY, not JSON": ("COPY [a] b", False, ["[a]", "b"]),
    "VOLUME": ('VOLUME ["/a", "/b"]', True, ["/a", "/b"]),
    "SHELL": ('SHELL ["/bin/bash", "-c"]', True, ["/bin/bash", "-c"]),
    "HEALTHCHECK": ('HEALTHCHECK CMD ["a"]', True, ["CMD", "a"]),
    "behind flags": ('RUN --network=none ["a"]', True, ["a"]),
}


@pytest.mark.parametrize(("text", "is_json", "expected"), JSON_FORMS.values(), ids=JSON_FORMS.keys())
def test_the_json_form_is_an_array_of_strings_and_nothing_else(text: str, is_json: bool, expected: list[str]) -> None:
    instruction = only(text)
    assert (instruction.is_json, arguments(instruction)) == (is_json, expected)
    if is_json:
        assert instruction.body is None


@pytest.mark.parametrize("array", ["[1]", '["a", 1]', '["a", ["b"]]', "[{}]", "[null]", "[true]", "[-1.5e3]"])
def test_an_array_of_something_else_is_refused(array: str) -> None:
    assert messages(f"FROM a\nRUN {array}") == ["2:5 the JSON form holds strings only"]


def test_the_strings_of_the_json_form_know_their_places() -> None:
    dockerfile = parse('FROM a\nRUN ["bash", \\\n  "-c", "x\\ty\\u00e9z"]')
    script = dockerfile.instructions[1].arguments[2]
    assert script.text == "x\tyéz"
    assert [at(dockerfile, script, i) for i in range(5)] == ["3:10", "3:11", "3:13", "3:14", "3:20"]


FLAGS = {
    "none": ("COPY a b", [], ["a", "b"]),
    "several": ("COPY --link --from=x a b", [("link", None), ("from", "x")], ["a", "b"]),
    "quotes go": ("RUN --mount='type=cache,target=/a b' x", [("mount", "type=cache,target=/a b")], ["x"]),
    "escapes go": ('RUN --mount="a\\"b"c\\ d x', [("mount", 'a"bc d')], ["x"]),
    "two dashes end them": ("COPY --link -- --from a", [("link", None)], ["--from", "a"]),
    "only before the arguments": ("COPY a --link b", [], ["a", "--link", "b"]),
    "a single dash is none": ("RUN -x", [], ["-x"]),
    "over continued lines": ("RUN --mount=a \\\n  --mount=b \\\n  x", [("mount", "a"), ("mount", "b")], ["x"]),
    "an open quote": ('RUN --mount="a b', [("mount", "a b")], []),
}


@pytest.mark.parametrize(("text", "flags", "rest"), FLAGS.values(), ids=FLAGS.keys())
def test_flags_stand_before_the_arguments(text: str, flags: list[tuple[str, str | None]], rest: list[str]) -> None:
    instruction = only(text)
    assert [(f.name, f.value.text if f.value is not None else None) for f in instruction.flags] == flags
    assert arguments(instruction) == rest


def test_flags_know_their_places() -> None:
    dockerfile = parse("FROM a\nRUN \\\n  --mount=type=bind,\\\nsource=x y")
    flag = dockerfile.instructions[1].flag("mount")
    assert flag is not None
    assert flag.value is not None
    assert str(dockerfile.position(flag.offset)) == "Dockerfile:3:3"
    assert at(dockerfile, flag.value, flag.value.text.index("source")) == "4:1"


def test_mounts_are_taken_apart_with_the_variables_of_their_place() -> None:
    text = (
        "FROM a\nARG D=/cache\nRUN --mount=type=cache,id=p,dst=$D/x,ro --mount=src=p,target=/p --mount=type=tmpfs,$X x"
    )
    first, second, third = parse(text).instructions[2].mounts()
    assert (first.type, first.id, first.target, first.options["readonly"]) == ("cache", "p", "/cache/x", "true")
    assert (second.type, second.source, second.target, second.error) == ("bind", "p", "/p", "")
    assert third.error == "a mount has no option '$X'"


# --- heredocs --------------------------------------------------------------------------------------------------------

# The instruction's lines; then of each heredoc: name, expand, tabs stripped, file descriptor, content.
HEREDOCS = {
    "empty": ("RUN <<E\nE", [("E", True, False, 0, "")]),
    "content as it stands": ("RUN <<E\n\ta\n# b\n  E\nE", [("E", True, False, 0, "\ta\n# b\n  E\n")]),
    "tabs before the closing name": ("RUN <<-E\n\ta\n\tE", [("E", True, True, 0, "\ta\n")]),
    "a file descriptor": ("RUN 3<<E\nE", [("E", True, False, 3, "")]),
    "single quotes": ("RUN <<'E'\n$x\nE", [("E", False, False, 0, "$x\n")]),
    "double quotes": ('RUN <<"E"\nE', [("E", False, False, 0, "")]),
    "a quoted part": ("RUN <<E'O'F\nEOF", [("EOF", False, False, 0, "")]),
    "an escaped quote is no quote": ("RUN <<E\\'F\nE'F", [("E'F", True, False, 0, "")]),
    "a name with a space": ("RUN <<'a b'\nx\na b", [("a b", False, False, 0, "x\n")]),
    "a blank before the name": ("RUN <<  E > f\nE", [("E", True, False, 0, "")]),
    "a variable stays": ("RUN <<$E\n$E", [("$E", True, False, 0, "")]),
    "two": ("COPY <<A <<B /d\n1\nA\n2\nB", [("A", True, False, 0, "1\n"), ("B", True, False, 0, "2\n")]),
    "two, crossed": ("COPY <<A <<B /d\nB\nA\nA\nB", [("A", True, False, 0, "B\n"), ("B", True, False, 0, "A\n")]),
    "a file name": ("ADD <<f.txt /d\nx\nf.txt", [("f.txt", True, False, 0, "x\n")]),
    "behind flags": ("RUN --mount=target=/x <<E\nE", [("E", True, False, 0, "")]),
    "on a continued line": ("RUN cat \\\n  <<E\nx\nE", [("E", True, False, 0, "x\n")]),
    "under ONBUILD": ("ONBUILD RUN <<E\nx\nE", [("E", True, False, 0, "x\n")]),
    "CRLF": ("RUN <<E\r\nx\r\nE\r\n", [("E", True, False, 0, "x\r\n")]),
    "at the end of a word": ("RUN a<<E", []),
    "in quotes": ("RUN '<<E'", []),
    "a here-string": ("RUN a <<< b", []),
    "a blank behind the dash": ("RUN <<- E", []),
    "an open quote in the line": ("RUN it's <<E", []),
    "of another instruction": ("CMD <<E", []),
    "in JSON form": ('RUN ["<<E"]', []),
    "the escape directive does not count here": ("RUN a \\<<E", []),
}


@pytest.mark.parametrize(("text", "expected"), HEREDOCS.values(), ids=HEREDOCS.keys())
def test_heredocs(text: str, expected: list[tuple[str, bool, bool, int, str]]) -> None:
    dockerfile = parse(f"FROM a\n{text}\nUSER last")
    found = dockerfile.instructions[1].heredocs
    assert [(h.name, h.expand, h.strip_tabs, h.file_descriptor, h.content.text) for h in found] == expected
    assert dockerfile.instructions[-1].keyword == "USER"


def test_a_heredoc_alone_is_the_script() -> None:
    dockerfile = parse("FROM a\nRUN <<EOF\npip install x\nEOF")
    body = dockerfile.instructions[1].body
    assert body is not None
    assert (body.text, at(dockerfile, body, 4)) == ("pip install x\n", "3:5")


def test_the_tabs_of_a_script_are_gone_and_its_places_are_right() -> None:
    dockerfile = parse("FROM a\nRUN <<-EOF\n\t\tone\n\ttwo\n\tEOF")
    body = dockerfile.instructions[1].body
    assert body is not None
    assert body.text == "one\ntwo\n"
    assert [at(dockerfile, body, body.text.index(word)) for word in ("one", "two")] == ["3:3", "4:2"]


def test_a_script_with_a_shebang_is_not_read_by_the_shell() -> None:
    run = only("RUN <<EOF\n#!/usr/bin/env python3\nprint()\nEOF")
    assert run.shebang == "#!/usr/bin/env python3"
    assert only("RUN <<EOF\necho\n#!/bin/sh\nEOF").shebang == ""


def test_a_heredoc_fed_to_a_command_is_put_behind_its_line() -> None:
    dockerfile = parse("FROM a\nRUN cat <<A - <<-B | sh\none\nA\n\ttwo\n\tB\nCMD x")
    body = dockerfile.instructions[1].body
    assert body is not None
    assert body.text == "cat <<A - <<-B | sh\none\nA\n\ttwo\nB"
    assert [at(dockerfile, body, body.text.index(word)) for word in ("one", "two")] == ["3:1", "5:2"]
    assert at(dockerfile, body, len(body.text) - 1) == "6:2"


def test_the_trigger_of_an_onbuild_is_an_instruction() -> None:
    trigger = only("ONBUILD RUN --network=none pip install x").trigger
    assert trigger is not None
    assert (trigger.keyword, trigger.flag_value("network")) == ("RUN", "none")
    assert trigger.body is not None
    assert (trigger.body.text, trigger.body.offset) == ("pip install x", 34)


# --- stages and variables --------------------------------------------------------------------------------------------


def test_stages_and_their_parents() -> None:
    dockerfile = parse("FROM a AS Base\nRUN x\nFROM base\nRUN y\nFROM Base AS other")
    assert [(s.number, s.name, s.base.text, len(s.instructions)) for s in dockerfile.stages] == [
        (0, "base", "a", 2),
        (1, "", "base", 2),
        (2, "other", "Base", 1),
    ]
    assert dockerfile.stages[1].parent is dockerfile.stages[0]
    assert dockerfile.stages[2].parent is None, "BuildKit looks a base up as it is written, in small letters it is kept"
    assert [stage.name for stage in dockerfile.stages[1].ancestry] == ["", "base"]
    assert dockerfile.stage_of(dockerfile.instructions[3]) is dockerfile.stages[1]


def test_a_stage_is_referred_to_by_name_in_any_case_or_by_number() -> None:
    dockerfile = parse("FROM a AS one\nFROM b AS two")
    assert dockerfile.stage("ONE") is dockerfile.stages[0]
    assert dockerfile.stage("1") is dockerfile.stages[1]
    assert dockerfile.stage("2") is None
    assert dockerfile.stage("9" * 10_000) is None
    assert dockerfile.stage("busybox:latest") is None


def test_global_args_go_into_the_base_image_only() -> None:
    text = "ARG V=12.8\nARG IMAGE=cuda:${V%.*}\nFROM ${IMAGE}-devel\nENV A=$V\nARG V\nENV B=$V"
    dockerfile = parse(text)
    assert dockerfile.stages[0].base_image.value == "cuda:12-devel"
    a, b = (dockerfile.instructions[index].assignments[0] for index in (3, 5))
    assert (a.value, a.is_known) == ("", False)
    assert (b.value, b.is_known) == ("12.8", True)


def test_build_args_beat_defaults() -> None:
    text = "ARG I=a\nFROM $I\nARG I\nARG X=1\nARG Y\nENV E=$I$X$Y"
    dockerfile = parse(text, {"I": "b", "X": "2", "Y": "3"})
    assert dockerfile.stages[0].base_image.value == "b"
    assert dockerfile.instructions[-1].assignments[0].value == "b23"


def test_an_unknown_variable_of_the_base_image_is_named() -> None:
    dockerfile = parse("FROM a\nENV PATH=/opt/bin:$PATH\nWORKDIR $PATH/x\nENV Q=$PATH")
    assignment = dockerfile.instructions[1].assignments[0]
    assert (assignment.value, assignment.unknown) == ("/opt/bin:", ("PATH",))
    assert dockerfile.instructions[3].assignments[0].unknown == ("PATH",)
    assert dockerfile.instructions[3].working_directory is None


ENVIRONMENTS = {
    "ENV counts from the next instruction on": ("ENV A=1\nENV A=2 B=$A", {"A": "2", "B": "1"}),
    "ARG counts at once": ("ARG A=1 B=$A", {"A": "1", "B": "1"}),
    "an ARG behind an ENV wins": ("ENV A=1\nARG A=2", {"A": "2"}),
    "an ARG without a value changes nothing": ("ENV A=1\nARG A", {"A": "1"}),
    "old form": ("ENV A b c", {"A": "b c"}),
    "quotes go": ("ENV A=\"b c\" D='$A' E=x\\ y", {"A": "b c", "D": "$A", "E": "x y"}),
    "a name may be a variable": ("ENV N=X\nENV $N=1", {"N": "X", "X": "1"}),
}


@pytest.mark.parametrize(("text", "expected"), ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_what_holds_at_the_end_of_a_stage(text: str, expected: dict[str, str]) -> None:
    environment = parse(f"FROM a\n{text}\nRUN x").instructions[-1].environment
    assert {name: variable.value for name, variable in environment.variables().items()} == expected


def test_a_stage_inherits_what_its_parent_stage_had_at_its_end() -> None:
    text = dedent("""\
        FROM scratch AS base
        ARG A=1
        ENV B=2
        WORKDIR /w
        SHELL ["/bin/bash", "-c"]
        FROM base
        WORKDIR x
        RUN env
        FROM other
        RUN env
        """)
    *_, inherited, _, alone = parse(text).instructions
    assert (inherited.environment.get("A"), inherited.environment.get("B")) == ("1", "2")
    assert (inherited.working_directory, inherited.shell) == ("/w/x", ("/bin/bash", "-c"))
    assert (alone.environment.get("A"), alone.working_directory, alone.shell) == (None, None, ("/bin/sh", "-c"))


def test_arguments_are_expanded_where_they_stand() -> None:
    copy = parse("FROM a\nARG F=poetry.lock\nCOPY --from=b $F ./\nARG F=x").instructions[2]
    assert [copy.expand(source).value for source in copy.sources] == ["poetry.lock"]
    assert copy.destination is not None
    assert (copy.destination.text, copy.flag_value("from")) == ("./", "b")


# --- mistakes --------------------------------------------------------------------------------------------------------

REFUSED = {
    "FROBNICATE x": "2:1 there is no instruction 'FROBNICATE'",
    "ENV A": "2:5 ENV needs a name and a value",
    "ENV A=b c": "2:9 ENV takes NAME=value; 'c' has no '='",
    "ENV =b": "2:5 ENV needs a name before the '='",
    "ENV": "2:1 ENV needs at least one argument",
    "ARG": "2:1 ARG needs at least one argument",
    "ARG =x": "2:5 ARG needs a name before the '='",
    "COPY a": "2:1 COPY needs a source and a destination",
    "COPY a <<E\nE": "2:8 COPY needs a path as its destination, not a heredoc",
    "COPY --frm=a b c": "2:6 COPY has no flag --frm",
    "COPY --link=maybe b c": "2:6 the flag --link is true or false",
    "COPY --chown b c": "2:6 the flag --chown needs a value",
    "COPY --from=a --from=b b c": "2:15 the flag --from is given twice",
    "RUN --network=lan x": "2:5 --network is one of default, none, host",
    "RUN --mount=from=$X x": "2:5 a mount's from takes no variable: name a stage that is FROM the variable's image",
    "CMD --x y": "2:5 CMD has no flag --x",
    "WORKDIR": "2:1 WORKDIR needs an argument",
    "SHELL bash -c": '2:1 SHELL needs the JSON form: SHELL ["/bin/bash", "-c"]',
    "VOLUME []": "2:1 VOLUME needs at least one argument",
    'VOLUME [""]': "2:10 a VOLUME must not be empty",
    "HEALTHCHECK": "2:1 HEALTHCHECK needs at least one argument",
    "HEALTHCHECK CMD": "2:13 HEALTHCHECK CMD needs a command",
    "HEALTHCHECK PING x": "2:13 HEALTHCHECK is followed by CMD or NONE, not by 'PING'",
    "HEALTHCHECK NONE x": "2:18 HEALTHCHECK NONE takes no arguments",
    "HEALTHCHECK --interval=5 CMD x": "2:13 --interval is a time such as 30s or 1m30s, a millisecond at least",
    "ONBUILD ONBUILD RUN x": "2:9 ONBUILD cannot be a trigger of ONBUILD",
    "ONBUILD ENV A": "2:13 ENV needs a name and a value",
    "ONBUILD FROM x": "2:9 FROM cannot be a trigger of ONBUILD",
    "FROM": "2:1 FROM needs an image, or an image and `AS name`",
    "FROM a b": "2:1 FROM needs an image, or an image and `AS name`",
    "FROM a AS 1st": "2:11 '1st' is no name of a stage: a letter, then letters, digits, - _ and .",
    "ENV A='b": "2:7 a single quote is not closed",
    "ENV A=${b": "2:7 the '}' that ends a substitution is missing",
    "RUN <<E\nx": "2:5 the heredoc has no closing line 'E'",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=[text.partition("\n")[0] for text in REFUSED])
def test_what_buildkit_refuses_is_a_problem_at_its_place(text: str, message: str) -> None:
    problems = parse(f"FROM a\n{text}").problems
    assert message in [f"{p.position.line}:{p.position.column} {p.message}" for p in problems if p.fatal]


@pytest.mark.parametrize("text", REFUSED, ids=[text.partition("\n")[0] for text in REFUSED])
def test_a_broken_instruction_hides_nothing_behind_it(text: str) -> None:
    last = parse(f"FROM a\n{text}\nRUN last").instructions[-1]
    assert last.body is not None
    assert last.body.text == "last"


ACCEPTED = [
    "RUN",
    "CMD",
    "ENTRYPOINT []",
    "HEALTHCHECK --interval=1h2m3.5s --retries=3 CMD x",
    "HEALTHCHECK --unknown NONE",
    "ARG --anything A",
    "COPY --link --parents --exclude=a --exclude=b --chmod=755 a b",
    "ADD --checksum=sha256:x --keep-git-dir=false --unpack a b",
    "RUN --security=insecure --device=nvidia.com/gpu x",
    "FROM --platform=$BUILDPLATFORM a AS b.c-d_e",
    "MAINTAINER a",
    "STOPSIGNAL 9",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_buildkit_accepts_is_no_problem(text: str) -> None:
    assert messages(f"FROM a\n{text}") == []


def test_problems_of_the_whole_file() -> None:
    assert messages("") == ["0:0 the Dockerfile has no instructions"]
    assert messages("# only\n\n# comments\n") == ["0:0 the Dockerfile has no instructions"]
    assert messages("ARG A=1") == ["0:0 the Dockerfile has no FROM, so there is nothing to build"]
    assert messages("RUN x\nFROM a") == ["1:1 RUN stands before the first FROM, where only ARG may"]
    assert messages("ARG B\nFROM ${B:+x}") == ["2:6 the image's name is empty"]


def test_an_empty_continuation_line_is_a_warning() -> None:
    (problem,) = parse("FROM a\nRUN x \\\n\n  y").problems
    assert (problem.position.line, problem.fatal) == (3, False)


def test_reading_goes_on_behind_a_heredoc_without_end() -> None:
    dockerfile = parse("FROM a\nRUN <<EOF\npip install x\n\nCOPY a b\nRUN y")
    assert [instruction.keyword for instruction in dockerfile.instructions] == ["FROM", "RUN", "COPY", "RUN"]
    assert dockerfile.instructions[1].heredocs[0].content.text == "pip install x\n\n"


def test_a_file_that_cannot_be_read_is_an_error_with_its_place(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ConfigurationError) as raised:
            read_dockerfile(path)
        assert raised.value.where is not None
        assert raised.value.where.path == path


def test_a_file_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    raw = b"\xef\xbb\xbfFROM a\r\nRUN echo \xff\xfe\r\n"
    path.write_bytes(raw)
    dockerfile = read_dockerfile(path)
    assert dockerfile.source.text.encode("utf-8", "surrogateescape") == raw
    assert [(str(p.message), p.fatal) for p in dockerfile.problems] == [("the file is not UTF-8", False)]
