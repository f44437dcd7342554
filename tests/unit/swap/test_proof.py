from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.binaries.judgement import Judged
from poetry_gpu_build.binaries.library import Library
from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.errors import ProofFailedError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.swap.probe import FoundTorch
from poetry_gpu_build.swap.probe import Probe
from poetry_gpu_build.swap.probe import Unmet
from poetry_gpu_build.swap.probe import parse_probe
from poetry_gpu_build.swap.probe import run_probe
from poetry_gpu_build.swap.proof import Expectation
from poetry_gpu_build.swap.proof import ProofLine
from poetry_gpu_build.swap.proof import judge
from poetry_gpu_build.swap.proof import proved
from poetry_gpu_build.swap.prove import prove
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import TorchBuild

from .world import LIBRARY
from .world import World
from .world import install

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FACTS = load_compatibility(policies_dir() / "facts")
SITE = "/usr/lib/python3/dist-packages"
OPT = "/opt/torch"


def capability(text: str) -> ComputeCapability:
    return ComputeCapability.parse(text)


def held(*texts: str, ptx: Iterable[str] = ()) -> Judged:
    library = Library(f"{OPT}/{LIBRARY}", 1, ())
    return Judged(
        library,
        tuple(Architecture(capability(text)) for text in texts),
        tuple(Architecture(capability(text)) for text in ptx),
    )


def probe(place: str = OPT, release: str = "2.4.1", /, **other: Any) -> Probe:
    facts: dict[str, Any] = {
        "python": "/usr/bin/python3.10",
        "isolated": True,
        "site": (SITE,),
        "torches": (FoundTorch(release, place),),
        "unmet": (),
        "origin": f"{place}/torch/__init__.py",
        "imported": True,
        "error": "",
        "file": f"{place}/torch/__init__.py",
        "version": release,
        "library": f"{place}/{LIBRARY}",
    }
    return Probe(**(facts | other))


def expected(version: str = "2.4.1", prefix: str | None = OPT, *targets: str) -> Expectation:
    return Expectation(TorchBuild.parse(version), prefix, tuple(map(capability, targets or ("5.2",))))


def failing(lines: Iterable[ProofLine]) -> list[str]:
    return [line.claim for line in lines if line.ok is False]


def test_the_swap_that_was_meant_is_proven() -> None:
    lines = judge(probe(), probe(isolated=False), held("5.2"), expected(), FACTS)
    assert proved(lines)
    assert all(line.ok for line in lines)
    assert not any(line.help for line in lines)


def test_the_wheel_that_was_meant_is_proven() -> None:
    wheel = probe(SITE, "2.7.1+cu128")
    lines = judge(wheel, wheel, held("7.5", "8.6"), expected("2.7.1+cu128", None, "8.9"), FACTS)
    assert all(line.ok for line in lines)


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"imported": False, "error": "OSError: libcudnn.so.8", "file": None}, "importing torch works"),
        ({"imported": None, "file": None, "version": None}, "importing torch works"),
        ({"file": f"{SITE}/torch/__init__.py"}, f"torch comes from {OPT}"),
        ({"file": "/opt/torch2/torch/__init__.py"}, f"torch comes from {OPT}"),
        ({"torches": (FoundTorch("2.4.1", OPT), FoundTorch("2.7.1", SITE))}, "there is one distribution of torch"),
        ({"torches": (FoundTorch("2.4.1", SITE),)}, "there is one distribution of torch"),
        ({"torches": (FoundTorch("2.4.0a0+gitee1b680", OPT),)}, "its version is 2.4.1"),
        ({"version": "2.4.0"}, "its version is 2.4.1"),
        ({"torches": (FoundTorch("nonsense", OPT),)}, "its version is 2.4.1"),
        ({"unmet": (Unmet("filelock", None),)}, "its requirements are satisfied"),
        ({"cuda": False, "device": "RuntimeError: no kernel image"}, "it computes on the GPU"),
    ],
)
def test_each_claim_fails_for_its_own_reason(change: dict[str, Any], claim: str) -> None:
    lines = judge(probe(**change), probe(**change), held("5.2"), expected(), FACTS)
    assert failing(lines) == [claim]
    assert all(line.help for line in lines if line.ok is False)


