"""The README is true: its transcript is what the commands print, and its two commands set everything up."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .poetries import ROOT

README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
TRANSCRIPT, SET_UP, *_ = BLOCKS


def steps(block: str) -> list[tuple[str, str]]:
    """Each command of a console block, and what the block says it prints."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(("command", "printed"), [step for step in steps(TRANSCRIPT) if step[0].startswith("poetry")])
def test_the_transcript_is_what_the_command_prints(command: str, printed: str) -> None:
    assert steps(TRANSCRIPT)[0][0] == "cd examples/minimal"
    words = shlex.split(command)
    run = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT / "examples" / "minimal",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    assert run.stdout == printed


def test_two_commands_set_everything_up() -> None:
    assert [command for command, _ in steps(SET_UP)] == ["make demo", "make test"]


def test_make_demo_shows_three_plans() -> None:
    # In the environment that runs the tests: `make test` has just made it.
    done = make("demo", f"BIN={Path(sys.executable).parent}", "READY=")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^mode: (\w+)$", done.stdout, re.MULTILINE)[1:3] == ["source", "binary"]


def test_make_test_runs_the_unit_and_the_integration_tests() -> None:
    # Not run for real: this test is part of it.
    done = make("--dry-run", "test", "READY=")
    assert "-m pytest" in done.stdout
    assert done.returncode == 0


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
