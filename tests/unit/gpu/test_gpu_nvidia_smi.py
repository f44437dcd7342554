from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.gpu.nvidia_smi import FIELDS
from poetry_gpu_build.gpu.nvidia_smi import Answer
from poetry_gpu_build.gpu.nvidia_smi import Card
from poetry_gpu_build.gpu.nvidia_smi import NvidiaSmiDetector
from poetry_gpu_build.gpu.nvidia_smi import parse
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from poetry_gpu_build.gpu.interface import Detection
    from poetry_gpu_build.gpu.names import CardTable
    from tests.unit.gpu.conftest import Recorded

    Find = Callable[[str], Recorded]
    Install = Callable[..., dict[str, str]]
    Prints = Callable[[bytes, int], str]

# No recording has all fields of the detector's query: this is the recorded RTX 5090 with a memory column made up.
_LINE = b"0, GPU-04d3b6e7-5691-3e86-1d34-c37999440cf1, NVIDIA GeForce RTX 5090, 12.0, 610.62, 32607 MiB\n"


def never() -> CardTable:
    raise AssertionError("the table of cards was loaded")


def parsed(output: Recorded) -> Answer:
    return parse(output.stdout, output.exit_status, output.fields)


# --- parsing what was really printed ---------------------------------------------------------------------------------


def test_two_cards_of_two_generations(recorded: Find) -> None:
    answer = parsed(recorded("two cards of two generations"))

    assert [(card.index, card.name, str(card.capability)) for card in answer.cards] == [
        (0, "NVIDIA TITAN V", "7.0"),
        (1, "NVIDIA RTX 5880 Ada Generation", "8.9"),
    ]
    assert answer.notes == ()
    assert answer.is_complete


def test_two_cards_without_header(recorded: Find) -> None:
    answer = parsed(recorded("two Blackwell cards"))

    assert answer.cards[1] == Card(
        index=1,
        uuid="GPU-d0f446cf-1771-414c-e116-a39138798a8c",
        name="NVIDIA RTX PRO 6000 Blackwell",
        capability=ComputeCapability(12, 0),
        driver=DriverVersion.parse("610.62"),
    )
    assert answer.is_complete


@pytest.mark.parametrize(
    ("case", "card"),
    [
        (
            "laptop card, Windows driver",
            Card(
                name="NVIDIA GeForce RTX 4070 Laptop GPU",
                capability=ComputeCapability(8, 9),
                driver=DriverVersion.parse("581.42"),
                memory_mib=8188,
            ),
        ),
        (
            "Pascal on the last branch",
            Card(name="Quadro P620", capability=ComputeCapability(6, 1), driver=DriverVersion.parse("580.173.02")),
        ),
        (
            "in a container",
            Card(
                name="NVIDIA GeForce RTX 5060",
                capability=ComputeCapability(12, 0),
                driver=DriverVersion.parse("580.159.03"),
            ),
        ),
        (
            "unified memory: GB10",
            Card(name="NVIDIA GB10", capability=ComputeCapability(12, 1), driver=DriverVersion.parse("580.159.03")),
        ),
        ("GTX 970, old driver", Card(name="GeForce GTX 970", capability=ComputeCapability(5, 2))),
    ],
)
def test_one_card(recorded: Find, case: str, card: Card) -> None:
    answer = parsed(recorded(case))

    assert answer.cards == (card,)
    assert answer.notes == ()


@pytest.mark.parametrize("case", ["branch 470", "a stale 470 binary"])
def test_a_binary_that_does_not_know_the_field_is_recognised(recorded: Find, case: str) -> None:
    answer = parsed(recorded(case))

    assert answer.lacks_field
    assert answer.cards == ()


def test_no_driver_is_a_note(recorded: Find) -> None:
    output = recorded("no driver")
    answer = parse(output.stdout, output.exit_status, FIELDS)

    assert answer.cards == ()
    [note] = answer.notes
    assert note.startswith("exit status 9: NVIDIA-SMI has failed because it couldn't communicate")


