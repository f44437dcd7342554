"""Asks ``nvidia-smi``, where NVML's Python binding cannot answer.

Only ``--query-gpu`` is read. The banner is never scraped: its layout changes, and beside a newer driver a stale
binary's banner names two versions.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.brief import run_briefly
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.gpu.interface import is_plausible
from poetry_gpu_build.gpu.interface import printable
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.gpu.interface import LoadCards

NAME = "nvidia-smi"
TIMEOUT_S = 5.0
FIELDS = ("index", "uuid", "name", "compute_cap", "driver_version", "memory.total")
# R470 and older do not know `compute_cap` and refuse the whole query: 'Field "compute_cap" is not a valid field to
# query.', exit status 2 (huggingface/candle#733).
FIELDS_OF_R470 = tuple(field for field in FIELDS if field != "compute_cap")

_NOT_A_FIELD = "is not a valid field to query"
# "[N/A]", "[Not Supported]", "[Unknown Error]", "[GPU requires reset]", and in older releases "N/A" bare.
_NO_VALUE = frozenset({"", "N/A"})
_WSL2_FOLDER = "usr/lib/wsl/lib"
# Sixteen GPUs answer in 2 kB; what is longer is no answer, and not worth the memory.
_MAXIMUM_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Card:
    """One line of the answer; a field that was not asked for, or not answered, is None."""

    index: int | None = None
    uuid: str | None = None
    name: str | None = None
    capability: ComputeCapability | None = None
    driver: DriverVersion | None = None
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query yielded."""

    cards: tuple[Card, ...] = ()
    notes: tuple[str, ...] = ()
    lacks_field: bool = False
    """Whether this nvidia-smi does not know one of the fields, and hence answered nothing."""
    is_complete: bool = True
    """Whether every line was understood and the program says that it succeeded."""


def parse(stdout: bytes, exit_status: int, fields: Sequence[str]) -> Answer:
    """Read what ``nvidia-smi --query-gpu=<fields> --format=csv`` printed, with or without a header line.

    Whatever cannot be understood becomes a note; nothing is raised, whatever the bytes.
    """
    lines = [line for line in stdout.decode("utf-8", errors="replace").splitlines() if line.strip()]
    if any(_NOT_A_FIELD in line for line in lines):
        return Answer(notes=(printable(lines[0]),), lacks_field=True, is_complete=False)
    if exit_status != 0 and not any(_columns(line, fields) for line in lines):
        said = f": {printable(lines[0])}" if lines else ""
        return Answer(notes=(f"exit status {exit_status}{said}",), is_complete=False)
    cards: list[Card] = []
    notes: list[str] = [] if exit_status == 0 else [f"exit status {exit_status}, in spite of an answer"]
    for line in lines:
        columns = _columns(line, fields)
        if columns is None:
            notes.append(f"a line that is no answer: {printable(line, 80)}")
            continue
        if _is_header(columns, fields):
            continue
        card, complaints = _card(dict(zip(fields, columns, strict=True)))
        notes.extend(complaints)
        cards.append(card)
    if not lines:
        notes.append("it printed nothing: it knows of no GPU")
    return Answer(tuple(cards), tuple(notes), is_complete=not notes)


def _columns(line: str, fields: Sequence[str]) -> list[str] | None:
    """The columns of a line, one for each field, or None; nothing is quoted, so a comma can only be in the name."""
    columns = [column.strip() for column in line.split(",")]
    surplus = len(columns) - len(fields)
    if surplus > 0 and "name" in fields:
        at = fields.index("name")
        columns[at : at + surplus + 1] = [", ".join(columns[at : at + surplus + 1])]
    if len(columns) != len(fields):
        return None
    return columns if "index" not in fields or _looks_numbered(columns[fields.index("index")]) else None


def _looks_numbered(index: str) -> bool:
    return index == "index" or _integer(index) is not None or _value(index) is None


def _is_header(columns: Sequence[str], fields: Sequence[str]) -> bool:
    """``name, memory.total [MiB]``: the field names, some with a unit."""
    return all(column.split(" [")[0] == field for column, field in zip(columns, fields, strict=True))


