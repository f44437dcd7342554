"""Loads and validates the policy: the shipped ``policies/modes.toml``, overridden by ``[tool.gpu-build]``.

Both have one form, ``policies/gpu-build.schema.json``. After loading nobody looks at a raw key again. What only
settings need is imported where they are: most projects have none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.lint_policy import FileIgnores
from poetry_gpu_build.lint_policy import LintPolicy
from poetry_gpu_build.lint_policy import parse_file_pattern
from poetry_gpu_build.lint_policy import parse_rule_name
from poetry_gpu_build.lint_policy import with_overrides
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TypeVar

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.lint_policy import Severity

    Value = TypeVar("Value")

ModeName = Literal["binary", "source"]
Lock = Literal["exclude", "require"]
HostInstall = Literal["refuse", "allow"]

# Where a project's own settings stand: [tool.poetry.…] would be rejected by Poetry.
SETTINGS = ("tool", "gpu-build")

# What `floor` says there where no number is to decide.
FLOOR_OF_THE_WHEEL = "wheel"

# nvidia/cuda:12.8.1-devel-ubuntu22.04, registry:5000/mirror/cuda:11.8-devel
_CUDA_TAG = lazy_pattern(r":(\d{1,2}\.\d{1,2}(?:\.\d+)*)(?:-[^/]*)?$")

# How fastjsonschema names a type, and how TOML does.
_TYPES = {"string": "a string", "array": "an array", "object": "a table", "number": "a number"}
_EXAMPLES = {"string": 'a text in quotes: "…"', "object": "a table: { … = … }", "array": 'a list: ["…"]'}
_LONGEST_SHOWN = 200


class Mode(NamedTuple):
    """What the policy says of one mode."""

    name: ModeName
    dockerfile: str
    """Relative to the project's root."""
    base_image: str
    cuda: CudaVersion
    """The toolkit in the base image."""
    torch: TorchBuild
    with_groups: tuple[str, ...]
    without_groups: tuple[str, ...]
    build_args: Mapping[str, str]


class Policy(NamedTuple):
    """What the team decided."""

    default_mode: ModeName
    torch_group: str
    python: str
    image: str | None
    """The images' name without a tag; None: the project's name."""
    torch_image: str | None
    """The repository of compiled torches, without a tag; None: nothing is looked for in a registry."""
    targets: tuple[str, ...]
    """Compute capabilities or card names, as written; empty: the machine's GPUs."""
    context: str
    compose_file: str
    cache_from: tuple[str, ...]
    """External caches that every build reads, in docker's notation."""
    cache_to: tuple[str, ...]
    """External caches that a build with `--push` writes."""
    lock: Lock
    """Whether poetry.lock stays out of the images, or must be in them."""
    host_install: HostInstall
    """Whether Poetry may install into a host's own interpreter where poetry.toml creates no virtual environment."""
    lint: LintPolicy
    binary: Mode
    source: Mode
    floor: ComputeCapability
    """Targets below are served by the source mode; see selection/floor.py, which says what is in force."""
    floor_follows_wheel: bool
    """Whether the pinned wheel decides instead, and the number only where nothing is known of that wheel."""
    torch_ref: str
    source_prefix: str
    """Where the compiled torch lies in the image, below /opt."""
    source_targets: tuple[ComputeCapability, ...]
    """Compiled for these where no target is known."""
    memory_per_job: float
    """GiB of memory for one compile job."""

    def mode(self, name: ModeName) -> Mode:
        """The mode of that name."""
        return self.binary if name == "binary" else self.source


def load_policy(policies_dir: Path, pyproject: TomlDocument | None = None) -> Policy:
    """Load the shipped policy and lay the project's ``[tool.gpu-build]`` over it.

    Raises ConfigurationError with file, line and the nearest known key for an unknown key or a wrong type, and
    InvalidValueError with the place for a value that cannot be parsed.
    """
    shipped = read_toml(policies_dir / "modes.toml")
    severities = read_toml(policies_dir / "rules.toml").data
    layers = [_Layer(shipped, (), shipped.data)]
    settings = _settings(pyproject) if pyproject is not None else None
    if pyproject is not None and settings is not None:
        own = _Layer(pyproject, SETTINGS, settings)
        _validate(own, policies_dir / "gpu-build.schema.json")
        layers.append(own)
    return _policy(_Layers(tuple(layers)), severities)


def _settings(pyproject: TomlDocument) -> Any:
    tool = pyproject.data.get("tool")
    return tool.get("gpu-build") if isinstance(tool, dict) else None


class _Layer(NamedTuple):
    """One source of settings: the document, where in it the settings stand, and the settings."""

    document: TomlDocument
    root: tuple[str, ...]
    data: dict[str, Any]

    def place(self, *key: str | int) -> Position:
        return self.document.locate(*self.root, *key)

    def parse(self, parser: Callable[[str], Value], text: str, *key: str | int) -> Value:
        try:
            return parser(text)
        except InvalidValueError as error:
            raise InvalidValueError(error.message, where=self.place(*key), ways_out=error.ways_out) from error


