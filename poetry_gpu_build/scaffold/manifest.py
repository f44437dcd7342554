"""pyproject.toml under the policy: torch in its optional group, from an index that is asked for nothing else.

What needs torch by its nature, torchvision and torchaudio, moves along: among the main dependencies they bring torch
into the source image as well (GPU502). An extra is part of what others install, and a group is somebody's decision:
torch in either is left, and told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from packaging.requirements import InvalidRequirement

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import array
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import optional_groups
from poetry_gpu_build.documents.manifest import table
from poetry_gpu_build.documents.manifest import value
from poetry_gpu_build.documents.manifest import written_group
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.policy import FLOOR_OF_THE_WHEEL
from poetry_gpu_build.policy import SETTINGS
from poetry_gpu_build.scaffold.change import Edited
from poetry_gpu_build.scaffold.manifest_edits import add_below_header
from poetry_gpu_build.scaffold.manifest_edits import add_tables
from poetry_gpu_build.scaffold.manifest_edits import append
from poetry_gpu_build.scaffold.manifest_edits import by_hand
from poetry_gpu_build.scaffold.manifest_edits import header
from poetry_gpu_build.scaffold.manifest_edits import set_in_table
from poetry_gpu_build.scaffold.manifest_edits import set_value
from poetry_gpu_build.scaffold.manifest_edits import take_out
from poetry_gpu_build.scaffold.repin import repin_listed
from poetry_gpu_build.scaffold.repin import repin_tabled
from poetry_gpu_build.scaffold.requirement import from_requirement
from poetry_gpu_build.scaffold.requirement import from_table
from poetry_gpu_build.scaffold.requirement import line_of
from poetry_gpu_build.scaffold.requirement import pep508
from poetry_gpu_build.scaffold.requirement import with_source
from poetry_gpu_build.scaffold.torch_choice import choose_this
from poetry_gpu_build.scaffold.torch_choice import choose_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.scaffold.requirement import Entry
    from poetry_gpu_build.scaffold.torch_choice import Chosen
    from poetry_gpu_build.torch_pin import TorchPin

FAMILY = (TORCH, "torchvision", "torchaudio")

_POETRY = ("tool", "poetry")
_GROUPS = (*_POETRY, "group")
_MAIN: tuple[tuple[str, ...], ...] = (("project", "dependencies"), (*_POETRY, "dependencies"))
_GROUP_COMMENT = (
    "# On in the binary mode, off in the source mode; optional, so that nothing else ever installs it by the way."
)
# https://user:password@host, https://token@host
_WHO = lazy_pattern(r"://[^/]*@")
_WHY = "torch in its optional group, from an index that is asked for nothing else"


class Asked(NamedTuple):
    """What the manifest's text alone does not tell."""

    path: Path
    """Of the manifest, for errors."""

    main: TorchPin | None
    """The torch among the main dependencies, as it counts in the image."""

    @classmethod
    def by(cls, project: Project) -> Asked:
        """What a project asks for."""
        return cls(project.pyproject.path, project.torch_in(None))


class _Moved(NamedTuple):
    """A package that was among the main dependencies."""

    name: str
    entries: list[Entry]
    above: tuple[str, ...]
    behind: str

    def lines(self) -> str:
        line = line_of(self.name, self.entries) + (f"  {self.behind}" if self.behind else "")
        return "".join(f"{each}\n" for each in (*self.above, line))