def test_without_any_torch_the_import_and_the_distribution_fail() -> None:
    nothing = probe(torches=(), imported=False, error="ModuleNotFoundError", file=None, origin=None, library=None)
    lines = judge(nothing, nothing, None, expected(), FACTS)
    assert not proved(lines)
    assert "there is one distribution of torch" in failing(lines)


def test_what_only_one_interpreter_sees_is_said_of_that_one() -> None:
    user = "/root/.local/lib/python3.10/site-packages"
    lines = judge(probe(), probe(user), held("5.2"), expected(), FACTS)
    place = next(line for line in lines if line.claim.startswith("torch comes from"))
    assert place.ok is False
    assert place.seen == f"{OPT}/torch/__init__.py (python -I); {user}/torch/__init__.py (python)"


@pytest.mark.parametrize(
    ("code", "targets", "fails"),
    [
        (held("5.2"), ("5.2",), []),
        (held("5.0"), ("5.2",), []),
        (held("8.6"), ("8.9",), []),
        (held("5.2"), ("6.1",), ["its machine code runs on 6.1"]),
        (held("5.2", ptx=["5.2"]), ("6.1",), []),
        (held("5.2"), ("5.0",), ["its machine code runs on 5.0"]),
        (held("7.5", "8.6"), ("5.2", "8.6"), ["its machine code runs on 5.2"]),
        (held(), ("5.2",), ["its machine code runs on 5.2"]),
    ],
)
def test_the_machine_code_must_run_on_every_target(code: Judged, targets: tuple[str, ...], fails: list[str]) -> None:
    assert failing(judge(probe(), probe(), code, expected("2.4.1", OPT, *targets), FACTS)) == fails


def test_machine_code_that_was_not_read_is_neither_good_nor_bad() -> None:
    lines = judge(probe(), probe(), None, expected(), FACTS)
    (line,) = [line for line in lines if line.ok is None]
    assert "not read" in line.seen
    assert proved(lines)


def test_a_torch_without_cuda_is_not_what_was_meant() -> None:
    cpu = probe(library=None)
    assert failing(judge(cpu, cpu, None, expected(), FACTS)) == ["its machine code runs on 5.2"]


@pytest.mark.parametrize(
    ("meant", "found", "is_meant"),
    [
        ("2.7.1+cu128", "2.7.1+cu128", True),
        ("2.7.1+cu126", "2.7.1", True),  # PyPI's wheels have no label
        ("2.7.1+cu128", "2.7.1+cu126", False),
        ("2.7.1+cu128", "2.7.0+cu128", False),
        ("2.7.1", "2.7.1+cu126", True),
    ],
)
def test_of_a_wheel_the_release_counts_and_its_label_where_both_have_one(
    meant: str, found: str, is_meant: bool
) -> None:
    wheel = probe(SITE, found)
    lines = judge(wheel, wheel, held("7.5"), expected(meant, None, "7.5"), FACTS)
    assert (failing(lines) == []) is is_meant


@pytest.mark.parametrize("found", ["2.4.1+cu118", "2.4.1.post2", "2.4"])
def test_a_compiled_torch_says_exactly_what_the_policy_says(found: str) -> None:
    built = probe(OPT, found)
    assert failing(judge(built, built, held("5.2"), expected(), FACTS)) == ["its version is 2.4.1"]


def test_in_the_binary_mode_nothing_may_come_from_opt() -> None:
    lines = judge(probe(), probe(), held("5.2"), expected("2.4.1", None), FACTS)
    assert "torch comes from site-packages" in failing(lines)


# --- the probe --------------------------------------------------------------------------------------------------------

ANSWER: dict[str, Any] = {
    "python": "/usr/bin/python3.10",
    "isolated": True,
    "site": [SITE],
    "torches": [{"version": "2.4.1", "location": OPT, "requires": ["filelock>=3", "x; extra == 'y'"]}],
    "installed": {"torch": "2.4.1", "filelock": "3.20.0"},
    "environment": {"python_version": "3.10", "platform_system": "Linux"},
    "origin": f"{OPT}/torch/__init__.py",
    "imported": None,
}


def answer(**change: Any) -> str:
    return "\ngpu-build-probe " + json.dumps(ANSWER | change) + "\n"


def test_the_last_answer_counts_and_other_lines_do_not() -> None:
    said = "hello\n" + answer() + "warning: gpu-build-probe {}\n" + answer(imported=True, file="/opt/torch/f.py")
    assert parse_probe(said).file == "/opt/torch/f.py"


