from __future__ import annotations

from typing import Any

import pytest
from poetry.installation.executor import Executor
from poetry.installation.installer import Installer
from poetry.installation.operations.operation import Operation

from poetry_gpu_build.swap.installer import unknown_in_poetry


@pytest.mark.parametrize("version", ["2.2.0", "2.5.1", "2.6.0.dev0", "2.99"])
def test_this_poetry_is_known(version: str) -> None:
    assert unknown_in_poetry(version) is None


@pytest.mark.parametrize("version", ["1.8.5", "2.1.4", "3.0.0"])
def test_a_version_that_nobody_has_tried_is_not(version: str) -> None:
    assert "knows <3,>=2.2" in (unknown_in_poetry(version) or "")


class Other:
    """An installer whose executor cannot be given."""

    def __init__(self, io: Any, env: Any, package: Any, locker: Any, pool: Any, config: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("owner", "name", "instead", "reason"),
    [
        (Installer, "__init__", Other.__init__, "its Installer.__init__ has no executor, installed"),
        (Installer, "only_groups", None, "its Installer.only_groups has no only_groups"),
        (Executor, "execute", lambda self, plan: None, "its Executor.execute has no operations"),
        (Operation, "skip", None, "its Operation.skip has no skip"),
    ],
)
def test_one_whose_parts_are_elsewhere_is_not_and_the_part_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, instead: Any, reason: str
) -> None:
    monkeypatch.setattr(owner, name, instead)
    assert unknown_in_poetry("2.5.1") == reason
