"""The targets that the user names: ``--gpu`` and ``[tool.gpu-build] targets``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.gpu.interface import is_plausible
from poetry_gpu_build.gpu.platforms import JETSON_NOTE
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.gpu.interface import LoadCards
    from poetry_gpu_build.gpu.names import CardMatch

FROM_FLAG = "--gpu"
FROM_CONFIGURATION = "[tool.gpu-build] targets"

# Four digits without a prefix are a card's number ("5090", "1080"), not a capability: none has two minor digits.
_CAPABILITY = re.compile(r"(?:(?:sm|compute)_\w+|\d+\.\d+|\d{1,3})", re.IGNORECASE)
_LIST = re.compile(r"[,;]")
_HOW_TO_WRITE = "give the card's compute capability, such as 5.2 (developer.nvidia.com/cuda-gpus lists them)"


@dataclass(frozen=True, slots=True)
class ExplicitTargets:
    """GPUs as text: a compute capability (``5.2``, ``52``, ``sm_52``, ``compute_52``) or a card's name."""

    texts: tuple[str, ...]
    name: str
    """Where the texts stand: FROM_CONFIGURATION, FROM_FLAG, or another option."""
    load_cards: LoadCards
    """Called only if a text is a name."""
    where: Position | None = None
    """The place in pyproject.toml, for errors."""

    def detect(self) -> Detection:
        """Read the texts, in order; one that says the same as an earlier one is left out.

        Unlike a source that is asked, this one raises: InvalidValueError for a text that is neither a compute
        capability nor the name of one card. The nearest names, or the candidates, are among the ways out.
        """
        return Detection(source=self.name, gpus=tuple(dict.fromkeys(self._read(text) for text in self.texts)))

    def _read(self, text: str) -> Gpu:
        stripped = text.strip()
        if not stripped:
            raise self._error("the GPU is empty", (_HOW_TO_WRITE,))
        if _LIST.search(stripped):
            raise self._error(f"{stripped!r} is a list", (f"give each GPU on its own: {self._repeated(stripped)}",))
        if _CAPABILITY.fullmatch(stripped):
            return Gpu(capability=self._capability(stripped), reported_by=self.name)
        return self._card(stripped)

    def _capability(self, text: str) -> ComputeCapability:
        try:
            capability = ComputeCapability.parse(text)
        except InvalidValueError as error:
            raise self._error(error.message, error.ways_out) from error
        if is_plausible(capability):
            return capability
        raise self._error(
            f"{text!r} would be compute capability {capability}, which no GPU has", self._ways_out_for(text)
        )

    def _card(self, text: str) -> Gpu:
        table = self.load_cards()
        match = table.by_name(text)
        if not match.cards:
            raise self._error(f"no card of the table is called {text!r}", self._ways_out_for(text))
        if match.capability is None:
            raise self._error(f"{text!r} may mean several cards: {match.names}", self._candidates(match))
        card = match.cards[0]
        notes = [match.doubt] if match.doubt else []
        if other := table.mistaken_for(card):
            notes.append(f"not to be mistaken for {other.name} ({other.capability})")
        if card.name.startswith("Jetson"):
            notes.append(JETSON_NOTE)
        return Gpu(
            capability=match.capability,
            reported_by=self.name,
            name=card.name,
            is_guess=match.doubt is not None,
            note="; ".join(notes) or None,
        )

    def _ways_out_for(self, text: str) -> tuple[str, ...]:
        nearest = self.load_cards().nearest(text)
        meant = (f"if you mean one of these, write its name: {', '.join(nearest)}",) if nearest else ()
        return (*meant, _HOW_TO_WRITE)

    def _candidates(self, match: CardMatch) -> tuple[str, ...]:
        names = " or ".join(f'"{card.name}"' for card in match.cards)
        return (f"write the whole name: {names}", _HOW_TO_WRITE)

    def _repeated(self, text: str) -> str:
        parts = [part.strip() for part in _LIST.split(text) if part.strip()]
        if self.name != FROM_CONFIGURATION:
            return " ".join(f'{self.name} "{part}"' for part in parts)
        return "[" + ", ".join(f'"{part}"' for part in parts) + "]"

    def _error(self, message: str, ways_out: Sequence[str]) -> InvalidValueError:
        return InvalidValueError(f"{self.name}: {message}", where=self.where, ways_out=tuple(ways_out))
