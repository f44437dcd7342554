"""Plans → a bake definition, the JSON that `docker buildx bake -f -` reads. Pure.

Cache, output and secret entries are CSV strings: buildx 0.13 rejects the objects that newer ones accept. One target for
each mode, in one call, so that BuildKit runs what the modes share once and the rest side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.engine.caches import of_mode
from poetry_gpu_build.engine.outputs import outputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.policy import ModeName


def bake_definition(
    plans: Sequence[Plan], options: BuildOptions, contexts: Mapping[ModeName, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """The definition of these plans; its default group holds one target for each, named by its mode.

    ``contexts`` are the named contexts of each mode, by which a folder or an image takes the place of a stage.
    """
    return {
        "group": {"default": {"targets": [plan.mode for plan in plans]}},
        "target": {plan.mode: _target(plan, options, (contexts or {}).get(plan.mode, {})) for plan in plans},
    }


def with_contexts(
    contexts: Mapping[ModeName, Mapping[str, str]], more: Mapping[ModeName, Mapping[str, str]]
) -> dict[ModeName, Mapping[str, str]]:
    """The named contexts of both, mode by mode."""
    return {mode: {**contexts.get(mode, {}), **more.get(mode, {})} for mode in (*contexts, *more)}


def _target(plan: Plan, options: BuildOptions, contexts: Mapping[str, str]) -> dict[str, Any]:
    target: dict[str, Any] = {
        "context": str(plan.root / plan.context),
        # Relative to the context in bake, to the project's root in the policy.
        "dockerfile": str(plan.root / plan.dockerfile),
        "args": dict(plan.build_args),
        "labels": dict(plan.labels),
        "tags": list(plan.tags),
    }
    optional: dict[str, Any] = {
        "contexts": dict(contexts),
        "target": options.stage,
        "cache-from": of_mode(options.cache_from, plan.mode),
        "cache-to": of_mode(options.cache_to, plan.mode),
        "output": of_mode(outputs_of(options), plan.mode),
        "secret": list(options.secrets),
        "no-cache": options.no_cache,
    }
    return target | {key: value for key, value in optional.items() if value}
