"""Which torch this project, uv and light-the-torch choose for each card and driver, and whether it runs there.

    python -m benchmarks.coverage

To be run from the checkout's root, with this project's dependencies; it needs `openssl`, and makes a virtual
environment with the peers from the package index that pip is configured for.

All are asked the same: a machine with one card, whose `nvidia-smi` answers as the real one does, for every card of the
facts that sits in an x86_64 machine and for every driver branch from 470 to 610 that drives it.

- *uv*: `uv pip install --torch-backend=auto --dry-run torch`, the real program; download.pytorch.org is a stand-in on
  loopback that lists the wheels which the facts call published (`benchmarks/routes/index.py`).
- *ltt*: `ltt install --dry-run torch` of light-the-torch, in the same way.
- *gpu-build*: the plan for examples/minimal (torch 2.7.1+cu128) under the shipped policy, from its own reading of the
  same `nvidia-smi`.

What they choose is judged by the architectures in the wheel and NVIDIA's rule, written down in `routes/truth.py`
without a line of the package. Ours is an image, so its base image must start as well. The columns:

- *runs*: the wheel runs on that card, under that driver.
- *compiles*: told to compile torch, and what is compiled runs.
- *refused*: nothing is installed or built.
- *cannot run*: a wheel, or a compile, that ends in "no kernel image" or a driver too old. The goal is 0.
- *needless no*, *needless compile*: although a published wheel runs on that card under that driver, outside an image.

Ours names ways out where it refuses; each is followed as it is written (the pin written into the project, the flag
given, the driver replaced), and counted by where it leads.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from benchmarks.routes.index import stand_in
from benchmarks.routes.machine import FakeMachine
from benchmarks.routes.machine import write_nvidia_smi
from benchmarks.routes.ours import FACTS
from benchmarks.routes.ours import NAME
from benchmarks.routes.ours import Ours
from benchmarks.routes.peers import LTT
from benchmarks.routes.peers import UV
from benchmarks.routes.peers import Peer
from benchmarks.routes.peers import installed
from benchmarks.routes.truth import DRIVERS
from benchmarks.routes.truth import Truth
from benchmarks.routes.truth import dotted
from benchmarks.routes.truth import numbers
from poetry_gpu_build import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from benchmarks.routes.ours import Decided
    from benchmarks.routes.truth import Card

RUNS, COMPILES, REFUSED, WRONG = "runs", "compiles", "refused", "cannot run"
COLUMNS = (RUNS, COMPILES, REFUSED, WRONG)


class Verdict(NamedTuple):
    """One answer of one program, judged."""

    who: str
    card: Card
    driver: str
    kind: str
    chosen: str
    """``2.7.1+cu128``, or what stands for it."""
    is_needless: bool = False
    """Whether it is a no, or a compile, although a published wheel runs."""


def judged(decided: Decided, card: Card, driver: str, truth: Truth) -> Verdict:
    """Judge an answer of ours."""
    if decided.ways_out is not None:
        return Verdict(NAME, card, driver, REFUSED, "-", truth.some_wheel_runs(card, driver))
    starts = truth.starts(decided.base_image, card, driver)
    if decided.wheel is None:
        is_right = starts and truth.compiled_runs(decided.cuda, decided.compiled, card, driver)
        chosen = "a compile for " + " ".join(map(dotted, decided.compiled))
        kind = COMPILES if is_right else WRONG
        return Verdict(NAME, card, driver, kind, chosen, truth.some_wheel_runs(card, driver))
    wheel = truth.wheel(decided.wheel)
    is_right = starts and wheel is not None and truth.runs(wheel, card, driver)
    return Verdict(NAME, card, driver, RUNS if is_right else WRONG, decided.wheel)


def judged_peer(who: str, chosen: str | None, card: Card, driver: str, truth: Truth) -> Verdict:
    """Judge an answer of a peer; a torch without CUDA is a no."""
    if chosen is None or chosen.endswith("+cpu"):
        return Verdict(who, card, driver, REFUSED, chosen or "-", truth.some_wheel_runs(card, driver))
    wheel = truth.wheel(chosen)
    assert wheel is not None, f"{who} chose torch {chosen}, which the stand-in does not list"
    return Verdict(who, card, driver, RUNS if truth.runs(wheel, card, driver) else WRONG, chosen)


def show(verdicts: Sequence[Verdict], who: Iterable[str]) -> None:
    """Print the pairs of card and driver, the cards, and where each is wrong."""
    heads = "".join(f"{head:>18}" for head in (*COLUMNS, "needless no", "needless compile"))
    print(f"\n{'pairs of card and driver':<26}{heads}")
    for name in who:
        own = [verdict for verdict in verdicts if verdict.who == name]
        kinds = Counter(verdict.kind for verdict in own)
        needless = Counter(verdict.kind for verdict in own if verdict.is_needless)
        figures = [*(kinds[kind] for kind in COLUMNS), needless[REFUSED], needless[COMPILES]]
        print(f"  {name:<24}" + "".join(f"{figure:>18}" for figure in figures))
    print(f"\n{'cards, on some driver':<26}{heads}")
    for name in who:
        own = [verdict for verdict in verdicts if verdict.who == name]
        sets = [{verdict.card for verdict in own if verdict.kind == kind} for kind in COLUMNS]
        sets += [{each.card for each in own if each.is_needless and each.kind == kind} for kind in (REFUSED, COMPILES)]
        print(f"  {name:<24}" + "".join(f"{len(cards):>18}" for cards in sets))
    print("\nby driver                 " + "".join(f"{name:>26}" for name in who))
    print(f"{'':<26}" + "".join(f"{'runs/comp/refused/wrong':>26}" for _ in who))
    for driver in DRIVERS:
        cells = [
            Counter(verdict.kind for verdict in verdicts if verdict.who == name and verdict.driver == driver)
            for name in who
        ]
        asked = sum(cells[0].values())
        row = "".join(f"{'/'.join(str(cell[kind]) for kind in COLUMNS):>26}" for cell in cells)
        print(f"  {driver:<13}{asked:>4} cards {row}")


def show_wrong(verdicts: Iterable[Verdict]) -> None:
    """Print what cannot run, one line for each program, torch and generation."""
    groups: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.kind == WRONG:
            groups.setdefault((verdict.who, verdict.chosen, verdict.card.dotted), []).append(verdict)
    print("\nwhat cannot run")
    for (who, chosen, capability), group in groups.items():
        names = list(dict.fromkeys(verdict.card.name for verdict in group))
        branches = list(dict.fromkeys(numbers(verdict.driver)[0] for verdict in group))
        print(
            f"  {who:<10} torch {chosen:<13} on {capability:<5} {len(names):>3} cards ({names[-1]}), drivers {branches}"
        )


def follow(ours: Ours, decided: Decided, machine: FakeMachine, truth: Truth) -> list[tuple[str, str]]:
    """Follow each way out of a refusal; what it asks for, and the kind of answer that it leads to."""
    drivers = [driver for driver in DRIVERS if truth.drives(driver, machine.card)]
    followed = []
    for way in decided.ways_out or ():
        arrived = ours.follow(way, machine, drivers)
        if arrived is not None:
            what, there, then = arrived
            followed.append((what, judged(then, there.card, there.driver, truth).kind))
    return followed


def show_ways(refusals: Sequence[list[tuple[str, str]]]) -> None:
    """Print where the ways out of our refusals lead."""
    leading = [{what for what, kind in ways if kind in (RUNS, COMPILES)} for ways in refusals]
    here, some = sum(any("driver" not in what for what in ways) for ways in leading), sum(map(bool, leading))
    print(f"\n{len(refusals)} refusals of {NAME}, their ways out followed as written")
    print(f"  {here} have one that leads to what runs under the same driver, {some - here} under another only,")
    print(f"  {len(refusals) - some} have none")
    ends = Counter(end for ways in refusals for end in ways)
    print(f"  {'leads to':<24}" + "".join(f"{kind:>13}" for kind in COLUMNS))
    for what in dict.fromkeys(what for what, _ in ends):
        print(f"    {what:<22}" + "".join(f"{ends[what, kind]:>13}" for kind in COLUMNS))


def main() -> int:
    """Ask, judge and print; 1 where ours is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=[UV, LTT], choices=[UV, LTT], help="whom to ask (default: both)")
    given = parser.parse_args()
    if shutil.which("openssl") is None:
        sys.exit("there is no openssl here, which makes the stand-in's certificate")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_nvidia_smi(folder)
        ours = Ours(folder)
        truth = Truth(FACTS, ours.python)
        scripts = installed(given.peers, folder / "peers") if given.peers else folder
        verdicts: list[Verdict] = []
        refusals: list[list[tuple[str, str]]] = []
        with stand_in(truth.wheels, folder) as index:
            peers = [Peer(name, scripts, index, ours.python, folder) for name in given.peers]
            for driver in DRIVERS:
                for card in truth.cards:
                    if not truth.drives(driver, card):
                        continue
                    machine = FakeMachine(card, driver)
                    decided = ours.route(machine)
                    verdicts.append(judged(decided, card, driver, truth))
                    if decided.ways_out is not None:
                        refusals.append(follow(ours, decided, machine, truth))
                    for peer in peers:
                        verdicts.append(judged_peer(peer.name, peer.route(machine), card, driver, truth))
        asked = {verdict.card for verdict in verdicts}
        print(f"{len(asked)} cards, {len(DRIVERS)} drivers, Python {ours.python}, {len(truth.wheels)} wheels")
        print(f"  {NAME} {__version__}: asked nvidia-smi for {', '.join(sorted(ours.asked))}")
        for peer in peers:
            source = "was told by UV_CUDA_DRIVER_VERSION its" if peer.is_told else "asked nvidia-smi for"
            print(f"  {peer.version}: {source} {', '.join(sorted(peer.asked))}; {peer.runs} runs")
    show(verdicts, [NAME, *given.peers])
    show_wrong(verdicts)
    show_ways(refusals)
    return int(any(verdict.who == NAME and verdict.kind == WRONG for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
