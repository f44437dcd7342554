from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.documents import toml
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError

from ..builders import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

Key = tuple["str | int", ...]

FILE = Path("x.toml")
REAL_FILES = [ROOT / "pyproject.toml", ROOT / "poetry.toml", *sorted((ROOT / "policies").rglob("*.toml"))]

TQ = '"' * 3
TA = "'" * 3


def place(text: str, *key: str | int) -> tuple[int, int]:
    """Line and column of a key."""
    found = parse_toml(text, FILE).locate(*key)
    return found.line, found.column


# --- where keys stand


@pytest.mark.parametrize(
    ("text", "key", "line", "column"),
    [
        ("a = 1", ("a",), 1, 1),
        ("# a = 0\n\n  a = 1", ("a",), 3, 3),
        ("a.b.c = 1", ("a", "b", "c"), 1, 5),
        ("a . b = 1", ("a", "b"), 1, 5),
        ("a.b = 1\na.c = 2", ("a",), 1, 1),
        ("[t]\na = 1", ("t", "a"), 2, 1),
        ("[ t . u ]\na = 1", ("t", "u", "a"), 2, 1),
        ("[t]\n[t.u]\na = 1", ("t", "u"), 2, 1),
        ('"a b" = 1', ("a b",), 1, 1),
        ('"a.b"."c\\"d" = 1', ("a.b", 'c"d'), 1, 7),
        ("'a\\b' = 1", ("a\\b",), 1, 1),
        ('"" = 1', ("",), 1, 1),
        ('["x]y"]\na = 1', ("x]y", "a"), 2, 1),
        ("a = {b = 1, c = {d = 2}}", ("a", "c", "d"), 1, 18),
        ("a = {b.c = 1}", ("a", "b", "c"), 1, 8),
        ("a = [1, 2, 3]", ("a", 2), 1, 12),
        ("a = [\n  1, # one\n  2,\n]\nb = 3", ("a", 1), 3, 3),
        ("a = [\n  1, # ]\n]\nb = 3", ("b",), 4, 1),
        ("a = [[1, 2], [3]]", ("a", 1, 0), 1, 15),
        ("a = [{b = 1}, {b = 2}]", ("a", 1, "b"), 1, 16),
        ("[[t]]\na = 1\n[[t]]\na = 2", ("t", 1, "a"), 4, 1),
        ("[[t]]\n[[t.u]]\na = 1\n[[t.u]]\na = 2\n[[t]]\n[[t.u]]\na = 3", ("t", 1, "u", 0, "a"), 8, 1),
        ("[[t]]\n[[t]]\n[t.u]\na = 1", ("t", 1, "u", "a"), 4, 1),
        ("[[t]]\n[t.u.v]\na = 1", ("t", 0, "u", "v", "a"), 3, 1),
        ("-0_x = 1\n1234 = 2", ("1234",), 2, 1),
        ("a = 1979-05-27 07:32:00\nb = 1", ("b",), 2, 1),
        ("a = [1979-05-27 07:32:00, 2]\nb = 1", ("a", 1), 1, 27),
        ("a = +inf\nb = -nan\nc = 0xDEAD_BEEF\nd = 1e-3", ("d",), 4, 1),
    ],
)
def test_a_key_is_located(text: str, key: Key, line: int, column: int) -> None:
    assert place(text, *key) == (line, column)


@pytest.mark.parametrize(
    "value",
    [
        '"a = 1 # [x] {"',
        "'a = 1 # [x] \\'",
        '"\\" = \\\\"',
        '"\\\\"',
        f"{TQ}\nb = 9\n[c]\n# x\n\\{TQ[0]}{TQ[:2]}x{TQ}",
        f"{TA}\nb = 9\n]]\n{TA[:2]}x\\{TA}",
        f"{TQ}x{TQ}{TQ[:2]}",
        f"{TA}x{TA}{TA[:2]}",
        f"{TQ}{TQ}",
        f"{TA}{TA}",
        '""',
        "''",
        f"[ {TQ} ] {TQ}, ']', \"}}\" ]",
        "{ x = ']', y = \"}\", z = [ '#' ] }",
        f"{TQ}line \\\n   continued{TQ}",
    ],
)
def test_what_stands_in_a_value_is_no_key(value: str) -> None:
    text = f"a = {value}\nb = 1\n"
    assert place(text, "b") == (text.count("\n"), 1)


