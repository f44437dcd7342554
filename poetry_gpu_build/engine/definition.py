"""Plans → a bake definition, the JSON that `docker buildx bake -f -` reads. Pure.

Cache, output and secret entries are CSV strings: buildx 0.13 rejects the objects that newer ones accept. One target for
each mode, in one call, so that BuildKit runs what the modes share once and the rest side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.plan import Plan


def bake_definition(plans: Sequence[Plan], options: BuildOptions) -> dict[str, Any]:
    """The definition of these plans; its default group holds one target for each, named by its mode."""
    return {
        "group": {"default": {"targets": [plan.mode for plan in plans]}},
        "target": {plan.mode: _target(plan, options) for plan in plans},
    }


def _target(plan: Plan, options: BuildOptions) -> dict[str, Any]:
    target: dict[str, Any] = {
        "context": str(plan.root / plan.context),
        # Relative to the context in bake, to the project's root in the policy.
        "dockerfile": str(plan.root / plan.dockerfile),
        "args": dict(plan.build_args),
        "labels": dict(plan.labels),
        "tags": list(plan.tags),
    }
    optional: dict[str, Any] = {
        "target": options.stage,
        "cache-from": list(options.cache_from),
        "cache-to": list(options.cache_to),
        "output": list(options.outputs),
        "secret": list(options.secrets),
        "no-cache": options.no_cache,
    }
    return target | {key: value for key, value in optional.items() if value}
