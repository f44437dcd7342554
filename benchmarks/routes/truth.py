"""What really runs: the facts' rows, read as they stand, and NVIDIA's rule, written down a second time.

Nothing of the package's own rule is used, so that a mistake in it is counted and not shared. The rule: machine code for
X.y runs on X.z with z >= y, but for the rows of `sass_runs_on`; PTX runs on anything newer where the driver is at least
the one that came with the toolkit; and a driver must be as new as the CUDA major asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from packaging.specifiers import SpecifierSet

from poetry_gpu_build.documents.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Capability = tuple[int, int]
Version = tuple[int, ...]

# A released Linux driver of each branch; 590, 595 and 610 are those that came with a CUDA (facts/cuda_toolkits.toml).
DRIVERS = (
    "470.256.02",
    "510.108.03",
    "525.147.05",
    "535.183.01",
    "545.29.06",
    "550.144.03",
    "560.35.05",
    "565.77",
    "570.86.15",
    "575.64.05",
    "580.95.05",
    "590.44.01",
    "595.45.04",
    "610.43.02",
)
# The brands that NVIDIA_REQUIRE_CUDA tells apart, by how a card's name begins; a newer line's name does not tell.
_BRANDS = {
    "GeForce RTX": "geforcertx",
    "GeForce": "geforce",
    "TITAN RTX": "titanrtx",
    "TITAN": "titan",
    "Quadro RTX": "quadrortx",
    "Quadro": "quadro",
    "Tesla": "tesla",
}
# Their machines are aarch64, and the wheels of the table are x86_64.
_OF_OTHER_MACHINES = ("Jetson", "GB10", "GH200", "GB200", "GB300")


class Wheel(NamedTuple):
    """One row of `[[wheel]]`."""

    torch: str
    variant: str
    cuda: str
    sass: tuple[Capability, ...]
    ptx: tuple[Capability, ...]
    requires_python: str
    status: str

    def __str__(self) -> str:
        return f"{self.torch}+{self.variant}"


class Card(NamedTuple):
    """A card that sits in an x86_64 machine."""

    name: str
    capability: Capability

    @property
    def dotted(self) -> str:
        """As nvidia-smi prints it: ``12.0``."""
        return dotted(self.capability)


class Truth:
    """The tables, and what follows from them."""

    def __init__(self, facts: Path, python: str) -> None:
        torch = read_toml(facts / "torch_wheels.toml").data
        cuda = read_toml(facts / "cuda_toolkits.toml").data
        self._toolkits: dict[str, Any] = {row["cuda"]: row for row in cuda["toolkit"]}
        self._rows: dict[Capability, Any] = {capability(row["code"]): row for row in torch["sass_runs_on"]}
        self._branches = sorted((int(row["branch"]), capability(row["oldest_cc"])) for row in cuda["driver_branch"])
        self._floors = [(capability(row["cc_at_least"]), int(row["branch"])) for row in cuda["driver_floor"]]
        self._asks: dict[str, str] = {row["name"]: row["require_cuda"] for row in cuda["image"]}
        rows = [_wheel(row) for row in torch["wheel"] if row["published"] == "yes"]
        self.wheels = tuple(row for row in rows if SpecifierSet(row.requires_python).contains(f"{python}.0"))
        """The published wheels that this Python can install."""
        self.cards = tuple(
            Card(row["name"], capability(row["cc"]))
            for row in read_toml(facts / "gpus.toml").data["gpu"]
            if not row["name"].startswith(_OF_OTHER_MACHINES)
        )

    def wheel(self, build: str) -> Wheel | None:
        """The row of ``2.7.1+cu128``."""
        return next((wheel for wheel in self.wheels if str(wheel) == build), None)

    def drives(self, driver: str, card: Card) -> bool:
        """Whether there can be such a machine: the driver is new enough to know the card, and has not dropped it.

        A card is known from the driver on that came with the first CUDA whose compiler knows it; some are older than
        every CUDA of the table.
        """
        branch = numbers(driver)[0]
        oldest = next((oldest for last, oldest in self._branches if branch <= last), self._branches[-1][1])
        if card.capability < oldest or any(card.capability >= at and branch < floor for at, floor in self._floors):
            return False
        code = "".join(map(str, card.capability))
        knowing = [row for row in self._toolkits.values() if code in row["nvcc_sm"] and "driver_ga" in row]
        return bool(knowing) and branch >= min(numbers(row["driver_ga"])[0] for row in knowing)

    def runs(self, wheel: Wheel, card: Card, driver: str) -> bool:
        """Whether a wheel runs on a card under a driver."""
        toolkit = self._toolkits[wheel.cuda]
        if numbers(driver) < numbers(toolkit["driver_minor_compat"]):
            return False
        if any(self._code_runs(code, card.capability) for code in wheel.sass):
            return True
        came_with = toolkit.get("driver_ga")
        understands = came_with is not None and numbers(driver) >= numbers(came_with)
        return understands and any(code <= card.capability for code in wheel.ptx)

    def compiled_runs(self, cuda: str, compiled: Iterable[Capability], card: Card, driver: str) -> bool:
        """Whether what a toolkit can compile, and is told to compile for, runs on a card under a driver."""
        toolkit = self._toolkits[cuda]
        return numbers(driver) >= numbers(toolkit["driver_minor_compat"]) and any(
            "".join(map(str, code)) in toolkit["nvcc_sm"] and self._code_runs(code, card.capability)
            for code in compiled
        )

    def starts(self, image: str, card: Card, driver: str) -> bool:
        """Whether NVIDIA's container runtime starts the base image: one alternative of what it asks for must hold.

        An image of NVIDIA's that is not in the facts asks for its own CUDA.
        """
        asks = self._asks.get(image) or "cuda>=" + ".".join(image.rpartition(":")[2].split(".")[:2])
        return any(
            all(self._meets(condition, card, driver) for condition in alternative.split(","))
            for alternative in asks.split()
        )

    def _meets(self, condition: str, card: Card, driver: str) -> bool:
        """Whether the machine meets ``cuda>=12.8``, ``brand=tesla``, ``driver>=535`` or ``driver<536``."""
        branch = numbers(driver)[0]
        if condition.startswith("brand="):
            brand = next((brand for name, brand in _BRANDS.items() if card.name.startswith(name)), None)
            return brand in (None, condition.removeprefix("brand="))
        if condition.startswith("driver>="):
            return branch >= int(condition.removeprefix("driver>="))
        if condition.startswith("driver<"):
            return branch < int(condition.removeprefix("driver<"))
        wanted = self._toolkits[condition.removeprefix("cuda>=")]
        return branch >= numbers(wanted["driver_ga"])[0]

    def some_wheel_runs(self, card: Card, driver: str) -> bool:
        """Whether there is a published wheel that runs."""
        return any(self.runs(wheel, card, driver) for wheel in self.wheels)

    def _code_runs(self, code: Capability, card: Capability) -> bool:
        row = self._rows.get(code, {})
        if "only" in row:
            return card in map(capability, row["only"])
        return card[0] == code[0] and card[1] >= code[1] and card not in map(capability, row.get("except", ()))


def capability(text: str) -> Capability:
    """``8.6`` as two numbers."""
    major, minor = text.split(".")
    return int(major), int(minor)


def dotted(capability: Capability) -> str:
    """Two numbers as ``8.6``."""
    return f"{capability[0]}.{capability[1]}"


def numbers(version: str) -> Version:
    """A driver's version, to compare."""
    return tuple(int(part) for part in version.split("."))


def _wheel(row: dict[str, Any]) -> Wheel:
    return Wheel(
        row["torch"],
        row["variant"],
        row["cuda"],
        tuple(map(capability, row["sass"])),
        tuple(map(capability, row["ptx"])),
        row["requires_python"],
        row["status"],
    )