def test_a_table_stands_at_its_own_header_wherever_it_is_first_named() -> None:
    assert place("[t.u]\na = 1\n[t]\nb = 2", "t") == (3, 1)


def test_a_table_without_a_header_stands_where_it_is_first_named() -> None:
    assert place("[tool.gpu-build.modes.binary]\nfloor = '6.0'", "tool", "gpu-build", "modes") == (1, 17)


def test_an_array_of_tables_stands_where_it_is_first_named() -> None:
    assert place("a = 1\n[[t]]\n[[t]]", "t") == (2, 3)


def test_a_key_that_is_not_there_has_the_place_of_the_nearest_around_it() -> None:
    assert place("[t]\n[t.u]\na = 1", "t", "u", "nothing", "below") == (2, 1)


def test_a_key_of_which_nothing_is_there_has_the_place_of_the_file() -> None:
    assert parse_toml("a = 1", FILE).locate("b", "c") == Position(FILE)


def test_windows_line_ends_count_as_one() -> None:
    assert place("a = 1\r\n\r\n[t]\r\nb = 2\r\n", "t", "b") == (4, 1)


def test_a_byte_order_mark_is_no_column(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\n")
    document = read_toml(file)
    assert document.data == {"a": 1}
    assert document.locate("a") == Position(file, 1, 1)


def test_an_empty_file_is_a_document(tmp_path: Path) -> None:
    tmp_path.joinpath("x.toml").write_bytes(b"")
    assert read_toml(tmp_path / "x.toml").data == {}


def test_a_file_without_a_last_line_end_is_a_document() -> None:
    assert place("a = 1\n[t] # end", "t") == (2, 1)


def keys_of(value: Any, above: Key = ()) -> Iterator[Key]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield (*above, part)
        yield from keys_of(inner, (*above, part))


@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.name)
def test_every_key_of_a_real_file_is_located_on_a_line_that_holds_it(path: Path) -> None:
    document = read_toml(path)
    lines = document.text.split("\n")
    for key in keys_of(document.data):
        found = document.locate(*key)
        named = [part for part in key if isinstance(part, str)][-1]
        rest = lines[found.line - 1][found.column - 1 :]
        if isinstance(key[-1], str):
            # The key itself, quoted or not, or the header of its table.
            assert rest.lstrip("\"'[ ").startswith(named) or (rest.startswith("[") and named in rest), key
        elif rest.startswith("[["):
            assert named in rest, key
        else:
            assert rest.startswith(('"', "'", "{", "[")) or rest[0].isdigit(), key


@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.name)
def test_the_elements_of_every_array_of_a_real_file_stand_one_after_the_other(path: Path) -> None:
    document = read_toml(path)
    places: dict[Key, list[tuple[int, int]]] = {}
    for key in keys_of(document.data):
        if isinstance(key[-1], int):
            found = document.locate(*key)
            places.setdefault(key[:-1], []).append((found.line, found.column))
    for array, found_places in places.items():
        assert found_places == sorted(set(found_places)), array


def test_every_place_of_a_large_lock_comes_from_one_walk_over_it() -> None:
    package = '[[package]]\nname = "p"\nfiles = [\n' + '    {file = "p.whl", hash = "sha256:0"},\n' * 20 + "]\n\n"
    document = parse_toml(package * 1000, FILE)
    # One walk over the file answers every question: 2000 of them, each of its own, would take minutes.
    lines = [document.locate("package", at, "files").line for at in range(1000)]
    assert lines == [3 + at * 25 for at in range(1000)]
    assert [document.locate("package", at, "name").line for at in range(1000)] == [line - 1 for line in lines]