def test_a_jetson_gives_a_name_and_nothing_else(recorded: Find) -> None:
    output = recorded("Jetson Orin")
    # "(four more)": which four is not recorded, and all four are [N/A].
    answer = parse(output.stdout, output.exit_status, ("index", "name", "uuid", *FIELDS[3:]))

    assert answer.cards == (Card(index=0, name="Orin (nvgpu)"),)


def test_the_list_of_a_divided_gpu_is_no_answer_to_the_query(recorded: Find) -> None:
    output = recorded("MIG")
    answer = parse(output.stdout, output.exit_status, FIELDS)

    assert answer.cards == ()
    assert len(answer.notes) == 4
    assert not answer.is_complete


# --- parsing what was made up: hostile and broken output -------------------------------------------------------------


def test_a_memory_that_is_not_supported_is_no_memory() -> None:
    answer = parse(_LINE.replace(b"32607 MiB", b"[Not Supported]"), 0, FIELDS)

    assert [card.memory_mib for card in answer.cards] == [None]
    assert answer.notes == ()


def test_a_comma_in_a_name_stays_in_the_name() -> None:
    answer = parse(_LINE.replace(b"RTX 5090", b"RTX 5090, Founders Edition"), 0, FIELDS)

    assert [card.name for card in answer.cards] == ["NVIDIA GeForce RTX 5090, Founders Edition"]
    assert answer.cards[0].capability == ComputeCapability(12, 0)


@pytest.mark.parametrize("capability", [b"0.0", b"99.9", b"1.3", b"120", b"twelve", b"-5.2", b"12.0.1", b"1e1"])
def test_an_implausible_capability_is_a_note_and_no_capability(capability: bytes) -> None:
    answer = parse(_LINE.replace(b"12.0", capability), 0, FIELDS)

    assert [card.capability for card in answer.cards] == [None]
    assert answer.notes == (
        f"NVIDIA GeForce RTX 5090: it says compute capability {capability.decode()!r}, which no GPU has",
    )
    assert not answer.is_complete


@pytest.mark.parametrize(
    "missing", [b"[N/A]", b"[Not Supported]", b"[Unknown Error]", b"[GPU requires reset]", b"N/A", b""]
)
def test_a_capability_without_value_is_none_without_complaint(missing: bytes) -> None:
    answer = parse(_LINE.replace(b"12.0", missing), 0, FIELDS)

    assert answer.cards[0].capability is None
    assert answer.notes == ()


@pytest.mark.parametrize(
    "junk",
    [
        b"WARNING: infoROM is corrupted at gpu 0000:01:00.0\n",
        b"0, GPU-1, too few\n",
        b"GPU is lost, reboot, the, system, to, recover\n",
        b"\xff\xfe\x00\x80\n",
        b"\x1b[2J\x1b]0;title\x07, , , , , \n",
        b"," * 10_000,
        b"9" * 10_000 + b"\n",
    ],
)
@pytest.mark.parametrize("exit_status", [0, 14])
def test_junk_beside_an_answer_is_a_note_and_does_not_lose_the_answer(junk: bytes, exit_status: int) -> None:
    answer = parse(junk + _LINE if junk.endswith(b"\n") else _LINE + junk, exit_status, FIELDS)

    assert "NVIDIA GeForce RTX 5090" in [card.name for card in answer.cards]
    assert all(note.isprintable() and len(note) < 300 for note in answer.notes)


@pytest.mark.parametrize(
    "stdout", [b"", b"\n\n", b"No devices were found\n", b"\xff", b"\x00" * 100, b"a,b,c,d,e,f\n" * 3]
)
@pytest.mark.parametrize("exit_status", [0, 1, 6, 12, 127, -9, 255])
def test_whatever_is_printed_instead_of_an_answer_is_a_note(stdout: bytes, exit_status: int) -> None:
    answer = parse(stdout, exit_status, FIELDS)

    assert answer.cards == ()
    assert answer.notes
    assert not answer.is_complete


