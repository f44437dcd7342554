"""The forms in which a plan is shown: text for people, json and bake and env for programs."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.engine.compose import compose_environment
from poetry_gpu_build.engine.definition import bake_definition
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.plan import Plan


def as_text(plans: Sequence[Plan]) -> str:
    """What would be built, and why, a line each."""
    return "\n\n".join(_text(plan) for plan in plans)


def as_json(plans: Sequence[Plan], beside: Mapping[str, Any]) -> str:
    """One document: the plan, or with several modes a list of `plans`; and what there is to say `beside` it."""
    return json_document({**plans_data(plans), **beside})


def as_bake(plans: Sequence[Plan], options: BuildOptions) -> str:
    """The definition for `docker buildx bake -f -`."""
    return json.dumps(bake_definition(plans, options), indent=2, ensure_ascii=False)


def as_env(plans: Sequence[Plan]) -> str:
    """Variables for Compose: `docker compose --env-file`, or a shell's `set -a`."""
    if len(plans) > 1:
        raise ConfigurationError(
            "--format env describes one mode, and --all-modes plans both", ways_out=("leave out --all-modes",)
        )
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in compose_environment(plans[0]).items())


FORMATS: dict[str, Callable[[Sequence[Plan], BuildOptions, Mapping[str, Any]], str]] = {
    "text": lambda plans, _options, _beside: as_text(plans),
    "json": lambda plans, _options, beside: as_json(plans, beside),
    "bake": lambda plans, options, _beside: as_bake(plans, options),
    "env": lambda plans, _options, _beside: as_env(plans),
}


def plans_data(plans: Sequence[Plan]) -> dict[str, Any]:
    """Plans for machines."""
    if len(plans) == 1:
        return _plan_data(plans[0])
    return {"plans": [_plan_data(plan) for plan in plans]}


def _plan_data(plan: Plan) -> dict[str, Any]:
    return {
        "mode": plan.mode,
        "targets": [str(target) for target in plan.targets],
        "gpus": [_gpu_data(gpu) for gpu in plan.gpus],
        "root": str(plan.root),
        "context": plan.context,
        "dockerfile": plan.dockerfile,
        "base_image": plan.base_image,
        "torch": plan.torch,
        "groups": {"with": list(plan.with_groups), "without": list(plan.without_groups)},
        "arch_list": [str(capability) for capability in plan.arch_list],
        "build_args": dict(plan.build_args),
        "tags": list(plan.tags),
        "labels": dict(plan.labels),
        "compose_file": plan.compose_file,
        "torch_image": plan.torch_image,
        "reasons": [{"step": reason.step, "text": reason.text, "status": reason.status} for reason in plan.reasons],
    }


def _gpu_data(gpu: Gpu) -> dict[str, Any]:
    return {
        "compute_capability": str(gpu.capability),
        "name": gpu.name,
        "reported_by": gpu.reported_by,
        "driver": None if gpu.driver is None else str(gpu.driver),
        "is_guess": gpu.is_guess,
    }


def _text(plan: Plan) -> str:
    groups = [f"with {group}" for group in plan.with_groups] + [f"without {group}" for group in plan.without_groups]
    rows = [
        ("dockerfile", plan.dockerfile),
        ("base image", plan.base_image),
        ("torch", plan.torch),
        ("groups", ", ".join(groups)),
        ("image", ", ".join(plan.tags)),
    ]
    if plan.arch_list:
        rows.insert(3, ("compiled for", _compiled_for(plan)))
    lines = [f"mode: {plan.mode}", *(f"  {name:<13}{value}" for name, value in rows if value), "because"]
    for number, reason in enumerate((r for r in plan.reasons if r.step != "advice"), start=1):
        lines.append(f"  {number}. {reason.step:<8} {reason}")
    advice = [f"  - {reason}" for reason in plan.reasons if reason.step == "advice"]
    return "\n".join([*lines, *(["advice", *advice] if advice else [])])


def _compiled_for(plan: Plan) -> str:
    jobs = plan.build_args.get("MAX_JOBS")
    gib = plan.build_args.get("COMPILE_GIB_PER_JOB")
    at_once = f"{jobs} jobs at once" if jobs else f"one job per core and {gib} GiB of the builder"
    return f"{', '.join(capability.sm for capability in plan.arch_list)}, {at_once}"
