"""The forms in which advice is shown: text for people, json for programs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.commands.writing import shown_diff
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.characters import well_formed
from poetry_gpu_build.offers.ways_out import shown_driver
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.offers.compiles import Compile
    from poetry_gpu_build.offers.ways_out import WaysOut
    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.scaffold.change import Changes


class Pinned(NamedTuple):
    """The torch that the project pins, held against the cards."""

    torch: str
    answer: Answer


class Advice(NamedTuple):
    """What is shown."""

    gpus: tuple[Gpu, ...]
    policy: Policy
    ways: WaysOut
    pinned: Pinned | None
    """The torch that the project pins, as far as the facts know it."""
    offer: Offer | None
    """The wheel whose lines are shown."""
    follows_wheel: bool
    """Whether the lines set the floor as well."""
    lines: str | None
    """What pyproject.toml has to say for it."""
    changes: Changes | None
    """What --apply writes; None: it was not asked for."""


def as_text(advice: Advice) -> str:
    """Whom it is for and the verdict; then wheels, compiles and drivers; then what to write."""
    ways = advice.ways
    blocks = [
        [*_asked(advice), *_verdict(ways, advice.offer), *_pinned(advice.pinned)],
        _wheels(ways.offers),
        _compiled(ways),
        _drivers(ways),
        _base_image(advice),
        _written(advice),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def as_json(advice: Advice) -> str:
    """One document."""
    changes = advice.changes
    return json_document(
        {
            "gpus": [
                {
                    "compute_capability": str(gpu.capability),
                    "name": None if gpu.name is None else well_formed(gpu.name),
                    "reported_by": gpu.reported_by,
                    "driver": None if gpu.driver is None else str(gpu.driver),
                }
                for gpu in advice.gpus
            ],
            "python": advice.policy.python,
            "base_image": well_formed(advice.policy.binary.base_image),
            **_ways_data(advice.ways),
            "pinned": None
            if advice.pinned is None
            else {
                "torch": advice.pinned.torch,
                "runs": advice.pinned.answer.runs,
                "because": advice.pinned.answer.because,
            },
            "pyproject": None
            if advice.offer is None
            else {
                "index": advice.offer.index_name,
                "torch": advice.offer.pin,
                "follows_wheel": advice.follows_wheel,
                "lines": advice.lines,
            },
            "changes": None
            if changes is None
            else {
                "diff": [well_formed(shown_diff(change)) for change in changes.changes],
                "notes": [well_formed(note) for note in changes.notes],
            },
        }
    )


FORMATS: dict[str, Callable[[Advice], str]] = {"text": as_text, "json": as_json}


def _asked(advice: Advice) -> Iterator[str]:
    for gpu in dict.fromkeys(advice.gpus):
        driver = "" if gpu.driver is None else f"; driver {gpu.driver}"
        note = "" if gpu.note is None else f"; {visible(gpu.note)}"
        yield f"for {visible(str(gpu))}, says {gpu.reported_by}{driver}{note}"


def _verdict(ways: WaysOut, best: Offer | None) -> Iterator[str]:
    targets = listed(ways.targets)
    if ways.serves and best is not None:
        yield f"no compile is needed: {best} runs on {targets} (known by: {best.known_by})"
        if not best.is_machine_code:
            yield f"  {best.answer.because}"
        yield from (f"  but {caution.because}: convolutions fail there" for caution in best.cautions)
        return
    if ways.serves:
        compilers = f"{_cudas(ways.compiles)} compiles for {_them(ways)}"
        yield f"a compile is needed: no wheel of the facts runs on {targets}; {compilers}"
    else:
        yield f"nothing serves {targets}: {ways.why_nothing}"
        yield from _with_other_driver(ways)
    for each in ways.apart:
        yield f"  an image for {listed(each.targets)} alone: {_alone(each)}"


def _pinned(pinned: Pinned | None) -> Iterator[str]:
    if pinned is not None:
        runs = "runs" if pinned.answer.runs else "does not run"
        yield f"the project pins torch {pinned.torch}, which {runs} there: {pinned.answer.because}"


def _with_other_driver(ways: WaysOut) -> Iterator[str]:
    other = ways.with_other_driver
    if other is not None:
        yield f"  with a driver {other.drivers}: {_alone(other)}"


def _alone(ways: WaysOut) -> str:
    cheapest = ways.offers[0] if ways.serves and ways.offers else None
    if cheapest is not None:
        return f"{cheapest}, with a driver from {shown_driver(cheapest.driver_from)} on (known by: {cheapest.known_by})"
    if ways.serves:
        return f"a compile with {_cudas(ways.compiles)}"
    return ways.why_nothing


def _wheels(offers: Sequence[Offer]) -> list[str]:
    rows = [("index", "wheel", "driver from", "known by")]
    for offer in offers:
        torch = offer.pin if offer.index_url else f"{offer.pin} ({offer.wheel.torch.variant})"
        kind = "" if offer.is_machine_code else ", by its PTX"
        caution = ", its cuDNN does not serve all" if offer.cautions else ""
        rows.append(
            (offer.index_name, f"torch {torch}", shown_driver(offer.driver_from), offer.known_by + kind + caution)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + f"  {row[3]}"
        for row in rows
    ]
    return ["wheels, the newest of each index:", *lines] if offers else []


def _compiled(ways: WaysOut) -> list[str]:
    if not ways.compiles:
        return []
    heading = "compile, which is not needed:" if ways.offers else "compile:"
    lines = [heading]
    for arch_list, group in groupby(ways.compiles, key=lambda each: each.arch_list):
        found = list(group)
        lines.append(f'  {_cudas(found)}: TORCH_CUDA_ARCH_LIST="{arch_list}" (known by: {_status(found)})')
    portable = ways.compiles[-1].portable_arch_list
    return [*lines, f'  "{portable}" makes PTX as well, which runs on newer GPUs than these too']


def _drivers(ways: WaysOut) -> list[str]:
    if not ways.window.is_open or ways.boards:
        return []
    lines = [f"driver: {ways.window} drives {_them(ways)}"]
    return lines + [f"  {row.what} ({row.evidence.source})" for row in ways.window.rows]


def _base_image(advice: Advice) -> list[str]:
    ways = advice.ways
    if not ways.refusals or not ways.serves:
        return []
    others = [f'modes.binary.base-image = "{image}" in [tool.gpu-build]' for image in ways.other_base_images]
    return [
        *(f"base image: {refusal.because}" for refusal in ways.refusals),
        "  the wheel would run: it brings its own CUDA libraries along. Ways out:",
        *(f"  - {other}" for other in (*others, "a base image that asks for no CUDA, such as a plain Ubuntu")),
        "  - a newer driver, or NVIDIA_DISABLE_REQUIRE=true for the container, which skips the check",
    ]


def _written(advice: Advice) -> list[str]:
    if advice.changes is not None:
        return [shown_diff(change) for change in advice.changes.changes]
    if advice.lines is None:
        return []
    hints = ["pyproject.toml, as --apply writes it:"]
    if advice.follows_wheel:
        below = listed([target for target in advice.ways.targets if target < advice.policy.floor])
        because = f"the policy's floor {advice.policy.floor} would have torch compiled for {below}"
        hints.insert(0, f'floor = "wheel" is part of it: {because}')
    return [*hints, *(f"  {line}" if line else "" for line in advice.lines.rstrip("\n").split("\n"))]


def _them(ways: WaysOut) -> str:
    return "it" if len(ways.targets) == 1 else "all of them"


def _cudas(compiles: Sequence[Compile]) -> str:
    first, last = compiles[0].toolkit.cuda, compiles[-1].toolkit.cuda
    if len(compiles) == 1:
        return f"CUDA {first}"
    return f"CUDA {first} {'or' if len(compiles) == 2 else 'to'} {last}"


def _status(compiles: Sequence[Compile]) -> str:
    doubts = [each.answer.doubt for each in compiles]
    return next((doubt for doubt in doubts if doubt is not None), "measured")


def _ways_data(ways: WaysOut) -> dict[str, Any]:
    return {
        "targets": [str(target) for target in ways.targets],
        "serves": ways.serves,
        "needs_compile": ways.needs_compile,
        "wheels": [_offer_data(offer) for offer in ways.offers],
        "compiles": [
            {
                "cuda": str(each.toolkit.cuda),
                "arch_list": each.arch_list,
                "portable_arch_list": each.portable_arch_list,
                "known_by": _status([each]),
            }
            for each in ways.compiles
        ],
        "driver": {
            "from": None if ways.driver_from is None else str(ways.driver_from),
            "first_branch": ways.window.first,
            "last_branch": ways.window.last,
            "objections": [objection.because for objection in ways.window.objections],
        },
        "base_image_refuses": [refusal.because for refusal in ways.refusals],
        "other_base_images": list(ways.other_base_images),
        "boards": [str(board) for board in ways.boards],
        "apart": [_ways_data(each) for each in ways.apart],
        "with_other_driver": None if ways.with_other_driver is None else _ways_data(ways.with_other_driver),
    }


def _offer_data(offer: Offer) -> dict[str, Any]:
    return {
        "index": offer.index_name,
        "index_url": offer.index_url,
        "torch": str(offer.wheel.torch),
        "pin": offer.pin,
        "cuda": str(offer.wheel.cuda),
        "driver_from": str(offer.driver_from),
        "machine_code": offer.is_machine_code,
        "known_by": offer.known_by,
        "because": offer.answer.because,
        "cautions": [caution.because for caution in offer.cautions],
        "facts": [
            {"kind": row.kind, "what": row.what, "status": row.evidence.status, "source": row.evidence.source}
            for row in offer.answer.rows
        ],
    }