class _Layers(NamedTuple):
    """The layers, the strongest last; a key is answered by the last layer that has it."""

    layers: tuple[_Layer, ...]

    def find(self, *key: str) -> tuple[Any, _Layer] | None:
        for layer in reversed(self.layers):
            value = _lookup(layer.data, key)
            if value is not None:
                return value, layer
        return None

    def get(self, *key: str, default: Any = None) -> Any:
        found = self.find(*key)
        return default if found is None else found[0]

    def parse(self, parser: Callable[[str], Value], *key: str) -> Value:
        """Parse a required text; an error names its place."""
        found = self.find(*key)
        if found is None:
            raise ConfigurationError(f"{'.'.join(key)} is missing from the policy")
        text, layer = found
        return layer.parse(parser, text, *key)

    def parse_all(self, parser: Callable[[str], Value], *key: str) -> tuple[Value, ...]:
        found = self.find(*key)
        if found is None:
            return ()
        texts, layer = found
        return tuple(layer.parse(parser, text, *key, at) for at, text in enumerate(texts))

    def parse_names(self, parser: Callable[[str], Value], *key: str) -> dict[Value, Any]:
        """A table whose names are parsed; each layer adds or replaces single entries."""
        table: dict[Value, Any] = {}
        for layer in self.layers:
            entries = _lookup(layer.data, key) or {}
            table.update({layer.parse(parser, name, *key, name): entry for name, entry in entries.items()})
        return table

    def merged(self, *key: str) -> dict[str, str]:
        """A table of which each layer adds or replaces single entries."""
        table: dict[str, str] = {}
        for layer in self.layers:
            table.update(_lookup(layer.data, key) or {})
        return table


def _lookup(data: dict[str, Any], key: tuple[str, ...]) -> Any:
    value: Any = data
    for part in key:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _policy(layers: _Layers, severities: Mapping[str, Severity]) -> Policy:
    return Policy(
        default_mode=layers.get("default-mode"),
        torch_group=layers.get("torch-group"),
        python=layers.get("python"),
        image=layers.get("image"),
        torch_image=layers.get("torch-image"),
        targets=tuple(layers.get("targets", default=())),
        context=layers.get("context"),
        compose_file=layers.get("compose-file"),
        cache_from=tuple(layers.get("cache", "from", default=())),
        cache_to=tuple(layers.get("cache", "to", default=())),
        lock=layers.get("lock"),
        host_install=layers.get("host-install"),
        lint=_lint(layers, severities),
        binary=_mode("binary", layers),
        source=_mode("source", layers),
        floor=layers.parse(_floor, "modes", "binary", "floor"),
        floor_follows_wheel=layers.get("floor") == FLOOR_OF_THE_WHEEL,
        torch_ref=layers.get("modes", "source", "torch-ref"),
        source_prefix=layers.get("modes", "source", "prefix"),
        source_targets=layers.parse_all(ComputeCapability.parse, "modes", "source", "targets"),
        memory_per_job=_memory_per_job(layers),
    )


def _floor(text: str) -> ComputeCapability:
    """The number: the word that may stand in its stead is another setting."""
    if text.strip() == FLOOR_OF_THE_WHEEL:
        where = f"in [{'.'.join(SETTINGS)}] itself"
        raise InvalidValueError(
            f"modes.binary.floor = {text!r} is no compute capability",
            ways_out=(f'write floor = "{FLOOR_OF_THE_WHEEL}" {where}, and leave modes.binary.floor to a number',),
        )
    return ComputeCapability.parse(text)


def _lint(layers: _Layers, severities: Mapping[str, Severity]) -> LintPolicy:
    def rule(text: str) -> str:
        return parse_rule_name(text, severities)

    per_file = layers.parse_names(parse_file_pattern, "lint", "per-file-ignores")
    return LintPolicy(
        severities=with_overrides(severities, layers.parse_names(rule, "lint", "severity")),
        select=layers.parse_all(rule, "lint", "select"),
        ignore=layers.parse_all(rule, "lint", "ignore"),
        per_file_ignores=tuple(
            FileIgnores(pattern, layers.parse_all(rule, "lint", "per-file-ignores", pattern)) for pattern in per_file
        ),
    )


def _mode(name: ModeName, layers: _Layers) -> Mode:
    key = ("modes", name)
    torch_group = layers.get("torch-group")
    with_groups = tuple(layers.get(*key, "with", default=()))
    without_groups = tuple(layers.get(*key, "without", default=()))
    return Mode(
        name=name,
        dockerfile=layers.get(*key, "dockerfile"),
        base_image=layers.get(*key, "base-image"),
        cuda=_cuda(layers, name),
        torch=layers.parse(TorchBuild.parse, *key, "torch"),
        with_groups=(torch_group, *with_groups) if name == "binary" else with_groups,
        without_groups=(torch_group, *without_groups) if name == "source" else without_groups,
        build_args=layers.merged("build-args") | layers.merged(*key, "build-args"),
    )