# --- what cannot be read


def failure(path: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        read_toml(path)
    assert path.name in caught.value.message
    assert caught.value.where is not None
    assert caught.value.where.path == path
    return caught.value


def written(folder: Path, contents: bytes) -> Path:
    path = folder / "pyproject.toml"
    path.write_bytes(contents)
    return path


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    error = failure(written(tmp_path, b"a = 1\nb = '\xe9'\n"))
    assert "UTF-8" in error.message
    assert error.where is not None
    assert error.where.line == 2
    assert error.ways_out


@pytest.mark.parametrize(
    ("contents", "line"),
    [
        (b"a = 1\nb\n", 2),
        (b"a = 1\n[t\n", 2),
        (b"a = 1\na = 2\n", 2),
        (b"[t]\n\n[t]\n", 3),
        (b"a = 'x\0y'\n", 1),
        (b"a = 1\nb = 2021-02-30\n", 2),
        (b"a = [1,\n", 1),
        (b'a = 1\nb = """half written', 2),
        (b"a = 1\r\nb = \r\n", 2),
        (b"a = 1\n\xef\xbb\xbfb = 2\n", 2),
    ],
)
def test_a_syntax_error_is_refused_with_the_line(tmp_path: Path, contents: bytes, line: int) -> None:
    error = failure(written(tmp_path, contents))
    assert "not valid TOML" in error.message
    assert "(at " not in error.message
    assert error.where is not None
    assert error.where.line in (line, line + 1)
    assert error.ways_out


def test_the_place_of_a_syntax_error_has_a_column(tmp_path: Path) -> None:
    error = failure(written(tmp_path, b"a = 1\nb = ?\n"))
    assert error.where == Position(tmp_path / "pyproject.toml", 2, 5)


def test_a_half_written_document_ends_where_the_file_does(tmp_path: Path) -> None:
    error = failure(written(tmp_path, b"a = 1\n\n[tool.poetry]\nname ="))
    assert error.where is not None
    assert error.where.line == 4


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toml, "MAXIMUM_BYTES", 2**20)
    path = written(tmp_path, b"")
    with path.open("wb") as file:
        file.truncate(2**20 + 1)
    assert "larger than 1 MiB" in failure(path).message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in failure(tmp_path / "pyproject.toml").message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("pyproject.toml").mkdir()
    error = failure(tmp_path / "pyproject.toml")
    assert "directory" in error.message.lower()
    assert error.ways_out


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("pyproject.toml").symlink_to(tmp_path / "gone")
    assert "cannot be read" in failure(tmp_path / "pyproject.toml").message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, b"a = 1\n")
    path.chmod(0)
    assert "denied" in failure(path).message.lower()


def test_an_error_of_the_operating_system_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, b"a = 1\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert failure(path).message == "pyproject.toml cannot be read: Permission denied"


@pytest.mark.parametrize("nested", ["[", "{a = "])
def test_nesting_beyond_reason_is_refused(tmp_path: Path, nested: str) -> None:
    assert "nested too deeply" in failure(written(tmp_path, f"a = {nested * 10_000}".encode())).message


@pytest.mark.parametrize("depth", range(50, 500, 25))
def test_whatever_nesting_can_be_read_can_be_located(depth: int) -> None:
    try:
        document = parse_toml(f"a = {'[' * depth}{']' * depth}\nb = 1", FILE)
    except ConfigurationError:
        return
    assert document.locate("a") == Position(FILE, 1, 1)


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    if not hasattr(sys, "get_int_max_str_digits"):
        pytest.skip("this Python converts any number")
    assert "cannot be read" in failure(written(tmp_path, b"a = " + b"1" * 5000)).message