def test_a_name_in_foreign_bytes_is_kept_printable() -> None:
    answer = parse(_LINE.replace(b"RTX 5090", b"RTX\xff\x1b[31m 5090"), 0, FIELDS)

    assert answer.cards[0].name == "NVIDIA GeForce RTX\ufffd [31m 5090"


# --- running it ------------------------------------------------------------------------------------------------------


def ask(environment: dict[str, str], table: CardTable | None = None, timeout_s: float = 5) -> Detection:
    load_cards = never if table is None else lambda: table
    return NvidiaSmiDetector(load_cards, environment, timeout_s=timeout_s).detect()


def test_the_tool_is_asked_for_its_fields_in_one_language(install_nvidia_smi: Install, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    environment = install_nvidia_smi(f'printf "%s\\n" "$LC_ALL" "$LD_LIBRARY_PATH" "$@" > {asked}')

    ask({**environment, "LC_ALL": "de_DE.UTF-8", "LD_LIBRARY_PATH": "/usr/lib64-nvidia"})

    assert asked.read_text(encoding="utf-8").splitlines() == [
        "C",
        "/usr/lib64-nvidia",
        "--query-gpu=index,uuid,name,compute_cap,driver_version,memory.total",
        "--format=csv,noheader",
    ]


def test_an_answer_becomes_gpus_without_loading_the_table(install_nvidia_smi: Install, prints: Prints) -> None:
    detection = ask(install_nvidia_smi(prints(_LINE, 0)))

    [gpu] = detection.gpus
    assert str(gpu) == "NVIDIA GeForce RTX 5090 (12.0)"
    assert (gpu.index, gpu.memory_mib, gpu.driver, gpu.reported_by) == (
        0,
        32607,
        DriverVersion.parse("610.62"),
        "nvidia-smi",
    )
    assert gpu.uuid == "GPU-04d3b6e7-5691-3e86-1d34-c37999440cf1"
    assert detection.is_settled
    assert detection.driver == DriverVersion.parse("610.62")


@pytest.mark.parametrize("case", ["branch 470", "a stale 470 binary"])
def test_r470_is_asked_again_and_its_names_looked_up_as_guesses(
    install_nvidia_smi: Install, prints: Prints, recorded: Find, table: CardTable, case: str
) -> None:
    refusal = recorded(case)
    # The second answer was not recorded: the recorded name and driver in the columns of the second query.
    second = b"0, [N/A], GeForce GTX 970, 470.182.03, [N/A]\n"
    environment = install_nvidia_smi(
        f'case "$1" in *compute_cap*) {prints(refusal.stdout, refusal.exit_status)};; *) {prints(second, 0)};; esac'
    )

    detection = ask(environment, table)

    [gpu] = detection.gpus
    assert gpu.capability == ComputeCapability(5, 2)
    assert gpu.is_guess
    assert gpu.note == "looked up by name"
    assert gpu.driver == DriverVersion.parse("470.182.03")
    assert "asked again without compute_cap" in detection.notes[0]
    assert not detection.is_settled


def test_a_name_that_the_table_does_not_know_is_a_note(
    install_nvidia_smi: Install, prints: Prints, recorded: Find, table: CardTable
) -> None:
    [orin] = recorded("Jetson Orin").stdout.decode().splitlines()
    index, name, *rest = orin.split(", ")
    line = ", ".join([index, rest[0], name, *rest[1:]])

    detection = ask(install_nvidia_smi(prints(line.encode(), 0)), table)

    assert detection.gpus == ()
    assert detection.notes == (
        "Orin (nvgpu): no compute capability given, and no single card of the table has this name",
    )
    assert not detection.is_complete


def test_a_card_with_neither_capability_nor_name_is_a_note(install_nvidia_smi: Install, prints: Prints) -> None:
    detection = ask(install_nvidia_smi(prints(b"1, [N/A], [N/A], [N/A], [N/A], [N/A]\n", 0)))

    assert detection.notes == ("GPU 1: neither compute capability nor name",)


def test_an_implausible_capability_is_not_repaired_from_the_name(
    install_nvidia_smi: Install, prints: Prints, table: CardTable
) -> None:
    detection = ask(install_nvidia_smi(prints(_LINE.replace(b"12.0", b"0.0"), 0)), table)

    assert not detection.is_settled


def test_no_driver_is_a_note_of_the_detector(install_nvidia_smi: Install, prints: Prints, recorded: Find) -> None:
    output = recorded("no driver")

    detection = ask(install_nvidia_smi(prints(output.stdout, output.exit_status)))

    assert detection.gpus == ()
    assert detection.notes[0].startswith("exit status 9: NVIDIA-SMI has failed")


def test_an_error_on_stderr_is_told(install_nvidia_smi: Install) -> None:
    detection = ask(install_nvidia_smi("echo 'error while loading shared libraries: libnvidia-ml.so.1' >&2; exit 127"))

    assert detection.notes == ("exit status 127: error while loading shared libraries: libnvidia-ml.so.1",)


def test_a_machine_without_the_tool_is_a_note(tmp_path: Path) -> None:
    detection = NvidiaSmiDetector(never, {"PATH": str(tmp_path)}, root=tmp_path).detect()

    assert detection.gpus == ()
    assert "not installed" in detection.notes[0]


def test_a_file_that_is_no_program_is_a_note(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_bytes(b"\x7fELF, cut off")
    program.chmod(0o755)

    detection = NvidiaSmiDetector(never, {"PATH": str(tmp_path)}, root=tmp_path).detect()

    assert "cannot be run: Exec format error" in detection.notes[0]


def test_the_tool_is_found_where_wsl2_keeps_it(install_nvidia_smi: Install, prints: Prints, tmp_path: Path) -> None:
    install_nvidia_smi(prints(_LINE, 0), "usr/lib/wsl/lib")

    # The script itself needs cat: PATH has the shell's tools and no nvidia-smi.
    detection = NvidiaSmiDetector(never, {"PATH": "/usr/bin:/bin"}, root=tmp_path).detect()

    assert [str(gpu) for gpu in detection.gpus] == ["NVIDIA GeForce RTX 5090 (12.0)"]


def ends(pid: int, within_s: float = 30) -> bool:
    """Whether a process ends; the kernel takes a moment to end what was killed, more on a busy machine."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # Readable once it has ended, as a zombie that nobody reaps too.
        return bool(select.select([watched], [], [], within_s)[0])
    finally:
        os.close(watched)


def test_a_hanging_tool_is_killed_with_its_children_though_they_ignore_sigterm(
    install_nvidia_smi: Install, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    environment = install_nvidia_smi(
        f"trap '' TERM INT HUP\nsleep 600 &\necho $$ $! > {pids}.new; mv {pids}.new {pids}\nwait"
    )

    started = time.monotonic()
    detection = ask(environment, timeout_s=1.0)

    assert time.monotonic() - started < 300  # not the 600 s that it would sleep
    assert detection.gpus == ()
    assert "gave no answer within 1 s and was killed" in detection.notes[0]
    assert all(ends(int(pid)) for pid in pids.read_text(encoding="utf-8").split())


def test_a_child_that_outlives_the_tool_does_not_hold_it_up(install_nvidia_smi: Install, prints: Prints) -> None:
    environment = install_nvidia_smi(f"sleep 30 &\n{prints(_LINE, 0)}")

    started = time.monotonic()
    detection = ask(environment)

    assert time.monotonic() - started < 25  # not the 30 s that the child sleeps
    assert len(detection.gpus) == 1
