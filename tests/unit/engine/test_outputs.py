from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine.bake import bake_command
from poetry_gpu_build.engine.definition import bake_definition
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.engine.outputs import check_compression
from poetry_gpu_build.engine.outputs import check_outputs
from poetry_gpu_build.engine.outputs import outputs_of
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import make_plan

from ..builders import inputs
from ..builders import request

if TYPE_CHECKING:
    from pathlib import Path

ZSTD = "oci-mediatypes=true,compression=zstd,force-compression=true"


def test_without_a_compression_everything_stays_as_it_is_said() -> None:
    options = BuildOptions(push=True, outputs=("type=oci,dest=x",))
    assert outputs_of(options) == ("type=oci,dest=x",)
    assert "--push" in bake_command(options)


def test_a_compressed_push_is_an_output_and_not_bakes_own_push(tmp_path: Path) -> None:
    options = BuildOptions(push=True, compression="zstd")
    definition = bake_definition([make_plan(inputs(tmp_path), request("8.6"))], options)
    assert definition["target"]["binary"]["output"] == [f"type=registry,{ZSTD}"]
    assert "--push" not in bake_command(options)


def test_only_outputs_that_are_images_of_their_own_are_compressed() -> None:
    outputs = ("type=local,dest=a", "type=oci,dest=b", "type=image,push=true")
    assert outputs_of(BuildOptions(outputs=outputs, compression="zstd")) == (
        "type=local,dest=a",
        f"type=oci,dest=b,{ZSTD}",
        f"type=image,push=true,{ZSTD}",
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (BuildOptions(push=True, compression="rar"), "rar"),
        (BuildOptions(compression="zstd"), "leaves the builder"),
        (BuildOptions(load=True, compression="zstd"), "leaves the builder"),
        (BuildOptions(outputs=("type=local,dest=a",), compression="zstd"), "leaves the builder"),
        (BuildOptions(outputs=("type=oci,dest=a,compression=gzip",), compression="zstd"), "another"),
    ],
)
def test_a_compression_that_does_nothing_is_refused(options: BuildOptions, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        check_compression(options)
    assert caught.value.ways_out


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(),
        BuildOptions(push=True, compression="zstd"),
        BuildOptions(outputs=("type=oci,dest=a",), compression="estargz"),
    ],
)
def test_one_that_does_something_is_not(options: BuildOptions) -> None:
    check_compression(options)


# --- two modes, one file


@pytest.mark.parametrize("output", ["out", "type=local,dest=out", "type=oci,dest=a.tar", "type=image,name=r.example/a"])
def test_both_modes_must_not_write_one_output(output: str) -> None:
    with pytest.raises(ConfigurationError, match="lost") as caught:
        check_outputs(BuildOptions(outputs=(output,)), ["binary", "source"])
    assert "{mode}" in caught.value.ways_out[0]
    check_outputs(BuildOptions(outputs=(output,)), ["binary"])


@pytest.mark.parametrize("output", ["type=oci,dest={mode}.tar", "type=registry", "type=image,push=true", "type=docker"])
def test_both_modes_may_write_an_output_each(output: str) -> None:
    check_outputs(BuildOptions(outputs=(output,)), ["binary", "source"])


def test_the_mode_is_put_in_its_place(tmp_path: Path) -> None:
    options = BuildOptions(outputs=("type=oci,dest={mode}.tar",))
    definition = bake_definition([make_plan(inputs(tmp_path), request("8.6"))], options)
    assert definition["target"]["binary"]["output"] == ["type=oci,dest=binary.tar"]