def _card(answer: Mapping[str, str]) -> tuple[Card, tuple[str, ...]]:
    capability, complaint = _capability(_value(answer.get("compute_cap", "")))
    uuid = _value(answer.get("uuid", ""))
    card = Card(
        index=_integer(answer.get("index", "")),
        uuid=uuid if uuid is not None and uuid.startswith("GPU-") else None,
        name=printable(answer["name"]) if _value(answer.get("name", "")) else None,
        capability=capability,
        driver=_driver(_value(answer.get("driver_version", ""))),
        memory_mib=_integer(answer.get("memory.total", "").removesuffix("MiB")),
    )
    return card, () if complaint is None else (f"{card.name or 'a GPU'}: {complaint}",)


def _value(text: str) -> str | None:
    return None if text in _NO_VALUE or (text.startswith("[") and text.endswith("]")) else text


def _integer(text: str) -> int | None:
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) <= 9 else None


def _driver(text: str | None) -> DriverVersion | None:
    try:
        return None if text is None else DriverVersion.parse(text)
    except InvalidValueError:
        return None


def _capability(text: str | None) -> tuple[ComputeCapability | None, str | None]:
    """The number, or the complaint about it; neither, if there is no answer."""
    if text is None:
        return None, None
    try:
        # nvidia-smi writes the dotted form only; "52" from it would be junk.
        capability = ComputeCapability.parse(text) if "." in text else None
    except InvalidValueError:
        capability = None
    if capability is None or not is_plausible(capability):
        return None, f"it says compute capability {printable(text, 20)!r}, which no GPU has"
    return capability, None


@dataclass(frozen=True, slots=True)
class NvidiaSmiDetector:
    """The driver's command line tool, on PATH or where WSL2 keeps it."""

    load_cards: LoadCards
    environment: Mapping[str, str]
    """For PATH, and for the tool itself, which on some hosts needs LD_LIBRARY_PATH to find its library."""
    root: Path = Path("/")
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """``nvidia-smi``."""
        return NAME

    def detect(self) -> Detection:
        """Ask with ``compute_cap``, and again without it where that field does not exist.

        Raises ConfigurationError only if the table of cards, needed for a GPU without an answer, is not TOML.
        """
        program = self._find()
        if program is None:
            return Detection(
                source=NAME, notes=("not installed: it is neither on PATH nor in WSL2's /usr/lib/wsl/lib",)
            )
        answer = self._query(program, FIELDS)
        if not answer.lacks_field:
            return self._detection(answer, ())
        told = f"{answer.notes[0]} It is R470 or older: asked again without compute_cap"
        return self._detection(self._query(program, FIELDS_OF_R470), (told,))

    def _find(self) -> str | None:
        on_path = shutil.which(NAME, path=self.environment.get("PATH", os.defpath))
        return on_path or shutil.which(NAME, path=str(self.root / _WSL2_FOLDER))

    def _detection(self, answer: Answer, notes: Sequence[str]) -> Detection:
        identified = [self._gpu(card) for card in answer.cards]
        gpus = tuple(item for item in identified if isinstance(item, Gpu))
        unidentified = tuple(item for item in identified if isinstance(item, str))
        return Detection(
            source=NAME,
            gpus=gpus,
            notes=(*notes, *answer.notes, *unidentified),
            is_complete=answer.is_complete and not unidentified,
            driver=next((card.driver for card in answer.cards if card.driver is not None), None),
        )

    def _gpu(self, card: Card) -> Gpu | str:
        """The GPU, or why it is not known which it is."""
        capability, note = card.capability, None
        if capability is None:
            if card.name is None:
                return f"GPU {card.index if card.index is not None else '?'}: neither compute capability nor name"
            match = self.load_cards().by_name(card.name)
            if match.capability is None:
                return f"{card.name}: no compute capability given, and no single card of the table has this name"
            capability, note = match.capability, "; ".join(filter(None, ("looked up by name", match.doubt)))
        return Gpu(
            capability=capability,
            reported_by=NAME,
            name=card.name,
            index=card.index,
            uuid=card.uuid,
            driver=card.driver,
            memory_mib=card.memory_mib,
            is_guess=card.capability is None,
            note=note,
        )

    def _query(self, program: str, fields: Sequence[str]) -> Answer:
        command = (program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader")
        try:
            ran = run_briefly(
                command,
                timeout_s=self.timeout_s,
                most_bytes=_MAXIMUM_BYTES,
                environment={**self.environment, "LC_ALL": "C"},
            )
        except OSError as error:
            return Answer(notes=(f"{program} cannot be run: {error.strerror or error}",), is_complete=False)
        if ran is None:
            return Answer(
                notes=(f"{program} gave no answer within {self.timeout_s:g} s and was killed",), is_complete=False
            )
        return parse(ran.out or ran.errors, ran.status, fields)