def test_an_interpreter_that_died_of_the_import_has_told_the_rest() -> None:
    parsed = parse_probe(answer() + "Fatal Python error: Segmentation fault\n")
    assert parsed.imported is None
    assert parsed.torches == (FoundTorch("2.4.1", OPT),)


@pytest.mark.parametrize(
    ("requires", "unmet"),
    [
        (["filelock"], []),
        (["FileLock>=3.20"], []),
        (["filelock>=4"], [Unmet("filelock>=4", "3.20.0")]),
        (["sympy"], [Unmet("sympy", None)]),
        (["sympy; python_version >= '3.12'"], []),
        (["triton; platform_system == 'Linux'"], [Unmet('triton; platform_system == "Linux"', None)]),
        (["opt-einsum; extra == 'opt-einsum'"], []),
        (["not a requirement"], [Unmet("not a requirement", None)]),
    ],
)
def test_requirements_are_held_against_what_is_installed(requires: list[str], unmet: list[Unmet]) -> None:
    torches = [{"version": "2.4.1", "location": OPT, "requires": requires}]
    assert list(parse_probe(answer(torches=torches)).unmet) == unmet


@pytest.mark.parametrize("said", ["", "hello", *(f"gpu-build-probe {text}" for text in ("", "{", "[]", "{}", "7"))])
def test_what_is_no_answer_is_an_error(said: str) -> None:
    with pytest.raises(ProofFailedError):
        parse_probe(said)


@pytest.mark.parametrize("key", list(ANSWER))
@pytest.mark.parametrize("value", [7, "x", [7], {"a": 7}, [{"version": []}]])
def test_a_hostile_answer_is_an_answer_or_an_error(key: str, value: object) -> None:
    with suppress(ProofFailedError):
        parse_probe(answer(**{key: value}))


def test_an_interpreter_that_cannot_start_is_an_error_with_its_last_words() -> None:
    with pytest.raises(ProofFailedError, match="exec format error"):
        parse_probe("", "some noise\nexec format error\n")


def test_a_real_interpreter_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    install(world.purelib, "2.4.1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    found = run_probe(world.python, isolated=True)
    assert (found.imported, found.version, found.isolated) == (True, "2.4.1", True)
    assert found.torches == (FoundTorch("2.4.1", str(world.purelib)),)
    assert found.library == str(world.purelib / LIBRARY)


@pytest.mark.parametrize(
    ("text", "imported", "error"),
    [
        ("raise SystemExit(3)", False, "SystemExit: 3"),
        ("raise OSError('libcudart.so.11.0: cannot open')", False, "OSError: libcudart.so.11.0: cannot open"),
        ("import os; os._exit(0)", None, ""),
        ("import os; os.kill(os.getpid(), 11)", None, ""),
        ("print('gpu-build-probe {}', flush=True); __version__ = '2.4.1'", True, ""),
    ],
)
def test_whatever_an_import_does_is_told(world: World, text: str, imported: bool | None, error: str) -> None:
    install(world.purelib, "2.4.1")
    world.purelib.joinpath("torch", "__init__.py").write_text(text + "\n")
    found = run_probe(world.python, isolated=True)
    assert (found.imported, found.error) == (imported, error)


def test_pythonpath_does_not_help(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "elsewhere", "2.4.1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    for isolated in (True, False):
        assert run_probe(world.python, isolated=isolated).imported is False


def test_a_folder_called_torch_where_the_program_starts_is_seen(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(world.prefix, "2.4.1")
    world.apply()
    tmp_path.joinpath("app", "torch").mkdir(parents=True)
    tmp_path.joinpath("app", "torch", "__init__.py").touch()
    monkeypatch.chdir(tmp_path / "app")
    lines = prove(world.python, world.expectation, FACTS)
    assert f"torch comes from {world.prefix}" in failing(lines)


def test_a_library_that_is_no_elf_file_ends_the_proof(world: World) -> None:
    install(world.prefix, "2.4.1")
    world.apply()
    world.prefix.joinpath(LIBRARY).write_bytes(b"\x7fELF and no more")
    with pytest.raises(ProofFailedError):
        prove(world.python, world.expectation, FACTS)


def test_an_interpreter_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ProofFailedError, match="cannot be run"):
        run_probe("/nowhere/python", isolated=True)
