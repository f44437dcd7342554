"""What CUDA_VISIBLE_DEVICES means for the GPUs that an image is built for."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Gpu

_NO_DEVICE = frozenset({"", "-1", "NoDevFiles"})
_MIG_OF_OLD_DRIVERS = "MIG-GPU-"


class Visible(NamedTuple):
    """The GPUs that count, and what to tell about it."""

    gpus: tuple[Gpu, ...]
    notes: tuple[str, ...]


def keep_visible(gpus: tuple[Gpu, ...], value: str | None) -> Visible:
    """Keep the GPUs that CUDA_VISIBLE_DEVICES names by UUID; ``value`` is None if the variable is unset.

    The variable tells a CUDA program which cards to use; an image is built for the cards that a machine has. So it
    narrows the targets only where it says without doubt which cards are meant, and never silently:

    - UUIDs (``GPU-…``, ``MIG-…``, abbreviated too where one GPU fits): exactly these, as CUDA does: in a list, what
      follows an unknown one does not count.
    - Numbers: not followed. They count in CUDA's order, fastest card first, unless CUDA_DEVICE_ORDER=PCI_BUS_ID; no
      source here counts like that, and the wrong card would make the wrong image.
    - Nothing, or -1 (no GPU visible): not followed. It is what a scheduler sets for a job without a GPU and a
      developer to keep one program off the card; following it would choose the policy's default mode, and build
      for a card that is not there.

    Source: CUDA C++ Programming Guide, "CUDA Environment Variables".
    """
    if value is None or not gpus:
        return Visible(gpus, ())
    entries = [entry.strip() for entry in value.split(",")]
    if entries[0] in _NO_DEVICE:
        return _unchanged(gpus, value, "hides every GPU from CUDA programs, not from images")
    if not all(entry.startswith(("GPU-", "MIG-")) for entry in entries):
        return _unchanged(gpus, value, "counts in CUDA's own order, which cannot be told from here")
    chosen = list(takewhile(lambda at: at is not None, (_find(gpus, entry) for entry in entries)))
    if not chosen:
        return _unchanged(gpus, value, "names no GPU that was found")
    kept = tuple(gpu for index, gpu in enumerate(gpus) if index in chosen)
    left_out = "" if len(kept) == len(gpus) else f": {len(gpus) - len(kept)} of {len(gpus)} GPUs left out"
    return Visible(kept, (f"CUDA_VISIBLE_DEVICES={value} was followed{left_out}",))


def _unchanged(gpus: tuple[Gpu, ...], value: str, why: str) -> Visible:
    note = f"CUDA_VISIBLE_DEVICES={value} was not followed: it {why}; choose the targets with --gpu"
    return Visible(gpus, (note,))


def _find(gpus: tuple[Gpu, ...], entry: str) -> int | None:
    """The position of the only GPU that this UUID, or beginning of one, names."""
    # Drivers before R470 write a MIG device as MIG-GPU-<the GPU's UUID>/<instance>/<instance>.
    uuid = entry.removeprefix("MIG-").split("/")[0] if entry.startswith(_MIG_OF_OLD_DRIVERS) else entry
    fitting = [
        at for at, gpu in enumerate(gpus) if any(known.startswith(uuid) for known in (gpu.uuid or "", *gpu.mig_uuids))
    ]
    return fitting[0] if len(fitting) == 1 else None