def manifest_under_policy(
    text: str, asked: Asked, policy: Policy, facts: CompatibilityFacts, chosen: Chosen | None = None
) -> Edited:
    """The manifest's text under the policy; the same text where nothing is to be done.

    ``chosen`` is the build of torch to pin, whatever the project pins; None: the project's own, else the policy's.

    Raises ConfigurationError, with the place, for a manifest that cannot be edited safely.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    unix = body.replace("\r\n", "\n")
    has_crlf = unix != body and unix.replace("\n", "\r\n") == body
    work = _Work(unix if has_crlf else body, asked, policy, facts, chosen)
    work.run()
    after = work.text.replace("\n", "\r\n") if has_crlf else work.text
    return Edited(mark + after, _WHY, tuple(work.notes))


class _Work:
    """One pass over the manifest: each step leaves a valid text."""

    def __init__(
        self, text: str, asked: Asked, policy: Policy, facts: CompatibilityFacts, chosen: Chosen | None
    ) -> None:
        self.text = text
        self.notes: list[str] = []
        self._asked = asked
        self._policy = policy
        self._facts = facts
        self._chosen = chosen
        self._path = asked.path
        self._group = normalised(policy.torch_group)

    @property
    def _document(self) -> TomlDocument:
        return parse_toml(self.text, self._path)

    def run(self) -> None:
        pin = self._asked.main
        in_group = {each.name for each in dependencies(self._document) if each.group == self._group}
        moved = {name: found for name in FAMILY if (found := self._take(name)) is not None}
        self._tell_the_rest()
        self._make_optional()
        index = None if self._chosen is None else self._chosen.index_url
        wanted: list[_Moved] = []
        if TORCH in in_group:
            if TORCH in moved:
                kept = "what the group {} says stays" if self._chosen is None else "only the group {} asks for it now"
                self.notes.append(f"torch was asked for twice: {kept.format(self._group)}")
        else:
            torch = moved.get(TORCH, _Moved(TORCH, [], (), ""))
            if self._chosen is None:
                choice = choose_torch(torch.entries, pin, self._policy, self._facts)
            else:
                choice = choose_this(torch.entries, self._chosen)
            index = choice.index_url
            self.notes.extend([choice.note] if choice.note else [])
            wanted.append(torch._replace(entries=choice.entries))
        companions = [found for name, found in moved.items() if name != TORCH]
        if companions:
            names = " and ".join(found.name for found in companions)
            self.notes.append(f"{names} moved with torch, which it brings along: the source image is without it")
        wanted += [found for found in companions if found.name not in in_group]
        source = self._source_name(index)
        if self._chosen is not None and TORCH in in_group:
            self._repin(self._chosen.version, source, in_group)
        self._ask_for(wanted, source)
        self._add_source(source, index)
        self._tell_mirror(source, index)
        self._make_explicit()
        if self._chosen is not None and self._chosen.follow_wheel:
            self.text = set_in_table(self.text, self._path, (*SETTINGS, "floor"), f'"{FLOOR_OF_THE_WHEEL}"')

    def _take(self, name: str) -> _Moved | None:
        """Take a package out of the main dependencies; None where it is not there, or is an extra's."""
        if name in self._named_by_extras():
            return None
        standard: list[Entry] = []
        own: list[Entry] = []
        above: tuple[str, ...] = ()
        behind: list[str] = []
        found = False
        while (key := self._place(name)) is not None:
            written = self._written(key)
            if key[0] == "project":
                standard.extend(written)
            else:
                own = written
            taken = take_out(self.text, self._path, key)
            self.text, found = taken.text, True
            above += taken.above
            behind += [taken.behind] if taken.behind else []
        if not found:
            return None
        if len(behind) > 1:
            above, behind = (*above, *behind), []
        # Poetry: its own table only adds to what [project] says, above all the source.
        more = {key: value for key, value in own[0].items() if key != "version"} if own else {}
        entries = [{**entry, **more} for entry in standard] if standard else own
        return _Moved(name, [_plain(entry) for entry in entries], above, "".join(behind))

    def _place(self, name: str) -> Key | None:
        return next((key for key in self._places_of(name) if key[: len(key) - 1] in _MAIN), None)

    def _places_of(self, name: str) -> Iterator[Key]:
        return (each.key for each in dependencies(self._document) if each.name == name and not each.is_group)

    def _written(self, key: Key) -> list[Entry]:
        found: Any = self._document.data
        for part in key:
            found = found[part]
        try:
            return [from_requirement(found)] if key[0] == "project" else from_table(found)
        except (InvalidRequirement, TypeError, ValueError) as error:
            raise by_hand(self._path, self._document, key, f"move it into the group {self._group}") from error

    def _named_by_extras(self) -> set[str]:
        extras = table(self._document.data, *_POETRY, "extras").values()
        return {normalised(name) for names in extras if isinstance(names, list) for name in names if type(name) is str}

    def _tell_the_rest(self) -> None:
        """What the linter will go on about, and is left to a person."""
        document = self._document
        optional = optional_groups(document)
        for each in dependencies(document):
            if each.name != TORCH or each.is_group or each.group == self._group or each.group in optional:
                continue
            if each.group is None:
                self.notes.append(f"torch stays with an extra ({document.locate(*each.key)}): see GPU501")
            else:
                self.notes.append(f"torch stays in the group {each.group} as well: see GPU501")

    def _make_optional(self) -> None:
        """Where the group is there already."""
        document = self._document
        if self._group in optional_groups(document):
            return
        own = written_group(document, self._group, *_GROUPS)
        standard = written_group(document, self._group, "dependency-groups")
        if own is None and standard is None:
            return
        place = (*_GROUPS, own or standard or self._group)
        if own is not None and "optional" in table(document.data, *place):
            self.text = set_value(self.text, self._path, (*place, "optional"), "true")
            return
        below = add_below_header(self.text, self._path, place, "optional = true\n")
        self.text = below or add_tables(self.text, self._path, f"{header(*place)}\noptional = true\n")

    def _repin(self, version: str, source: str | None, in_group: set[str]) -> None:
        """Put the chosen build in the place of the one that the group asks for, in either notation."""
        before = self.text
        asked = [each for each in dependencies(self._document) if (each.group, each.name) == (self._group, TORCH)]
        listed = [each.key for each in asked if each.key[0] == "dependency-groups" and not each.is_group]
        tabled = [each.key for each in asked if each.key[0] == "tool" and not each.is_group]
        if not (listed or tabled) or len(listed) > 1:
            place = asked[0].key if asked else ("tool", "poetry")
            raise by_hand(self._path, self._document, place, f"pin torch {version}")
        for key in listed:
            self.text = repin_listed(self.text, self._path, key, TORCH, version)
        for key in tabled:
            self.text = repin_tabled(self.text, self._path, key, None if listed else version, source)
        if listed and not tabled and source is not None:
            self._add_to_table([_Moved(TORCH, [{"source": source}], (), "")])
        companions = [name for name in FAMILY if name != TORCH and name in in_group]
        if companions and self.text != before:
            self.notes.append(f"{' and '.join(companions)} stays as it is: take the build that is made for {version}")

    def _ask_for(self, wanted: list[_Moved], source: str | None) -> None:
        """Put the packages into the group, in the notation that it has."""
        if not wanted:
            return
        sourced = [found._replace(entries=[_sourced(entry, source) for entry in found.entries]) for found in wanted]
        document = self._document
        standard = written_group(document, self._group, "dependency-groups")
        if standard is not None:
            for requirement in (pep508(found.name, entry) for found in sourced for entry in found.entries):
                self._append(("dependency-groups", standard), requirement)
            # PEP 735 has no word for the source: Poetry's own table adds it.
            sourced = [found._replace(entries=[{"source": source}]) for found in sourced if source is not None]
        self._add_to_table(sourced)

    def _add_to_table(self, entries: list[_Moved]) -> None:
        """Add entries to the group's table in Poetry's own notation."""
        document = self._document
        standard = written_group(document, self._group, "dependency-groups")
        lines = "".join(found.lines() for found in entries)
        name = written_group(document, self._group, *_GROUPS)
        inner = (*_GROUPS, name or standard or self._policy.torch_group, "dependencies")
        below = add_below_header(self.text, self._path, inner, lines) if lines else self.text
        if below is not None:
            self.text = below
            return
        if value(document.data, *inner) is not None:
            raise by_hand(self._path, document, inner, f"write {lines.strip()} into it")
        outer = f"{_GROUP_COMMENT}\n{header(*inner[:-1])}\noptional = true\n\n" if name is None and not standard else ""
        self._add(f"{outer}{header(*inner)}\n{lines}", inner)

    def _append(self, key: Key, requirement: str) -> None:
        try:
            from_requirement(requirement)
        except InvalidRequirement as error:  # Poetry's own notation of versions, such as ^2.2, and its paths
            raise by_hand(self._path, self._document, key, f"write {requirement!r} into it, as in PEP 508,") from error
        self.text = append(self.text, self._path, key, requirement)

    def _source_name(self, index: str | None) -> str | None:
        """The source with this address, or with the name that one for it bears: a mirror, for example."""
        if index is None:
            return None
        name = f"pytorch-{index.rpartition('/')[2]}"
        same = [own for own, url in self._sources().items() if url.rstrip("/") == index]
        named = [own for own in self._sources() if own.lower() == name]
        return next(iter((*same, *named)), name)

    def _sources(self) -> dict[str, str]:
        """The address of each source, by its name."""
        sources = [each for each in array(self._document.data, *_POETRY, "source") if isinstance(each, dict)]
        return {str(each.get("name", "")): str(each.get("url", "")) for each in sources}

    def _add_source(self, name: str | None, index: str | None) -> None:
        if name is not None and name not in self._sources():
            written = f'name = "{name}"\nurl = "{index}"\npriority = "explicit"\n'
            self._add(f"[[tool.poetry.source]]\n{written}", (*_POETRY, "source"))

    def _tell_mirror(self, name: str | None, index: str | None) -> None:
        """Where the source of that name has another address: it is somebody's decision, and stays."""
        url = None if name is None else self._sources().get(name)
        if url is not None and index is not None and url.rstrip("/") != index:
            self.notes.append(f"torch comes from the source {name}, which is {_shown(url)} and not {index}")

    def _make_explicit(self) -> None:
        """The sources that torch's family comes from, and PyTorch's own index (GPU504)."""
        document = self._document
        named = {name.lower() for each in dependencies(document) if each.name in FAMILY for name in each.sources}
        for at, source in enumerate(array(document.data, *_POETRY, "source")):
            if not isinstance(source, dict) or str(source.get("priority")).lower() == "explicit":
                continue
            name = str(source.get("name", ""))
            if name.lower() in named or "download.pytorch.org/whl" in str(source.get("url", "")):
                self.text = set_value(self.text, self._path, (*_POETRY, "source", at, "priority"), '"explicit"')
                self.notes.append(
                    f"the source {name} is explicit now, as GPU504 asks: only packages that name it come from there"
                )

    def _add(self, tables: str, key: Key) -> None:
        after = add_tables(self.text, self._path, tables)
        try:
            parse_toml(after, self._path)
        except ConfigurationError as error:
            raise by_hand(self._path, self._document, key, f"add {tables.strip()!r}") from error
        self.text = after


def _plain(entry: Entry) -> Entry:
    """Without what only an extra needs."""
    return {name: value for name, value in entry.items() if name != "optional"}


def _sourced(entry: Entry, source: str | None) -> Entry:
    """From this source, unless the entry names one of its own."""
    return entry if "source" in entry else with_source(entry, source)


def _shown(url: str) -> str:
    """An address without who may use it: notes end in the logs of CI."""
    return visible(_WHO.sub("://***@", url))
