"""GPU402: the Dockerfile that Compose picks is not the mode's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.build_arguments import DOCKERFILE_VARIABLE
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.rule import ComposeRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.services import MODES
from poetry_gpu_build.lint.services import builders
from poetry_gpu_build.lint.services import dockerfile_of
from poetry_gpu_build.lint.services import has_dockerfile
from poetry_gpu_build.lint.services import hit_at
from poetry_gpu_build.lint.services import hit_text
from poetry_gpu_build.lint.services import path_of
from poetry_gpu_build.lint.services import planned_environment
from poetry_gpu_build.lint.services import shown
from poetry_gpu_build.lint.services import variables_of
from poetry_gpu_build.selection.flags import FLAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.documents.compose.model import Service
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.policy import ModeName

_FILE = "docker/docker-compose.yml"
_VALUES: tuple[str | None, ...] = (None, "", "true", "false", "1", "0")
_ON = frozenset({"true", "1", "yes", "on"})


def _example(dockerfile: str, more: str = "") -> dict[str, str]:
    text = f"services:\n  app:\n    build:\n      context: ..\n      dockerfile: {dockerfile}\n{more}"
    return {_FILE: text, "docker/Dockerfile": "FROM a\n", "docker/Dockerfile.source": "FROM b\n"}


_GOOD = "${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}"
_FIXED = {_FILE: _example(_GOOD)[_FILE]}
_SECOND = "  app-source:\n    build: {context: .., dockerfile: docker/Dockerfile.source}\n"


class _Wrong(NamedTuple):
    """One set of variables for which another file is picked than should be."""

    setting: str
    given: str
    wanted: str


class DockerfileSelection(ComposeRule):
    """The expression that picks the Dockerfile must pick the right one for every value of the flag.

    Compose substitutes text and cannot compare values. `docker/${BUILD_FROM_SOURCE:+Dockerfile.source}${BUILD_FROM_SOURCE:-Dockerfile}`
    becomes docker/Dockerfile.sourcetrue, and `docker/Dockerfile${BUILD_FROM_SOURCE:+.source}` picks the source file for
    `false` and `0`. Hand Compose the file's name, which `poetry gpu-build up` sets. The expression is evaluated for
    BUILD_FROM_SOURCE unset, empty, true, false, 1 and 0.
    """  # noqa: E501 - an expression that a reader searches for

    code = "GPU402"
    name = "dockerfile-selection"
    valid = (
        Example(_example(_GOOD)),
        Example(_example("${GPU_BUILD_DOCKERFILE:?run poetry gpu-build up}")),
        Example(_example("docker/Dockerfile", _SECOND)),
        Example({**_example("docker/Dockerfile"), "docker/Dockerfile.source": "FROM b\n", _FILE: "services: {}\n"}),
    )
    invalid = (
        Example(
            _example("docker/${BUILD_FROM_SOURCE:+Dockerfile.source}${BUILD_FROM_SOURCE:-Dockerfile}"),
            (f"{_FILE}:5:19",),
            _FIXED,
        ),
        Example(_example("docker/Dockerfile${BUILD_FROM_SOURCE:+.source}"), (f"{_FILE}:5:19",), _FIXED),
        Example(_example('"docker/Dockerfile${BUILD_FROM_SOURCE-.source}"'), (f"{_FILE}:5:19",), _FIXED),
        Example(_example("docker/${GPU_BUILD_DOCKERFILE:-Dockerfile}"), (f"{_FILE}:5:19",), _FIXED),
        Example(_example("${GPU_BUILD_DOCKERFILE}"), (f"{_FILE}:5:19",), _FIXED),
        Example(_example("docker/Dockerfile"), (f"{_FILE}:5:19",), _FIXED),
    )

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Evaluate the Dockerfile's path of each builder, and compare."""
        found = builders(documents)
        fixed = {path_of(service) for service in found.values() if not _is_chosen(service)}
        # A further Compose file for one mode alone is nobody's choice between the two.
        covered = not documents.is_own_compose or all(
            dockerfile_of(documents, mode) in fixed for mode in MODES if has_dockerfile(documents, mode)
        )
        for service in found.values():
            wrong = list(_evaluate(service, documents)) if _is_chosen(service) or not covered else []
            if wrong:
                yield from _hits(service, wrong, documents)


