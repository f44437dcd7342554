"""`--cache-from` and `--cache-to`: read as buildx reads them, and refused where they would do nothing. Pure.

What buildx and BuildKit drop without a word and exit 0, measured on buildx 0.13.1 with Docker 26.1.5, is an error here,
before the build; what they refuse themselves in the build's first second is left to them, unless the way out is ours.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.policy import Policy

MODE = "{mode}"
INLINE = "inline"
_MODES = ("min", "max")
# Of each type: the field that says where it is, in an export and in an import; None: it needs none.
_PLACES: dict[str, tuple[str | None, str | None]] = {
    "registry": ("ref", "ref"),
    "local": ("dest", "src"),
    "gha": (None, None),
    "s3": ("bucket", "bucket"),
    "azblob": (None, None),
    INLINE: (None, None),
}
# What tells two exports of one type apart, where `ref`, `dest` and `bucket` do not.
_NAMES = {"gha": "scope", "s3": "name", "azblob": "name"}
_FIELDS = (
    *("mode", "ref", "dest", "src", "scope", "name", "token", "url", "url_v2", "bucket", "region", "tag", "digest"),
    *("compression", "compression-level", "force-compression", "oci-mediatypes", "image-manifest", "ignore-error"),
    *("timeout", "prefix", "blobs_prefix", "manifests_prefix", "endpoint_url", "account_url", "container"),
)
# The outputs that are an image, which alone can carry a cache inside.
_IMAGES = ("type=image", "type=registry", "type=oci", "type=docker")
_DOCS = "https://docs.docker.com/build/cache/backends/"


class Cache(NamedTuple):
    """One external cache."""

    written: str
    type: str
    fields: Mapping[str, str]

    @property
    def mode(self) -> str:
        """How much is exported: the last stage's steps (min, the default), or those of every stage (max)."""
        return self.fields.get("mode", "min")


def with_team_caches(options: BuildOptions, policy: Policy, *, writes: bool = True) -> BuildOptions:
    """The options with the project's own caches, where none are given; an export only of a whole image with `--push`.

    Everybody may read the team's cache. Writing it is for whoever publishes: a developer's half-done work, or
    one stage alone, would push out what all the others use.
    """
    publishes = writes and options.push and options.stage is None
    cache_to = options.cache_to or (policy.cache_to if publishes else ())
    return replace(options, cache_from=options.cache_from or policy.cache_from, cache_to=cache_to)


def of_mode(texts: Sequence[str], mode: str) -> list[str]:
    """The caches of one mode: its name in place of ``{mode}``."""
    return [text.replace(MODE, mode) for text in texts]


def read_caches(texts: Sequence[str]) -> tuple[Cache, ...]:
    """Read caches in buildx's notation: ``type=registry,ref=…``, or references alone.

    Raises ConfigurationError for what is neither.

    >>> [cache.fields["ref"] for cache in read_caches(["type=registry,ref=host/a:1,mode=max", "host/b:1"])]
    ['host/a:1', 'host/b:1']
    """
    return tuple(cache for text in texts for cache in _read(text))


