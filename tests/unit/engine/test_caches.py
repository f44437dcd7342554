from __future__ import annotations

import contextlib

import pytest

from poetry_gpu_build.engine.caches import check_caches
from poetry_gpu_build.engine.caches import of_mode
from poetry_gpu_build.engine.caches import read_caches
from poetry_gpu_build.engine.caches import with_team_caches
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.errors import ConfigurationError

from ..builders import policy

GITHUB = {"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "https://results.example/"}
REGISTRY = "type=registry,ref=r.example/team/cache:1,mode=max"
TEAM = """\
cache.from = ["r.example/team/cache:{mode}"]
cache.to = ["type=registry,ref=r.example/team/cache:{mode},mode=max"]
"""


def notes(
    *,
    to: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    modes: tuple[str, ...] = ("binary",),
    no_cache: bool = False,
) -> tuple[str, ...]:
    return check_caches(BuildOptions(cache_to=to, cache_from=reads, no_cache=no_cache), modes, {})


def refused(
    to: str = "", reads: str = "", *, modes: tuple[str, ...] = ("binary",), outputs: tuple[str, ...] = ()
) -> ConfigurationError:
    options = BuildOptions(cache_to=(to,) if to else (), cache_from=(reads,) if reads else (), outputs=outputs)
    with pytest.raises(ConfigurationError) as caught:
        check_caches(options, modes, {})
    assert caught.value.exit_code == 2
    assert caught.value.ways_out
    return caught.value


# --- the notation


def test_a_cache_is_read_as_buildx_reads_it() -> None:
    [cache] = read_caches([REGISTRY])
    assert (cache.type, cache.mode) == ("registry", "max")
    assert cache.fields == {"ref": "r.example/team/cache:1", "mode": "max"}


def test_references_alone_are_caches_in_a_registry() -> None:
    assert [(cache.type, cache.fields) for cache in read_caches(["r.example/a:1,r.example/b", "c"])] == [
        ("registry", {"ref": "r.example/a:1"}),
        ("registry", {"ref": "r.example/b"}),
        ("registry", {"ref": "c"}),
    ]


def test_a_field_in_quotes_may_hold_a_comma() -> None:
    [cache] = read_caches(['type=local,"dest=/srv/a,b"'])
    assert cache.fields == {"dest": "/srv/a,b"}


def test_a_value_may_hold_an_equals_sign_and_a_name_is_taken_in_any_case() -> None:
    [cache] = read_caches(["TYPE=s3,Bucket=b,endpoint_url=https://s.example/?a=b"])
    assert cache.type == "s3"
    assert cache.fields == {"bucket": "b", "endpoint_url": "https://s.example/?a=b"}


@pytest.mark.parametrize(
    "text",
    [
        '""',
        ",",
        ",,,",
        "ref=r.example/a",
        "type=,ref=a",
        "type=registry,ref=a,max",
        'type=registry,"ref=a',
        'type=registry,"ref=a"b',
        "type=local,dest=a\nb,mode=max",
    ],
)
def test_what_is_no_cache_is_refused_before_the_build(text: str) -> None:
    assert repr(text) in refused(text).message
    assert repr(text) in refused(reads=text).message


def test_an_empty_text_is_refused_because_buildx_takes_it_for_no_cache() -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        read_caches([""])


@pytest.mark.parametrize(
    "text", ["x" * 10_000_000, "type=registry," + "a=b," * 100_000 + "ref=x", "\x00", "type=\udc80"]
)
def test_a_hostile_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert read_caches([text])


# --- what would do nothing


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("type=registry", "ref"),
        ("type=registry,ref=", "ref"),
        ("type=local,src=a", "dest"),
        ("type=s3,region=x", "bucket"),
    ],
)
def test_an_export_says_where_it_goes(text: str, needed: str) -> None:
    assert needed in refused(text).message


def test_an_import_says_where_it_comes_from() -> None:
    assert "src" in refused(reads="type=local,dest=a").message


def test_an_inline_cache_has_no_maximum() -> None:
    assert "type=registry" in refused("type=inline,mode=max").ways_out[0]


def test_a_mode_that_buildkit_would_take_for_the_minimum_is_refused() -> None:
    assert "huge" in refused("type=registry,ref=a,mode=huge").message


def test_an_inline_cache_is_read_by_the_images_name() -> None:
    assert "ref=IMAGE" in refused(reads="type=inline").ways_out[0]