def _is_chosen(service: Service) -> bool:
    return service.build is not None and bool(variables_of(service.build) & {FLAG, DOCKERFILE_VARIABLE})


def _evaluate(service: Service, documents: Documents) -> Iterator[_Wrong]:
    assert service.build is not None  # a builder
    names = variables_of(service.build)
    if DOCKERFILE_VARIABLE in names:
        for mode in MODES:
            environment = planned_environment(documents, mode)
            setting = f"{DOCKERFILE_VARIABLE}={environment[DOCKERFILE_VARIABLE]}"
            yield from _compared(service.name, documents, environment, mode, setting)
    values = _VALUES if FLAG in names or DOCKERFILE_VARIABLE not in names else (None,)
    for value in values:
        setting = f"{FLAG} unset" if value is None else f"{FLAG}={value or repr(value)}"
        environment = {} if value is None else {FLAG: value}
        yield from _compared(service.name, documents, environment, None, setting)


def _compared(
    name: str, documents: Documents, environment: Mapping[str, str], wanted: ModeName | None, setting: str
) -> Iterator[_Wrong]:
    project = documents.compose_for(environment)
    service = None if project is None else project.services.get(name)
    if project is None or service is None or service.build is None:
        return
    text = service.build.dockerfile
    if text is not None and not text.decided:
        return  # a required variable: Compose stops, and says so
    mode = wanted or _mode_for(project.variables.get(FLAG), documents)
    path, right = path_of(service), dockerfile_of(documents, mode)
    is_there = has_dockerfile(documents, mode)
    if path == right if is_there else wanted is not None:
        return  # nobody plans a mode that the project does not have
    yield _Wrong(setting, shown(path, documents), shown(right, documents))


def _mode_for(value: str | None, documents: Documents) -> ModeName:
    if value is None:
        return documents.policy.default_mode
    return "source" if value.strip().lower() in _ON else "binary"


def _hits(service: Service, wrong: list[_Wrong], documents: Documents) -> Iterator[Hit]:
    assert service.build is not None  # a builder
    first = wrong[0]
    ending = "which is not there" if first.given == first.wanted else f"and must give {first.wanted}"
    others = ", ".join(each.setting for each in wrong[1:])
    message = f"the Dockerfile of {service.name}: {first.setting} gives {first.given}, {ending}"
    message += f" (wrong for {others}, too)" if others else ""
    binary = planned_environment(documents, "binary")[DOCKERFILE_VARIABLE]
    expression = f"${{{DOCKERFILE_VARIABLE}:-{binary}}}"
    help_text = f"write {expression}: `poetry gpu-build up` sets it, and Compose cannot compare values"
    text = service.build.dockerfile
    if text is None:
        yield from hit_at(documents, service.build.position, message, help_text)
        return
    for hit in hit_text(documents, text, message, help_text):
        written = hit.source.text[hit.start : hit.end].strip("'\"")
        edit = Edit(hit.source.path, hit.start, hit.end, expression)
        # Not safe: BUILD_FROM_SOURCE alone then picks no file; the Dockerfile stops at it.
        fix = Fix(f"let {DOCKERFILE_VARIABLE} name the file", (edit,), is_safe=False)
        yield hit._replace(fix=fix) if written == text.template and _is_whole(hit) else hit


def _is_whole(hit: Hit) -> bool:
    """Whether the value is the last thing on its line: then it may be replaced by a plain one."""
    rest = hit.source.text[hit.end :].partition("\n")[0].strip()
    return not rest or rest.startswith("#")
