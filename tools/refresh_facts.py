"""Measures rows of policies/facts/ anew: wheels are downloaded by name and read, compilers are asked.

python tools/refresh_facts.py torch==2.7.1 nvidia-nccl-cu12==2.26.2 --nvcc /usr/local/cuda/bin/nvcc

prints how the rows differ from what was measured; with --write it rewrites them, and nothing else in the tables.
--missing tells which releases of torch are on the index and have no row; --pythons reads, from the names of the files
that the index lists, for which Pythons each release of the rows has a wheel.

Exit codes: 0 the rows hold, or were rewritten; 1 they do not hold; 2 something could not be measured.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a file, it sees only its own folder

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.durable import write_whole
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import GpuBuildError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.torch_pin import PYPI
from tools.refresh.comparison import compare
from tools.refresh.compiler import ask
from tools.refresh.download import download
from tools.refresh.index import Index
from tools.refresh.measure import Origin
from tools.refresh.measure import measure
from tools.refresh.pip_settings import pip_settings
from tools.refresh.tables import find_row
from tools.refresh.tables import with_values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from tools.refresh.comparison import Comparison
    from tools.refresh.comparison import Measured

FACTS = Path(__file__).resolve().parent.parent / "policies" / "facts"
WHEELS, TOOLKITS = "torch_wheels.toml", "cuda_toolkits.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was named, one after the other; what was written before an error stays written."""
    options = _options(arguments)
    date = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    holds = True
    try:
        for nvcc in options.nvcc:
            holds &= _settle(_toolkit(ask(nvcc, date), options.facts), write=options.write)
        if options.requirement or options.missing or options.pythons:
            settings = pip_settings()
            index = Index(settings if options.index is None else settings._replace(index_url=options.index))
            if options.missing:
                _tell_missing(index.releases("torch"), load_compatibility(options.facts))
            if options.pythons:
                holds &= _settle_pythons(index.pythons("torch"), options, write=options.write)
            with _folder(options.downloads) as folder:
                for requirement in map(_requirement, options.requirement):
                    file = index.wheel(requirement)
                    path = download(index, file, folder, _progress)
                    [version] = [Version(each.version) for each in requirement.specifier]
                    pythons = tuple(index.pythons(requirement.name).get(version, ()))
                    origin = Origin(options.index or PYPI, date, file.sha256, pythons)
                    measured = measure(path, load_compatibility(options.facts), origin)
                    if options.downloads is None:
                        path.unlink()  # the next one may be as large
                    holds &= _settle(_wheel(measured, options.facts, origin.listed_on), write=options.write)
    except GpuBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if holds or options.write else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("requirement", nargs="*", help="a wheel to measure: torch==2.7.1, nvidia-nccl-cu12==2.26.2")
    parser.add_argument(
        "--nvcc", type=Path, action="append", default=[], help="ask this compiler for its toolkit's row"
    )
    parser.add_argument("--missing", action="store_true", help="list the releases of torch that have no row")
    parser.add_argument("--pythons", action="store_true", help="hold the Pythons of torch's rows against the index")
    parser.add_argument("--write", action="store_true", help="rewrite the rows that differ")
    parser.add_argument("--index", metavar="URL", help="another index than pip's, such as PyTorch's own for a variant")
    parser.add_argument("--downloads", type=Path, metavar="FOLDER", help="keep the wheels here (default: nowhere)")
    parser.add_argument("--facts", type=Path, default=FACTS, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not (options.requirement or options.nvcc or options.missing or options.pythons):
        parser.error("name a wheel (torch==2.7.1) or a compiler (--nvcc PATH), or ask by --missing or --pythons")
    return options


def _requirement(text: str) -> Requirement:
    way = "write it as torch==2.7.1"
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigurationError(f"{text!r} names no wheel: {error}", ways_out=(way,)) from error
    operators = [(each.operator, each.version.endswith("*")) for each in requirement.specifier]
    if operators != [("==", False)]:
        raise ConfigurationError(f"{text!r} names no single release", ways_out=(way,))
    return requirement


def _wheel(measured: Measured, facts: Path, index: str) -> Comparison:
    rest = {"platform": "linux_x86_64", "index": index, "published": "yes"} if measured.kind == "wheel" else {}
    return compare(read_toml(facts / WHEELS), measured, rest)


def _toolkit(measured: Measured, facts: Path) -> Comparison:
    document = read_toml(facts / TOOLKITS)
    if find_row(document, measured.kind, measured.key) is None:
        raise ConfigurationError(
            f"{document.path.name} has no row of {measured.name}",
            ways_out=("write one by hand first: the drivers that it needs cannot be asked of a compiler",),
        )
    return compare(document, measured, {})


def _settle_pythons(listed: Mapping[Version, list[str]], options: argparse.Namespace, *, write: bool) -> bool:
    """Hold every row of the index against what it lists; whether all of them hold as they are."""
    document = read_toml(options.facts / WHEELS)
    text = document.text
    for at, row in enumerate(document.data["wheel"]):
        # PyPI's files bear no label, those of PyTorch's own indexes do.
        found = listed.get(Version(row["torch"])) or listed.get(Version(f"{row['torch']}+{row['variant']}"))
        if row["index"] != (options.index or PYPI) or found == row.get("pythons"):
            continue
        name = f"torch {row['torch']}+{row['variant']}"
        if found is None:
            print(f"{name}: the index has no wheel of this release any more, and the row stays as it is")
            continue
        said = ", ".join(row.get("pythons", ["nothing"]))
        print(f"{name}: wheels for Python {', '.join(found)}; the row says {said}")
        document = with_values(document, "wheel", at, {"pythons": found})
    if write and document.text != text:
        write_whole(document.path, text, document.text)
    return document.text == text


def _settle(compared: Comparison, *, write: bool) -> bool:
    """Say what was found, and write it where that is asked for; whether the row holds as it is."""
    name, path = compared.measured.name, compared.renewed.path
    text = read_toml(path).text
    is_new = compared.renewed.text != text
    print(f"{name}: {'the row holds' if compared.holds else 'the row has to be written anew'}")
    for line in (*compared.lines, *(f"  also: {each}" for each in compared.measured.remarks)):
        print(line)
    if compared.contradicted is not None:
        print(
            f"CONTRADICTION: the row of {name} (known by: {compared.contradicted}) is wrong where a line begins with !"
        )
    if write and is_new:
        write_whole(path, text, compared.renewed.text)
        print(f"  written to {path.name}")
    sys.stdout.flush()
    return compared.holds


def _tell_missing(releases: list[Version], facts: CompatibilityFacts) -> None:
    """Of each minor version the newest release is enough: the architectures do not change in between."""
    newest = {release.release[:2]: release for release in releases}
    known = {Version(wheel.torch.version) for wheel in facts.wheels}
    for release in newest.values():
        if release >= min(known) and release not in known:
            print(f"torch {release} is on the index and has no row: torch=={release} --write measures it")


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="gpu-build-facts-") as folder:
        yield Path(folder)


def _progress(name: str, come: int, size: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if come == size else "\r"
        print(f"{name}: {come / 1e6:,.0f} of {size / 1e6:,.0f} MB", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
