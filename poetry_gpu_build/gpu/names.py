"""The table of cards, by name and by PCI device id: a fallback, for where no driver gives the compute capability.

Names collide and PCI ids do not, so the order is: the device's own answer, the PCI id, the name.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.facts.rows import GpuFact
    from poetry_gpu_build.values import ComputeCapability

# `check` of a row: no source contradicts it. Anything else is a doubt (facts/gpus.toml, its head).
_UNDISPUTED = frozenset({"agrees", "not in the PCI list"})
_CONFLICT = "conflict"

_COMPANY = re.compile(r"^nvidia\s+")
_BRAND = re.compile(r"^(geforce|quadro|tesla)\s+")
# NVIDIA dropped these two brands: what R470 calls "Tesla T4" and "Quadro T1000" the table calls "T4" and "T1000".
_DROPPED_BRANDS = frozenset({"quadro", "tesla"})
# What a row's name says of the edition and nobody types: "GB10 (DGX Spark)", "RTX 6000 Ada", "… Workstation Edition".
_EDITION = re.compile(r"\s+\(.*\)$|\s+ada$|(?:\s+max-q)?\s+(?:server|workstation|sff)\s+edition$")
# What a driver adds for the board: "A100-SXM4-80GB", "H100 80GB HBM3", "GeForce GTX 1060 6GB", "RTX 4090 Laptop GPU".
_BOARD = re.compile(
    r"(?:[\s-]+(?:laptop\s+gpu|laptop|mobile|with\s+max-q\s+design|max-q|pcie|sxm\d?|nvl|hbm\d\w?|\d+\s?gb))+$"
)
_GENERATION = re.compile(r"(?<=\sada)\s+generation\b")
# So many characters of a name say something about which card is meant: "970", "orin"; "x" does not.
_TELLING = 3
_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class CardMatch:
    """The rows that a name or a PCI id may mean; none if it is unknown."""

    cards: tuple[GpuFact, ...]
    remark: str | None = None
    """Where the row's name is not what was asked for: what was left out."""

    @property
    def capability(self) -> ComputeCapability | None:
        """The number that all rows share; None if there is no row, or if they differ."""
        capabilities = {card.capability for card in self.cards}
        return capabilities.pop() if len(capabilities) == 1 else None

    @property
    def names(self) -> str:
        """The rows with their numbers, for a message: ``Quadro RTX 4000 (7.5), RTX 4000 Ada (8.9)``."""
        return ", ".join(f"{card.name} ({card.capability})" for card in self.cards)

    @property
    def doubt(self) -> str | None:
        """Why the number is a guess; None if nothing speaks against it."""
        doubts = [self.remark] if self.remark else []
        doubts.extend(_dispute(card) for card in self.cards if card.check not in _UNDISPUTED)
        return "; ".join(doubts) or None


def _dispute(card: GpuFact) -> str:
    if card.check == _CONFLICT:
        return f"the sources disagree on {card.name}: its chip is {card.capability}, NVIDIA's page gives another number"
    return f"{card.name}: {card.check}"


@dataclass(frozen=True, slots=True)
class _Name:
    """A card's name taken apart: ``NVIDIA GeForce GTX 970`` is brand ``geforce`` and model ``gtx 970``."""

    brand: str | None
    model: str

    @classmethod
    def parse(cls, text: str) -> _Name:
        words = _GENERATION.sub("", _COMPANY.sub("", " ".join(text.casefold().split())))
        brand = _BRAND.match(words)
        return cls(None, words) if brand is None else cls(brand[1], words[brand.end() :])

    @property
    def key(self) -> str:
        """Spelled without separators: ``RTX5090`` and ``RTX 5090`` are one name."""
        return _SEPARATORS.sub("", self.model)

    @property
    def without_edition(self) -> _Name:
        return _Name(self.brand, _EDITION.sub("", self.model))

    def may_be(self, row: _Name) -> bool:
        """Whether the brands fit: both the same, or one of them left out where it may be."""
        if self.brand in (row.brand, None):
            return True
        return row.brand is None and self.brand in _DROPPED_BRANDS


class CardTable:
    """The cards of facts/gpus.toml, indexed by name and by PCI device id."""

    def __init__(self, cards: Iterable[GpuFact]) -> None:
        self._rows: dict[str, list[tuple[_Name, GpuFact]]] = defaultdict(list)
        self._ids: dict[str, list[GpuFact]] = defaultdict(list)
        for card in cards:
            name = _Name.parse(card.name)
            for key in {name.key, name.without_edition.key}:
                self._rows[key].append((name, card))
            for device_id in card.pci_ids:
                self._ids[device_id].append(card)

    def by_name(self, text: str) -> CardMatch:
        """The cards that ``text`` may mean: whole names, in any case, with or without separators.

        ``NVIDIA`` is optional. So are the brand (``GTX 970``) and the edition (``RTX PRO 6000 Blackwell``), unless a
        row has exactly the name that was asked for: ``TITAN X`` is that card, never ``GTX TITAN X``. A name with a
        board's additions (``A100-SXM4-80GB``, ``RTX 4090 Laptop GPU``) is looked up without them if it has no row of
        its own, and ``remark`` says so. Several rows with different numbers: ``capability`` is None.
        """
        asked = _Name.parse(text)
        if found := self._find(asked):
            return CardMatch(found)
        board = _BOARD.search(asked.model)
        if board is None:
            return CardMatch(())
        found = self._find(_Name(asked.brand, asked.model[: board.start()]))
        remark = f'looked up without "{board[0].strip(" -")}": the table has no row for that board'
        return CardMatch(found, remark if found else None)

    def _find(self, asked: _Name) -> tuple[GpuFact, ...]:
        rows = self._rows.get(asked.key, [])
        if exact := tuple(card for name, card in rows if (name.brand, name.key) == (asked.brand, asked.key)):
            return exact
        return tuple(card for name, card in rows if asked.may_be(name))

    def by_pci_id(self, device_id: str) -> CardMatch:
        """The cards with this PCI device id (four lower-case hexadecimal digits, vendor 10de)."""
        return CardMatch(tuple(self._ids.get(device_id, ())))

    def mistaken_for(self, card: GpuFact) -> GpuFact | None:
        """A card of another number that only has a word more in front: ``GTX TITAN X`` (5.2), ``TITAN X`` (6.1)."""
        model = _Name.parse(card.name).model
        return next(
            (
                other
                for name, other in self._all()
                if other.capability != card.capability and name.model.endswith(f" {model}")
            ),
            None,
        )

    def nearest(self, text: str) -> tuple[str, ...]:
        """At most three names that look like ``text``, the likeliest first: those that hold it, then the similar."""
        asked = _Name.parse(text).key
        holding = sorted((key for key in self._rows if asked in key), key=len) if len(asked) >= _TELLING else []
        similar = difflib.get_close_matches(asked, self._rows, n=3)
        return tuple(dict.fromkeys(card.name for key in (*holding, *similar) for _, card in self._rows[key]))[:3]

    def _all(self) -> Iterator[tuple[_Name, GpuFact]]:
        return (row for rows in self._rows.values() for row in rows)
