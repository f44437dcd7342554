"""An offered wheel in pyproject.toml: by the same writer as init, and nothing else changes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import read_project
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.scaffold.pinning import chosen_offer
from poetry_gpu_build.scaffold.pinning import lines_to_pin
from poetry_gpu_build.scaffold.pinning import pin_torch
from poetry_gpu_build.scaffold.torch_choice import Chosen

from ..builders import PYPROJECT
from ..builders import facts
from ..builders import policy
from ..offers.builders import ways
from .builders import EMPTY
from .builders import NOWHERE

if TYPE_CHECKING:
    from poetry_gpu_build.scaffold.change import Changes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CU126 = Chosen("2.14.1+cu126", "https://download.pytorch.org/whl/cu126")
PYPI = Chosen("2.7.1", None)
SOURCE_CU126 = """
[[tool.poetry.source]]
name = "pytorch-cu126"
url = "https://download.pytorch.org/whl/cu126"
priority = "explicit"
"""
LISTED = """\
[project]
name = "a"
version = "1"

[dependency-groups]
binary-torch = [
    "filelock",  # locks
    "torch==2.7.1+cu128",  # the wheel
]

[tool.poetry.group.binary-torch]
optional = true

[tool.poetry.group.binary-torch.dependencies]
torch = { source = "pytorch-cu128" }  # its index

