"""tools/refresh: what is compared, and that a table is rewritten row by row, with every other byte left as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.resources import policies_dir
from tools.refresh.comparison import Measured
from tools.refresh.comparison import compare
from tools.refresh.compiler import ask
from tools.refresh.tables import ORDER

from .builders import put_on_path

if TYPE_CHECKING:
    from poetry_gpu_build.documents.toml import TomlDocument

TABLE = """\
# Whose machine code is where.
generated = "2026-11-20"

[[wheel]]
torch = "2.7.1"
variant = "cu126"
cuda = "12.6"
sass = ["5.0", "6.0"]
ptx = []
index = "PyPI"
requires_python = ">=3.9"
size_mb = 821
git = "e2d141dbde55"
status = "secondary"
source = "a table"
note = "mind the gap"

[[wheel]]
torch = "2.7.1"
variant = "cu128"
cuda = "12.8"
sass = ["7.5"]
index = "https://download.pytorch.org/whl/cu128"
status = "secondary"
source = "a table"

# ---- libraries

[[library]]
name = "nvidia-nccl-cu12"
version = "2.26.2"
sass = ["5.0"]
ptx = ["9.0"]
status = "measured"
source = "measured"
"""
EVIDENCE = {"status": "measured", "source": "measured today", "sha256": "ab" * 32}
READ = {"cuda": "12.6", "sass": ["5.0", "6.0"], "ptx": [], "requires_python": ">=3.9.0", "git": "e2d141dbde55c2a4"}


def table(text: str = TABLE) -> TomlDocument:
    return parse_toml(text, Path("torch_wheels.toml"))


def wheel(torch: str = "2.7.1", variant: str = "cu126", **read: Any) -> Measured:
    return Measured("wheel", {"torch": torch, "variant": variant}, {**READ, **read}, EVIDENCE)


def library(version: str, *sass: str, name: str = "nvidia-nccl-cu12") -> Measured:
    return Measured("library", {"name": name, "version": version}, {"sass": list(sass), "ptx": []}, EVIDENCE)


REST = {"platform": "linux_x86_64", "index": "PyPI", "published": "yes"}


# --- comparing


def test_a_row_that_says_the_same_is_only_given_its_evidence() -> None:
    compared = compare(table(), wheel(), REST)
    assert compared.contradicted is None
    assert compared.renewed.text == TABLE.replace('status = "secondary"\nsource = "a table"\n', _written(), 1)


def test_a_row_that_was_not_measured_does_not_hold_until_it_is_written() -> None:
    compared = compare(table(), wheel(), REST)
    assert not compared.holds
    again = compare(compared.renewed, wheel(), REST)
    assert again.holds
    assert again.renewed.text == compared.renewed.text


def test_a_row_that_says_otherwise_is_contradicted_by_name() -> None:
    compared = compare(table(), wheel(sass=["5.0"], ptx=["9.0"]), REST)
    assert compared.contradicted == "secondary"
    assert "! sass: the row says 5.0 6.0, and it is 5.0" in compared.lines
    assert "! ptx: the row says nothing, and it is 9.0" in compared.lines
    assert "  cuda: 12.6" in compared.lines


def test_what_was_measured_can_be_contradicted_too() -> None:
    assert compare(table(), library("2.26.2", "5.0"), {}).contradicted == "measured"


def test_the_size_of_another_pythons_wheel_contradicts_nobody() -> None:
    compared = compare(table(compare(table(), wheel(), REST).renewed.text), wheel(size_mb=822), REST)
    assert compared.contradicted is None
    assert compared.holds
    assert "size_mb = 822\n" in compared.renewed.text


def test_a_missing_key_is_no_contradiction_and_is_added_in_its_place() -> None:
    compared = compare(table(), wheel(cudnn="9.5.1.17"), REST)
    assert compared.contradicted is None
    assert "+ cudnn: 9.5.1.17" in compared.lines
    assert 'git = "e2d141dbde55"\ncudnn = "9.5.1.17"\nstatus = "measured"\n' in compared.renewed.text


@pytest.mark.parametrize(("said", "holds"), [(">=3.9", True), (">=3.9.0", True), (">=3.10", False)])
def test_two_ways_to_write_the_same_pythons_agree(said: str, holds: bool) -> None:
    text = TABLE.replace('">=3.9"', f'"{said}"').replace('status = "secondary"', 'status = "measured"', 1)
    assert compare(table(text), wheel(), REST).holds == holds


def test_a_shortened_commit_agrees_with_the_whole_and_no_other_does() -> None:
    assert compare(table(), wheel(git="e2d141dbde55ffff"), REST).contradicted is None
    assert compare(table(), wheel(git="ffff41dbde55c2a4"), REST).contradicted == "secondary"


# --- rewriting


def test_notes_comments_and_all_other_rows_stay_as_they_are() -> None:
    compared = compare(table(), wheel(sass=["5.0", "6.0", "7.0"]), REST)
    expected = TABLE.replace('status = "secondary"\nsource = "a table"\n', _written(), 1)
    assert compared.renewed.text == expected.replace('sass = ["5.0", "6.0"]', 'sass = ["5.0", "6.0", "7.0"]')


def test_a_new_release_goes_behind_the_older_ones_and_before_what_follows() -> None:
    text = compare(table(), wheel("2.10.0", "cu128", cuda="12.8"), REST).renewed.text
    assert text.index('"2.7.1"') < text.index('"2.10.0"') < text.index("[[library]]")
    assert text.replace(_block(text, "2.10.0"), "") == TABLE


def test_a_new_wheel_of_pypi_goes_before_the_others_of_its_release() -> None:
    only_other = TABLE.partition("[[wheel]]")[0] + "[[wheel]]" + TABLE.split("[[wheel]]")[2]
    text = compare(table(only_other), wheel(), REST).renewed.text
    assert text.index("cu126") < text.index("cu128")
    assert text.replace(_block(text, "2.7.1"), "", 1) == only_other


def test_a_new_library_goes_behind_its_older_versions() -> None:
    text = compare(table(), library("2.27.1", "7.0"), {}).renewed.text
    assert text.endswith(
        f'\n[[library]]\nname = "nvidia-nccl-cu12"\nversion = "2.27.1"\nsass = ["7.0"]\nptx = []\n{_written()}'
    )
    older = compare(table(), library("2.21.5", "7.0"), {}).renewed.text
    assert older.index('"2.21.5"') < older.index('"2.26.2"')


@pytest.mark.parametrize(
    "spoilt",
    [
        'wheel = [{ torch = "2.7.1", variant = "cu126", sass = ["5.0"] }]\n',
        TABLE.replace('sass = ["5.0", "6.0"]', 'sass = [\n  "5.0",\n]'),
        TABLE.replace('sass = ["5.0", "6.0"]', 'sass = ["5.0"]  # Maxwell'),
    ],
    ids=["a row on one line", "a value on several lines", "a comment behind a value"],
)
def test_what_cannot_be_rewritten_line_by_line_is_refused_rather_than_spoilt(spoilt: str) -> None:
    with pytest.raises(ConfigurationError, match=r"torch_wheels\.toml cannot be rewritten by its lines"):
        compare(table(spoilt), wheel(), REST)


def test_the_order_of_keys_knows_every_key_of_the_shipped_rows() -> None:
    for file, kinds in {"torch_wheels.toml": ("wheel", "library"), "cuda_toolkits.toml": ("toolkit",)}.items():
        document = parse_toml(policies_dir().joinpath("facts", file).read_text(encoding="utf-8"), Path(file))
        for kind in kinds:
            for row in document.data[kind]:
                assert list(row) == [key for key in ORDER[kind] if key in row]


# --- compilers


def nvcc(monkeypatch: pytest.MonkeyPatch, folder: Path, version: str, architectures: str) -> Path:
    script = f'case "$1" in --version) echo "{version}";; *) printf "{architectures}";; esac'
    return put_on_path(monkeypatch, folder, script, program="nvcc")


def test_a_compiler_is_asked_for_its_release_and_its_architectures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = "Cuda compilation tools, release 13.0, V13.0.88"
    # As nvcc 13.0.88 lists them: out of order; code for one chip only is no architecture of its own.
    program = nvcc(monkeypatch, tmp_path, said, "compute_75\\ncompute_110\\ncompute_103\\ncompute_90a\\n")
    measured = ask(program, "2026-11-20")
    assert (measured.kind, measured.key) == ("toolkit", {"cuda": "13.0"})
    assert measured.read == {
        "nvcc_sm": ["75", "103", "110"],
        "min_sm": "75",
        "max_sm": "110",
        "compiles_maxwell": False,
        "compiles_pascal": False,
        "compiles_volta": False,
        "compiles_blackwell": True,
    }
    assert measured.evidence == {"status": "measured", "source": "measured 2026-11-20: nvcc 13.0.88 --list-gpu-arch"}


@pytest.mark.parametrize(("version", "architectures"), [("gcc 12", "compute_75"), ("release 13.0, V13.0.88", "")])
def test_what_does_not_answer_as_an_nvcc_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, architectures: str
) -> None:
    with pytest.raises(ConfigurationError, match="does not answer as an nvcc does"):
        ask(nvcc(monkeypatch, tmp_path, version, architectures), "2026-11-20")


def test_a_compiler_that_is_not_there_or_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing cannot be run: No such file"):
        ask(tmp_path / "missing", "2026-11-20")
    with pytest.raises(ConfigurationError, match=r"--version failed: no licence"):
        ask(put_on_path(monkeypatch, tmp_path, "echo no licence >&2; exit 3", program="nvcc"), "2026-11-20")


def _written() -> str:
    return "".join(f'{key} = "{value}"\n' for key, value in EVIDENCE.items())


def _block(text: str, torch: str) -> str:
    """The first row of this release, with the blank line behind it."""
    start = text.index(f'[[wheel]]\ntorch = "{torch}"')
    return text[start : text.index("\n\n", start) + 2]
