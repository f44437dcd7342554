"""Override files, extends, include, profiles, env files: which value stands, and whose place it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from poetry_gpu_build.documents.compose.model import ComposeProject

    from .conftest import Compose


def published(project: ComposeProject, service: str = "app") -> list[str]:
    return [port.written for port in project.services[service].ports]


def overridden(compose: Compose, base: str, override: str) -> ComposeProject:
    texts = {"a.yml": f"services: {{app: {{{base}}}}}", "b.yml": f"services: {{app: {{{override}}}}}"}
    return compose(texts, files=("a.yml", "b.yml"))


@pytest.mark.parametrize(
    ("base", "override", "ports"),
    [
        ("ports: ['1']", "ports: ['2']", ["1", "2"]),
        ("ports: ['1']", "image: x", ["1"]),
        ("ports: ['1']", "ports: ", ["1"]),
        ("ports: ['1']", "ports: []", ["1"]),
        ("ports: ['1']", "ports: !reset []", []),
        ("ports: ['1']", "ports: !reset null", []),
        ("ports: ['1']", "ports: !override ['2']", ["2"]),
        ("ports: ['1:1']", "ports: ['1:1/tcp']", ["1:1/tcp"]),
        ("ports: ['1:1']", "ports: ['0.0.0.0:1:1']", ["0.0.0.0:1:1"]),
        ("ports: ['1:1']", "ports: ['1:1/udp', '127.0.0.1:1:1']", ["1:1", "1:1/udp", "127.0.0.1:1:1"]),
    ],
)
def test_the_ports_of_an_override_file_come_to_the_base_s(
    compose: Compose, base: str, override: str, ports: list[str]
) -> None:
    assert published(overridden(compose, base, override)) == ports


def test_a_service_can_be_taken_away(compose: Compose) -> None:
    texts = {"a.yml": "services: {app: {image: a}, b: {image: b}}", "b.yml": "services: {b: !reset null}"}
    assert set(compose(texts, files=("a.yml", "b.yml")).services) == {"app"}


@pytest.mark.parametrize(
    ("base", "override", "args"),
    [
        ("{args: {A: '1', B: '1'}}", "{args: {B: '2', C: '2'}}", {"A": "1", "B": "2", "C": "2"}),
        ("{args: [A=1, B]}", "{args: {B: '2'}}", {"A": "1", "B": "2"}),
        ("{args: {A: 3.10, B: '1'}}", "{args: [B]}", {"A": "3.1", "B": None}),
        ("{args: [A=1=2, E=]}", "{target: t}", {"A": "1=2", "E": ""}),
        ("{args: [A=1]}", "{args: !override [B=2]}", {"B": "2"}),
        ("{args: {A: '1', B: '1'}}", "{args: {A: !reset null}}", {"B": "1"}),
        ("./there", "{args: [A=1]}", {"A": "1"}),
        ("{args: [A=1]}", "./there", {"A": "1"}),
    ],
)
def test_build_arguments_merge_by_name(compose: Compose, base: str, override: str, args: dict[str, str | None]) -> None:
    build = overridden(compose, f"build: {base}", f"build: {override}").services["app"].build
    assert build is not None
    assert {name: argument.value for name, argument in build.args.items()} == args


def test_a_build_of_two_files_keeps_the_place_of_each_value(compose: Compose) -> None:
    build = overridden(compose, "build: ./there", "build: {dockerfile: Other, args: [A=1]}").services["app"].build
    assert build is not None
    assert build.context is not None
    assert build.dockerfile is not None
    assert str(build.context.position) == "/project/a.yml:1:25"
    assert str(build.dockerfile.position) == "/project/b.yml:1:38"
    assert str(build.args["A"].position) == "/project/b.yml:1:52"
    assert str(build.dockerfile_path) == "/project/there/Other"


def test_paths_of_override_files_start_from_the_project_directory(compose: Compose) -> None:
    texts = {"a.yml": "services: {app: {image: a}}", "deep/b.yml": "services: {app: {build: ./c, volumes: ['./v:/v']}}"}
    app = compose(texts, files=("a.yml", "deep/b.yml")).services["app"]
    assert app.build is not None
    assert [str(app.build.context_path), str(app.volumes[0].source_path)] == ["/project/c", "/project/v"]


def test_paths_of_an_extended_or_included_file_start_from_its_own_folder(compose: Compose) -> None:
    texts = {
        "compose.yml": """
            include: [in/in.yml, {path: pd/pd.yml, project_directory: other}]
            services: {app: {extends: {file: ex/ex.yml, service: base}}}
        """,
        "ex/ex.yml": "services: {base: {build: ./b}}",
        "in/in.yml": "services: {inner: {build: ./b}}",
        "pd/pd.yml": "services: {third: {build: ./b}}",
    }
    builds = {name: service.build for name, service in compose(texts).services.items()}
    assert {name: str(build.context_path) for name, build in builds.items() if build} == {
        "app": "/project/ex/b",
        "inner": "/project/in/b",
        "third": "/project/other/b",
    }


def test_extends_lays_a_service_over_another(compose: Compose) -> None:
    project = compose("""
        services:
          app:
            extends: {service: base}
            image: app
            environment: {B: "2"}
            volumes: ["./new:/data"]
            profiles: [b]
          base:
            image: base
            environment: [A=1, B=1]
            volumes: ["./old:/data", "./more:/more"]
            profiles: [a]
            ports: ["1"]
    """)
    app = project.services["app"]
    assert (str(app.image), published(project)) == ("app", ["1"])
    assert {name: variable.value for name, variable in app.environment.items()} == {"A": "1", "B": "2"}
    assert [mount.source for mount in app.volumes] == ["./new", "./more"]
    assert [str(profile) for profile in app.profiles] == ["a", "b"]
    assert app.extends is not None
    assert (app.extends.service, app.extends.file, app.extends.position.line) == ("base", None, 4)
    assert app.position.line == 3


@pytest.mark.parametrize(
    ("tag", "ports"), [("!reset []", []), ("!override ['2']", ["2"]), ("['2']", ["1", "2"]), ("[]", ["1"])]
)
def test_the_tags_work_on_what_is_inherited(compose: Compose, tag: str, ports: list[str]) -> None:
    project = compose(f"services: {{app: {{extends: base, ports: {tag}}}, base: {{ports: ['1']}}}}")
    assert published(project) == ports
    assert published(project, "base") == ["1"]


def test_an_extended_service_is_not_changed_by_later_files(compose: Compose) -> None:
    texts = {
        "a.yml": "services: {app: {extends: base}, base: {ports: ['1']}}",
        "b.yml": "services: {base: {ports: ['2']}}",
    }
    project = compose(texts, files=("a.yml", "b.yml"))
    assert [published(project), published(project, "base")] == [["1"], ["1", "2"]]


def test_services_that_extend_one_another_are_a_cycle(compose: Compose) -> None:
    project = compose("services:\n  a: {extends: b, ports: ['1']}\n  b: {extends: a, ports: ['2']}\n")
    assert {problem.kind for problem in project.problems} == {"cycle"}
    assert project.problems[0].also
    assert "1" in published(project, "a")
    assert "2" in published(project, "b")


def test_a_cycle_through_files_ends(compose: Compose) -> None:
    texts = {
        "compose.yml": "services: {a: {extends: {file: other.yml, service: b}}}",
        "other.yml": "services: {b: {extends: {file: compose.yml, service: a}}}",
    }
    assert [problem.kind for problem in compose(texts).problems] == ["cycle"]


def test_files_that_include_one_another_are_a_cycle(compose: Compose) -> None:
    texts = {
        "compose.yml": "include: [other.yml]\nservices: {a: {image: a}}",
        "other.yml": "include: [compose.yml]\nservices: {b: {image: b}}",
    }
    project = compose(texts)
    assert [(problem.kind, str(problem.position)) for problem in project.problems] == [
        ("cycle", "/project/other.yml:1:11")
    ]
    assert set(project.services) == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("services: {app: {extends: nobody}}", "reference", "1:27"),
        ("services: {app: {extends: {file: no.yml, service: x}}}", "unreadable", "1:34"),
        ("services: {app: {extends: {file: x.yml}}}", "shape", "1:27"),
        ("services: {app: {extends: [x]}}", "shape", "1:27"),
        ("include: [no.yml]\nservices: {}", "unreadable", "1:11"),
        ("include: {path: x}\nservices: {}", "shape", "1:10"),
        ("include: [{env_file: x}]\nservices: {}", "shape", "1:11"),
        ("include: [{path: compose.yml, env_file: no.env}]\nservices: {}", "cycle", "1:11"),
        ("services: [app]", "shape", "1:11"),
        ("services:", "shape", "1:10"),
        ("services: {app: nothing}", "shape", "1:17"),
        ("services: {app: {build: {args: {A: 1}, context: [x]}}}", "shape", "1:49"),
        ("services: {app: {deploy: {resources: [x]}}}", "shape", "1:38"),
        ("services: {app: {volumes: ['xx::y']}}", "shape", "1:28"),
        ("[]", "shape", "1:1"),
        ("", "shape", "0:0"),
    ],
)
def test_what_compose_refuses_is_a_problem_with_a_place(compose: Compose, text: str, kind: str, place: str) -> None:
    (problem,) = compose(text).problems
    assert (problem.kind, f"{problem.position.line}:{problem.position.column}") == (kind, place)


def test_profiles_gate_services_and_hide_none(compose: Compose) -> None:
    project = compose("services: {app: {image: a}, b: {image: b, profiles: ['${P:-x}', y]}}", {"P": "z"})
    assert set(project.services) == {"app", "b"}
    assert [service.name for service in project.active()] == ["app"]
    assert [service.name for service in project.active(["z"])] == ["app", "b"]
    assert [service.name for service in project.active(["*"])] == ["app", "b"]


def test_values_come_from_the_environment_then_from_env_files(compose: Compose) -> None:
    texts = {
        "compose.yml": """
            include:
              - in/in.yml
              - {path: in/again.yml, env_file: [one.env, two.env]}
            services: {app: {image: "$A $B $COMPOSE_PROJECT_NAME"}}
        """,
        ".env": "A=dot\nB=dot",
        "in/in.yml": "services: {inner: {image: '$A $B $C'}}",
        "in/.env": "A=inner\nB=inner\nC=inner",
        "in/again.yml": "services: {again: {image: '$A $C $D'}}",
        "one.env": "C=one\nD=one",
        "two.env": "D=two-$C",
    }
    images = {name: str(service.image) for name, service in compose(texts, {"A": "given"}).services.items()}
    assert images == {"app": "given dot project", "inner": "given dot inner", "again": "given one two-one"}


@pytest.mark.parametrize(
    ("text", "environment", "name"),
    [
        ("services: {app: {image: $COMPOSE_PROJECT_NAME}}", {}, "project"),
        ("name: 'My App!'\nservices: {app: {image: $COMPOSE_PROJECT_NAME}}", {}, "myapp"),
        ("name: ${N:-x}\nservices: {app: {image: $COMPOSE_PROJECT_NAME}}", {"N": "n"}, "n"),
        ("name: a\nservices: {app: {image: $COMPOSE_PROJECT_NAME}}", {"COMPOSE_PROJECT_NAME": "b"}, "b"),
    ],
)
def test_the_project_s_name_is_a_variable(compose: Compose, text: str, environment: dict[str, str], name: str) -> None:
    assert str(compose(text, environment).services["app"].image) == name


def test_a_value_tells_its_template_and_its_variables(compose: Compose) -> None:
    build = (
        compose(
            "services: {app: {build: {dockerfile: 'a/${FILE:-$OTHER}', args: ['A=${X:-1}', 'B=${Y?}']}}}", {"X": "2"}
        )
        .services["app"]
        .build
    )
    assert build is not None
    assert build.dockerfile is not None
    assert (build.dockerfile.value, build.dockerfile.template) == ("a/", "a/${FILE:-$OTHER}")
    assert build.dockerfile.used == ("FILE", "OTHER")
    given, missing = build.args["A"].text, build.args["B"].text
    assert given is not None
    assert missing is not None
    assert (given.value, given.template, given.decided) == ("2", "${X:-1}", True)
    assert not missing.decided


def test_a_required_variable_is_a_problem_of_its_own_kind(compose: Compose) -> None:
    (problem,) = compose("services: {app: {image: 'x:${TAG:?say which}'}}").problems
    assert (problem.kind, str(problem.position)) == ("required-variable", "/project/compose.yml:1:28")


def test_gpus_are_reserved_by_deploy_or_gpus(compose: Compose) -> None:
    project = compose("""
        services:
          a: {deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu, x]}]}}}}
          b: {gpus: all, runtime: nvidia}
          c: {gpus: [{device_ids: ["0", "3"]}]}
          d: {deploy: {resources: {reservations: {cpus: "1"}}}}
    """)
    devices = {
        name: [(device.is_gpu, device.driver, device.count, device.ids) for device in service.devices]
        for name, service in project.services.items()
    }
    assert devices == {
        "a": [(True, "nvidia", "1", ())],
        "b": [(True, None, "all", ())],
        "c": [(True, None, None, ("0", "3"))],
        "d": [],
    }
    assert str(project.services["b"].runtime) == "nvidia"


@pytest.mark.parametrize(
    ("context", "path"),
    [
        ("..", "/"),
        ("/srv", "/srv"),
        ("${C:-here}", "/project/here"),
        ("https://example/x.git", "None"),
        ("git@example:x", "None"),
        ("service:base", "None"),
        ("~/x", "None"),
        ("${C?}", "None"),
    ],
)
def test_a_context_is_a_folder_or_elsewhere(compose: Compose, context: str, path: str) -> None:
    build = compose(f"services: {{app: {{build: '{context}'}}}}").services["app"].build
    assert build is not None
    assert str(build.context_path) == path
    assert (build.dockerfile_path is None) == (path == "None")


def test_an_inline_dockerfile_has_its_places(compose: Compose) -> None:
    build = (
        compose("""\
        services:
          app:
            build:
              dockerfile_inline: |
                FROM ${BASE:-x}
                RUN pip install torch
    """)
        .services["app"]
        .build
    )
    assert build is not None
    assert build.dockerfile_inline is not None
    assert build.dockerfile_path is None
    assert build.dockerfile_inline.value.startswith("FROM x\n")
    offset = build.dockerfile_inline.template.index("pip")
    assert str(build.dockerfile_inline.place(offset)) == "/project/compose.yml:6:13"