[[tool.poetry.source]]
name = "pytorch-cu128"
url = "https://download.pytorch.org/whl/cu128"
priority = "explicit"
"""


def planned(text: str, chosen: Chosen, *, has_lock: bool = False) -> Changes:
    document = parse_toml(text.removeprefix("\ufeff"), NOWHERE)
    rules = load_policy(policies_dir(), document)
    return pin_torch(text, read_project(document, rules.python), rules, facts(), chosen, has_lock=has_lock)


def pinned(text: str, chosen: Chosen = CU126) -> str:
    """The text after it; a second time it changes nothing."""
    changes = planned(text, chosen).changes
    after = changes[0].after if changes else text
    assert planned(after, chosen).changes == ()
    return after


def test_the_entry_of_the_group_is_replaced_where_it_stands_and_every_other_byte_stays() -> None:
    new = 'torch = { version = "2.14.1+cu126", source = "pytorch-cu126" }'
    expected = PYPROJECT.replace('torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }', new)
    assert pinned(PYPROJECT) == expected + SOURCE_CU126


def test_comments_and_neighbours_of_the_entry_stay() -> None:
    line = 'torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }\n'
    text = PYPROJECT.replace(line, f'# why\nfilelock = "*"\n{line.rstrip()}  # the wheel\nsympy = "*" # maths\n')
    new = 'torch = { version = "2.14.1+cu126", source = "pytorch-cu126" }  # the wheel\n'
    expected = text.replace(f"{line.rstrip()}  # the wheel\n", new)
    assert pinned(text) == expected + SOURCE_CU126


def test_a_wheel_of_pypi_names_no_source() -> None:
    old = 'torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }'
    assert pinned(PYPROJECT, PYPI) == PYPROJECT.replace(old, 'torch = "2.7.1"')


def test_extras_and_markers_of_the_entry_stay() -> None:
    text = PYPROJECT.replace('version = "2.7.1+cu128",', 'version = "^2.2", extras = ["opt-einsum"],')
    entry = tomllib.loads(pinned(text))["tool"]["poetry"]["group"]["binary-torch"]["dependencies"]["torch"]
    assert entry == {"version": "2.14.1+cu126", "extras": ["opt-einsum"], "source": "pytorch-cu126"}


def test_a_text_becomes_an_entry_with_a_source() -> None:
    text = PYPROJECT.replace('{ version = "2.7.1+cu128", source = "pytorch-cu128" }', '"2.7.1"  # kept')
    assert 'torch = { version = "2.14.1+cu126", source = "pytorch-cu126" }  # kept\n' in pinned(text)


def test_an_entry_under_its_own_header_is_edited_there() -> None:
    table = (
        '[tool.poetry.group.binary-torch.dependencies.torch]\nversion = "2.7.1+cu128" # v\nsource = "pytorch-cu128"\n'
    )
    inner = "[tool.poetry.group.binary-torch.dependencies]\n"
    line = 'torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }\n'
    text = PYPROJECT.replace(f"{inner}{line}", table)
    after = pinned(text)
    assert 'version = "2.14.1+cu126" # v\nsource = "pytorch-cu126"\n' in after
    assert (
        "source"
        not in tomllib.loads(pinned(text, PYPI))["tool"]["poetry"]["group"]["binary-torch"]["dependencies"]["torch"]
    )


def test_the_standards_list_and_poetrys_table_are_edited_where_they_stand() -> None:
    expected = LISTED.replace("torch==2.7.1+cu128", "torch==2.14.1+cu126").replace(
        'torch = { source = "pytorch-cu128" }', 'torch = { source = "pytorch-cu126" }'
    )
    assert pinned(LISTED) == expected + SOURCE_CU126


def test_the_standards_list_needs_no_table_for_pypi() -> None:
    after = pinned(LISTED, PYPI)
    assert '    "torch==2.7.1",  # the wheel\n' in after
    assert tomllib.loads(after)["tool"]["poetry"]["group"]["binary-torch"].get("dependencies", {}) == {}


def test_the_standards_list_gets_a_table_for_the_source_where_it_has_none() -> None:
    text = LISTED.replace('torch = { source = "pytorch-cu128" }  # its index\n', "")
    found = tomllib.loads(pinned(text))
    assert found["dependency-groups"]["binary-torch"] == ["filelock", "torch==2.14.1+cu126"]
    assert found["tool"]["poetry"]["group"]["binary-torch"]["dependencies"] == {"torch": {"source": "pytorch-cu126"}}


def test_a_requirement_of_the_list_that_says_so_already_keeps_its_spelling() -> None:
    text = LISTED.replace('"torch==2.7.1+cu128"', '"Torch == 2.14.1+cu126"')
    assert '"Torch == 2.14.1+cu126",  # the wheel\n' in pinned(text)


def test_a_main_dependency_moves_into_the_group_as_init_moves_it() -> None:
    text = f'{EMPTY}dependencies = [\n    "rich",\n    # for training\n    "torch>=2.2",  # any\n]\n'
    after = pinned(text)
    assert after.startswith(f'{EMPTY}dependencies = [\n    "rich",\n]\n')
    assert '# for training\ntorch = { version = "2.14.1+cu126", source = "pytorch-cu126" }  # any\n' in after
    assert after.endswith(SOURCE_CU126)


def test_a_main_dependency_with_a_source_of_its_own_takes_the_chosen_one() -> None:
    source = '[[tool.poetry.source]]\nname = "mine"\nurl = "https://example.org/whl/cu128"\npriority = "explicit"\n'
    text = f'{EMPTY}\n[tool.poetry.dependencies]\ntorch = {{ version = "2.7.1", source = "mine" }}\n\n{source}'
    torch = tomllib.loads(pinned(text))["tool"]["poetry"]["group"]["binary-torch"]["dependencies"]["torch"]
    assert torch == {"version": "2.14.1+cu126", "source": "pytorch-cu126"}


def test_a_project_without_torch_gets_the_lines_that_are_shown() -> None:
    assert pinned(EMPTY) == f"{EMPTY}\n{lines_to_pin(CU126, policy(), facts())}"


def test_a_source_of_that_address_is_used_by_its_own_name() -> None:
    text = PYPROJECT + SOURCE_CU126.replace('"pytorch-cu126"', '"mirror"')
    after = pinned(text)
    assert 'torch = { version = "2.14.1+cu126", source = "mirror" }' in after
    assert after.count("whl/cu126") == 1


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    text = "\ufeff" + PYPROJECT.replace("\n", "\r\n")
    after = pinned(text)
    assert after == "\ufeff" + pinned(PYPROJECT).replace("\n", "\r\n")


# --- the floor


@pytest.mark.parametrize(
    ("target", "settings", "follows"),
    [
        ("5.2", "", True),
        ("6.1", "", False),
        ("5.2", "floor = 'wheel'", False),
        ("5.2", "modes.binary.floor = '5.0'", False),
        ("7.0", "modes.binary.floor = '7.5'", True),
    ],
)
def test_the_floor_goes_along_only_where_its_number_would_have_torch_compiled(
    target: str, settings: str, follows: bool
) -> None:
    found = ways(target)
    assert chosen_offer(found.offers[0], found.targets, policy(settings)).follow_wheel is follows


FOLLOWING = CU126._replace(follow_wheel=True)


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "[tool.gpu-build]\n",
        '[tool.gpu-build]\nimage = "a"  # ours\n',
        '[tool.gpu-build.modes.binary]\nfloor = "7.5"\n',
    ],
)
def test_the_floor_is_written_into_the_settings_in_whatever_form_they_are(settings: str) -> None:
    text = f"{PYPROJECT}\n{settings}"
    after = pinned(text, FOLLOWING)
    table = tomllib.loads(after)["tool"]["gpu-build"]
    assert table["floor"] == "wheel"
    assert {**tomllib.loads(text)["tool"].get("gpu-build", {}), "floor": "wheel"} == table
    assert load_policy(policies_dir(), parse_toml(after, NOWHERE)).floor_follows_wheel


def test_settings_that_are_dotted_keys_of_another_table_are_left_to_a_person() -> None:
    with pytest.raises(ConfigurationError, match=r"tool\.gpu-build\.floor cannot be edited"):
        planned(f'{PYPROJECT}\n[tool]\ngpu-build.image = "a"\n', FOLLOWING)


def test_the_floor_that_is_written_is_said() -> None:
    assert any('floor = "wheel"' in note for note in planned(PYPROJECT, FOLLOWING).notes)
    assert not any("floor" in note for note in planned(PYPROJECT, CU126).notes)


# --- what is left to the user


def test_a_lock_is_to_be_written_anew_where_something_changed() -> None:
    assert any("poetry lock" in note for note in planned(PYPROJECT, CU126, has_lock=True).notes)
    assert not any("poetry lock" in note for note in planned(pinned(PYPROJECT), CU126, has_lock=True).notes)


def test_a_companion_in_the_group_is_told_and_stays() -> None:
    line = 'torchvision = { version = "0.22.1+cu128", source = "pytorch-cu128" }\n'
    text = PYPROJECT.replace("\n[[tool.poetry.source]]", f"{line}\n[[tool.poetry.source]]")
    changes = planned(text, CU126)
    assert line in changes.changes[0].after
    assert any("torchvision" in note for note in changes.notes)


@pytest.mark.parametrize(
    "entry",
    [
        '{ url = "https://example.org/torch.whl" }',
        '{ path = "../torch" }',
        '{ git = "https://example.org/torch.git" }',
        '[{ version = "2.7.1", markers = "python_version < \'3.11\'" }, { version = "2.8.0" }]',
    ],
)
def test_an_entry_that_is_no_single_version_is_left_to_a_person(entry: str) -> None:
    text = PYPROJECT.replace('{ version = "2.7.1+cu128", source = "pytorch-cu128" }', entry)
    with pytest.raises(ConfigurationError) as caught:
        planned(text, CU126)
    assert caught.value.where is not None
    assert "by hand" in caught.value.ways_out[0]


def test_an_included_group_that_holds_torch_is_left_to_a_person() -> None:
    text = LISTED.replace('"torch==2.7.1+cu128",  # the wheel', '{ include-group = "torch" },').replace(
        "\n[tool.poetry.group.binary-torch]", '\ntorch = ["torch==2.7.1+cu128"]\n\n[tool.poetry.group.binary-torch]', 1
    )
    text = text.replace('torch = { source = "pytorch-cu128" }  # its index\n', "")
    with pytest.raises(ConfigurationError, match="cannot be edited"):
        planned(text, CU126)
