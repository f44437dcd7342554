"""A machine with one card: an `nvidia-smi` on PATH that answers as the real one does, and remembers what it was asked.

The form of the answers is that of the captured ones (a header unless `noheader`, a unit unless `nounits`; branch 470
does not know `compute_cap` and refuses the whole query with exit status 2: huggingface/candle#733).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING
from typing import NamedTuple

from benchmarks.routes.truth import numbers

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.routes.truth import Card

_LAST_WITHOUT_COMPUTE_CAP = 470
_SCRIPT = """#!/bin/sh
header=yes unit=' MiB' fields=
for argument; do
    case $argument in --query-gpu=*) fields=${argument#*=} ;; esac
    case $argument in --format=*noheader*) header= ;; esac
    case $argument in --format=*nounits*) unit= ;; esac
done
printf '%s\\n' "$fields" >> "$ASKED"
IFS=,
for field in $fields; do
    case $field in
        index) answer=0 ;;
        uuid) answer=GPU-00000000-0000-4000-8000-000000000000 ;;
        name) answer=$CARD_NAME ;;
        compute_cap) answer=$CARD_CAPABILITY ;;
        driver_version) answer=$CARD_DRIVER ;;
        memory.total) answer="8192$unit" ;;
        *) answer= ;;
    esac
    if [ -z "$answer" ]; then
        echo "Field \\"$field\\" is not a valid field to query."
        exit 2
    fi
    row="${row:+$row, }$answer" names="${names:+$names, }$field"
done
[ -z "$header" ] || echo "$names"
echo "$row"
"""


class FakeMachine(NamedTuple):
    """A card and a driver."""

    card: Card
    driver: str

    @property
    def answers(self) -> dict[str, str]:
        """What its nvidia-smi answers to the questions that differ from machine to machine."""
        knows_capability = numbers(self.driver)[0] > _LAST_WITHOUT_COMPUTE_CAP
        return {
            "name": f"NVIDIA {self.card.name}",
            "compute_cap": self.card.dotted if knows_capability else "",
            "driver_version": self.driver,
        }

    def environment(self, tools: Path, asked: Path) -> dict[str, str]:
        """What makes a program see this machine; ``asked`` gets a line for every query."""
        said = self.answers
        return {
            "PATH": os.pathsep.join((str(tools), os.environ.get("PATH", os.defpath))),
            "ASKED": str(asked),
            "CARD_NAME": said["name"],
            "CARD_CAPABILITY": said["compute_cap"],
            "CARD_DRIVER": said["driver_version"],
        }


def write_nvidia_smi(folder: Path) -> None:
    """Write the tool."""
    tool = folder / "nvidia-smi"
    tool.write_text(_SCRIPT, encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)


def fields_asked(asked: Path) -> frozenset[str]:
    """All fields that were asked for, in one query or in several."""
    lines = asked.read_text(encoding="utf-8").splitlines() if asked.exists() else []
    return frozenset(field for line in lines for field in line.split(","))