@pytest.mark.parametrize("output", ["type=local,dest=out", "type=tar,dest=out.tar", "out"])
def test_an_inline_cache_needs_an_image_to_be_in(output: str) -> None:
    assert "--output makes none" in refused("type=inline", outputs=(output,)).message


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(),
        BuildOptions(push=True),
        BuildOptions(outputs=("type=oci,dest=x.tar",)),
        BuildOptions(outputs=("name=a,type=image",)),
        BuildOptions(outputs=("type=local,dest=x",), push=True),
    ],
)
def test_where_there_is_an_image_an_inline_cache_is_allowed(options: BuildOptions) -> None:
    inline = BuildOptions(cache_to=("type=inline",), push=options.push, outputs=options.outputs)
    assert check_caches(inline, ["source"], {}) == ()


def test_a_cache_of_github_needs_its_token() -> None:
    assert "GitHub" in refused("type=gha").message
    options = BuildOptions(cache_to=("type=gha,mode=max",))
    assert check_caches(options, ["source"], GITHUB) == ()


def test_the_token_of_github_may_stand_in_the_cache_itself() -> None:
    assert notes(to=("type=gha,token=t,url=https://c.example/,mode=max",)) == ()


def test_a_cache_of_github_that_is_only_read_is_a_note() -> None:
    assert ["GitHub" in note for note in notes(reads=("type=gha",))] == [True]


# --- two modes, one cache


@pytest.mark.parametrize(
    ("text", "way"),
    [
        (REGISTRY, "ref=r.example/team/cache:1-{mode}"),
        ("r.example/team/cache:1", "ref=r.example/team/cache:1-{mode}"),
        ("type=local,dest=/srv/cache", "dest=/srv/cache-{mode}"),
        ("type=s3,region=x,bucket=b", "name={mode}"),
    ],
)
def test_both_modes_must_not_write_one_cache(text: str, way: str) -> None:
    assert way in refused(text, modes=("binary", "source")).ways_out[0]


def test_both_modes_may_write_a_cache_each_and_read_one_together() -> None:
    to = ("type=registry,ref=r.example/c:{mode},mode=max", "type=inline")
    assert notes(to=to, reads=("r.example/c:1",), modes=("binary", "source")) == ()


def test_the_mode_is_put_in_its_place() -> None:
    assert of_mode(["type=registry,ref=c:{mode}", "d"], "source") == ["type=registry,ref=c:source", "d"]


# --- notes


def test_an_unknown_type_is_passed_on_with_a_note() -> None:
    assert ["floppy" in note for note in notes(to=("type=floppy",), reads=("type=floppy",))] == [True]


def test_a_field_that_is_almost_a_known_one_is_a_note() -> None:
    [note] = notes(to=("type=registry,ref=a,mod=max",))
    assert "'mode'" in note


def test_a_source_build_is_told_that_the_minimum_does_not_hold_the_compile() -> None:
    [note] = notes(to=("type=registry,ref=a",), modes=("source",))
    assert "mode=max" in note
    assert notes(to=("type=registry,ref=a",), modes=("binary",)) == ()


def test_a_cache_that_is_not_read_is_a_note() -> None:
    assert ["--docker-no-cache" in note for note in notes(reads=("r.example/a",), no_cache=True)] == [True]


# --- the team's caches


def test_the_teams_cache_is_read_by_every_build() -> None:
    options = with_team_caches(BuildOptions(), policy(TEAM))
    assert options.cache_from == ("r.example/team/cache:{mode}",)
    assert options.cache_to == ()


def test_the_teams_cache_is_written_by_who_publishes() -> None:
    options = with_team_caches(BuildOptions(push=True), policy(TEAM))
    assert options.cache_to == ("type=registry,ref=r.example/team/cache:{mode},mode=max",)


def test_one_stage_alone_does_not_replace_the_teams_cache() -> None:
    assert with_team_caches(BuildOptions(push=True, stage="torch"), policy(TEAM)).cache_to == ()
    assert with_team_caches(BuildOptions(push=True), policy(TEAM), writes=False).cache_to == ()


def test_what_the_command_line_says_stands_in_the_place_of_the_teams() -> None:
    options = with_team_caches(BuildOptions(push=True, cache_from=("a",), cache_to=("type=inline",)), policy(TEAM))
    assert (options.cache_from, options.cache_to) == (("a",), ("type=inline",))


@pytest.mark.parametrize(
    "settings", ["cache = 'r.example/a'", "cache.from = 'r.example/a'", "cache.to = [1]", "cache.form = []"]
)
def test_the_setting_has_one_form(settings: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy(settings)
    assert caught.value.where is not None
