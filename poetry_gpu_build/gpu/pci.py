"""Looks at the PCI bus: finds NVIDIA cards where no driver is installed, and knows them by their device id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.gpu.interface import LoadCards

NAME = "PCI id"
NO_CARD = "the PCI bus has no NVIDIA GPU"

_NVIDIA = "0x10de"
# PCI Code and ID Assignment Specification, base class 03h: 00h is a VGA controller, 02h a 3D controller (cards
# without an output). The card's audio, USB and serial functions have the same vendor and other classes.
_GPU_CLASSES = ("0x0300", "0x0302")


@dataclass(frozen=True, slots=True)
class PciDetector:
    """``/sys/bus/pci/devices``: needs neither driver nor root, and in a container shows the host's cards."""

    load_cards: LoadCards
    root: Path = Path("/")

    @property
    def name(self) -> str:
        """``PCI id``."""
        return NAME

    def detect(self) -> Detection:
        """Look up each card; one with an unknown id, or with an id of several cards, is a note.

        Raises ConfigurationError only if the table of cards is not TOML.
        """
        try:
            found = list(self._cards())
        except OSError as error:
            return Detection(source=NAME, notes=(f"the PCI bus cannot be read: {error.strerror or error}",))
        driver = self._driver()
        identified = [self._gpu(address, device_id, driver) for address, device_id in found]
        gpus = tuple(item for item in identified if isinstance(item, Gpu))
        notes = [item for item in identified if isinstance(item, str)]
        if not found:
            notes.append(NO_CARD)
        return Detection(source=NAME, gpus=gpus, notes=tuple(notes), is_complete=len(gpus) == len(found), driver=driver)

    def _cards(self) -> Iterator[tuple[str, str]]:
        """Address and device id of each NVIDIA GPU, in bus order. Raises OSError where there is no PCI bus."""
        for folder in sorted((self.root / "sys/bus/pci/devices").iterdir()):
            vendor, kind, device = (_read(folder / name) for name in ("vendor", "class", "device"))
            if vendor == _NVIDIA and kind.startswith(_GPU_CLASSES):
                yield folder.name, device.removeprefix("0x")

    def _gpu(self, address: str, device_id: str, driver: DriverVersion | None) -> Gpu | str:
        """The GPU, or why it is not known which it is."""
        match = self.load_cards().by_pci_id(device_id)
        if not match.cards:
            return f"the card at {address} has PCI id 10de:{device_id}, which the table does not know"
        if match.capability is None:
            return f"the card at {address} has PCI id 10de:{device_id}, which several cards share: {match.names}"
        told = f"known by PCI id 10de:{device_id} at {address}"
        return Gpu(
            capability=match.capability,
            reported_by=NAME,
            name=" or ".join(card.name for card in match.cards),
            driver=driver,
            is_guess=match.doubt is not None,
            note="; ".join(filter(None, (told, match.doubt))),
        )

    def _driver(self) -> DriverVersion | None:
        """The version of the kernel module, if NVIDIA's is loaded (``/sys/module/nvidia/version``)."""
        try:
            return DriverVersion.parse(_read(self.root / "sys/module/nvidia/version"))
        except InvalidValueError:
            return None


def _read(path: Path) -> str:
    """A kernel attribute, in lower case; empty where it does not exist or cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip().lower()
    except OSError:
        return ""