def _read(text: str) -> list[Cache]:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise _unreadable(text, f"is no comma-separated list: {error}") from error
    fields = rows[0] if rows else []
    if not any(fields):
        # buildx takes an empty one for none.
        raise _unreadable(text, "is empty")
    if not any("=" in field for field in fields):
        return [Cache(text, "registry", {"ref": field}) for field in fields]
    pairs: dict[str, str] = {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not equals:
            raise _unreadable(text, f"has {field!r} between its fields, which is no NAME=VALUE")
        pairs[key.lower()] = value
    kind = pairs.pop("type", "")
    if not kind:
        raise _unreadable(text, "does not say its type")
    return [Cache(text, kind, pairs)]


def _unreadable(text: str, fault: str) -> ConfigurationError:
    return ConfigurationError(
        f"the cache {text!r} {fault}",
        ways_out=("write it as type=registry,ref=REGISTRY/NAME:TAG,mode=max, or as the reference alone",),
    )


def check_caches(options: BuildOptions, modes: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Refuse the caches that would do nothing; what is worth a note of the others.

    Raises ConfigurationError, with the way to write it instead.
    """
    exports, imports = read_caches(options.cache_to), read_caches(options.cache_from)
    for cache in exports:
        _check_place(cache, 0)
        _check_mode(cache)
        _check_github(cache, environment)
        _check_inline(cache, options)
        if len(modes) > 1:
            _check_shared(cache)
    for cache in imports:
        _check_place(cache, 1)
        if cache.type == INLINE:
            raise ConfigurationError(
                f"the cache {cache.written!r} cannot be read: BuildKit imports an inline cache by the image's name",
                ways_out=("name the image that holds it: --cache-from type=registry,ref=IMAGE",),
            )
    return tuple(dict.fromkeys(_notes(exports, imports, options, modes, environment)))


def _check_place(cache: Cache, side: int) -> None:
    needed = _PLACES.get(cache.type, (None, None))[side]
    if needed is None or cache.fields.get(needed):
        return
    raise ConfigurationError(
        f"the cache {cache.written!r} does not say where: type={cache.type} needs {needed}",
        ways_out=(f"write it as type={cache.type},{needed}=…",),
    )


def _check_mode(cache: Cache) -> None:
    if cache.type == INLINE and cache.mode != "min":
        raise ConfigurationError(
            f"the cache {cache.written!r} would hold the last stage only: type=inline has no mode={cache.mode}",
            ways_out=("keep every stage, the compile too: type=registry,ref=…,mode=max", "or leave the mode out"),
        )
    # BuildKit takes every other word for min.
    if cache.type in _PLACES and cache.mode not in _MODES:
        raise ConfigurationError(
            f"the cache {cache.written!r} has the mode {cache.mode!r}", ways_out=("write mode=max, or mode=min",)
        )


def _check_github(cache: Cache, environment: Mapping[str, str]) -> None:
    if cache.type == "gha" and not _has_github(cache, environment):
        raise ConfigurationError(
            f"the cache {cache.written!r} would not be written: there is no token of GitHub Actions here",
            ways_out=(
                "in a workflow, hand it to the step: the action crazy-max/ghaction-github-runtime does",
                "or write to a registry: --cache-to type=registry,ref=…,mode=max",
            ),
        )


def _has_github(cache: Cache, environment: Mapping[str, str]) -> bool:
    """Whether buildx finds what it needs: it drops the cache silently where it does not."""
    token = cache.fields.get("token") or environment.get("ACTIONS_RUNTIME_TOKEN")
    own_address = cache.fields.get("url") or cache.fields.get("url_v2")
    return bool(
        token and (own_address or environment.get("ACTIONS_CACHE_URL") or environment.get("ACTIONS_RESULTS_URL"))
    )


def _check_inline(cache: Cache, options: BuildOptions) -> None:
    if cache.type != INLINE or not options.outputs or options.push or options.load:
        return
    if not any(output.startswith(_IMAGES) or f",{kind}" in output for output in options.outputs for kind in _IMAGES):
        raise ConfigurationError(
            "an inline cache is a part of the image, and --output makes none",
            ways_out=("write the cache to a registry: --cache-to type=registry,ref=…,mode=max", "or --push the image"),
        )


def _check_shared(cache: Cache) -> None:
    """Both modes in one call: the last one to end would replace the cache of the other."""
    if cache.type == INLINE or cache.type not in _PLACES or MODE in cache.written:
        return
    name = _PLACES[cache.type][0] if cache.type not in _NAMES else _NAMES[cache.type]
    value = cache.fields.get(name or "", "")
    raise ConfigurationError(
        f"both modes would write the cache {cache.written!r}, and one of them would be lost",
        ways_out=(f"let it tell the mode: {name}={value}-{MODE}" if value else f"let it tell the mode: {name}={MODE}",),
    )


def _notes(
    exports: Sequence[Cache],
    imports: Sequence[Cache],
    options: BuildOptions,
    modes: Sequence[str],
    environment: Mapping[str, str],
) -> list[str]:
    notes = []
    for cache in (*exports, *imports):
        if cache.type not in _PLACES:
            notes.append(f"the cache type {cache.type} is unknown here, and passed on: {_DOCS}")
        for name in cache.fields:
            near = get_close_matches(name, _FIELDS, n=1, cutoff=0.75)
            if name not in _FIELDS and near:
                notes.append(f"the cache {cache.written!r} has {name!r}, which may be meant as {near[0]!r}")
    if "source" in modes:
        for cache in exports:
            if cache.mode == "min" and cache.type != INLINE and cache.type in _PLACES:
                notes.append(
                    f"the cache {cache.written!r} will hold the last stage only: another machine compiles torch again "
                    "as soon as a step in front of it changes; to keep the compile: mode=max"
                )
    for cache in imports:
        if cache.type == "gha" and not _has_github(cache, environment):
            notes.append(f"the cache {cache.written!r} is not read: there is no token of GitHub Actions here")
    if imports and options.no_cache:
        notes.append("no cache is read: --docker-no-cache")
    return notes