def _cuda(layers: _Layers, name: ModeName) -> CudaVersion:
    """The toolkit of a mode: as said, else as the base image's tag says."""
    if layers.find("modes", name, "cuda") is not None:
        return layers.parse(CudaVersion.parse, "modes", name, "cuda")
    found = layers.find("modes", name, "base-image")
    image, layer = found if found is not None else ("", None)
    tag = _CUDA_TAG.search(image.partition("@")[0])  # the digest comes last
    if tag is None:
        raise ConfigurationError(
            f"the tag of {image!r} does not tell its CUDA version",
            where=layer.place("modes", name, "base-image") if layer is not None else None,
            ways_out=(f'say it: modes.{name}.cuda = "12.8" in [tool.gpu-build]',),
        )
    return CudaVersion.parse(tag[1])


def _memory_per_job(layers: _Layers) -> float:
    """A JSON schema has no words against TOML's `nan` and `inf`."""
    key = ("modes", "source", "memory-per-job")
    found = layers.find(*key)
    gib, layer = found if found is not None else (math.nan, None)
    if math.isfinite(gib):
        return float(gib)
    where = layer.place(*key) if layer is not None else None
    raise InvalidValueError(f"{gib} is no amount of memory", where=where, ways_out=("say how many GiB: 4",))


def _validate(layer: _Layer, schema: Path) -> None:
    import json

    import fastjsonschema

    validate = fastjsonschema.compile(json.loads(schema.read_text(encoding="utf-8")))
    try:
        validate(layer.data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise _schema_error(error, layer) from error


def _schema_error(error: Any, layer: _Layer) -> ConfigurationError:
    """One clear error of a violation: which key, where, what is allowed there."""
    key = _key_of(error.name, layer.data)
    if not key and error.rule == "type":
        return ConfigurationError(
            f"[{'.'.join(SETTINGS)}] must be a table",
            where=layer.place(),
            ways_out=(f"write it as [{'.'.join(SETTINGS)}]",),
        )
    if error.rule == "additionalProperties":
        from difflib import get_close_matches

        known = sorted(error.definition.get("properties", {}))
        unknown = next(name for name in error.value if name not in known)
        nearest = get_close_matches(unknown, known, n=1)
        way_out = f"did you mean {nearest[0]!r}?" if nearest else f"known keys here: {', '.join(known)}"
        return ConfigurationError(
            f"unknown key {_dotted(*key, unknown)}", where=layer.place(*key, unknown), ways_out=(way_out,)
        )
    ways_out = tuple(filter(None, [error.definition.get("description")]))
    expectation = error.message.split(" must ", 1)[-1]
    if error.rule == "type":
        expectation = f"be {_TYPES.get(str(error.rule_definition), error.rule_definition)}"
    if error.rule == "propertyNames":
        expectation = "hold names of letters, digits and underscores only"
    if error.rule == "enum":
        choices = [f'"{choice}"' for choice in error.rule_definition]
        expectation = f"be {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"
    if key == ("floor",):
        ways_out = ('a number goes elsewhere: modes.binary.floor = "6.0"', *ways_out)
    return ConfigurationError(
        f"{_dotted(*key)} is {_described(error)}, and must {expectation}",
        where=layer.place(*key),
        ways_out=ways_out or (f"write it as {_EXAMPLES.get(str(error.rule_definition), 'the schema says')}",),
    )


def _key_of(name: str, data: Any) -> tuple[str | int, ...]:
    """The key of ``data.lint.per-file-ignores.a.b[0]``; a key may hold dots, so the data say how long it is."""
    key: list[str | int] = []
    rest = name.removeprefix("data")
    while rest:
        steps: Iterable[str | int] = (
            data if isinstance(data, dict) else range(len(data) if isinstance(data, list) else 0)
        )
        written = {f"[{step}]" if isinstance(step, int) else f".{step}": step for step in steps}
        fitting = [text for text in written if rest.startswith(text) and rest[len(text) :][:1] in ("", ".", "[")]
        if not fitting:
            break
        longest = max(fitting, key=len)
        key.append(written[longest])
        data, rest = data[written[longest]], rest[len(longest) :]
    return tuple(key)


def _described(error: Any) -> str:
    """The value; of one that is no text where a text is asked for, which it only resembles, also its type."""
    kind = next((name for name, of in (("a list: ", list), ("a table: ", dict)) if isinstance(error.value, of)), "")
    return (kind if error.rule == "enum" else "") + _shown(error.value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _dotted(*key: str | int) -> str:
    return f"[{'.'.join(SETTINGS)}] {'.'.join(str(part) for part in key)}"
