"""A second pip command is found however it hides, or said to be undecidable; and no Dockerfile stops a rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.rules.gpu101 import SinglePipCommand
from poetry_gpu_build.lint.rules.gpu102 import PipAfterPoetry
from poetry_gpu_build.lint.rules.gpu103 import ForeignPoetryInstaller
from poetry_gpu_build.lint.rules.gpu104 import SplitBootstrap
from poetry_gpu_build.lint.rules.gpu106 import PoetrySync
from poetry_gpu_build.lint.rules.gpu107 import InertToggle
from poetry_gpu_build.lint.rules.gpu108 import UncheckedDownload
from poetry_gpu_build.lint.rules.gpu307 import CacheInLayer
from poetry_gpu_build.lint.rules.gpu901 import MayBePip
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

from ..patience import ends_soon

if TYPE_CHECKING:
    from poetry_gpu_build.lint.rule import Rule

ROOT = Path("/project")
POLICY = load_policy(policies_dir())
RULES = (
    SinglePipCommand,
    PipAfterPoetry,
    ForeignPoetryInstaller,
    SplitBootstrap,
    PoetrySync,
    InertToggle,
    UncheckedDownload,
    MayBePip,
)
BOOTSTRAP = "FROM a\nRUN pip install poetry\n"

FOUND = [
    "RUN pip3.11 install x",
    "RUN /usr/bin/pip install x",
    "RUN $VIRTUAL_ENV/bin/pip install x",
    "RUN python3.12 -Im pip install x",
    "RUN python -m pip._internal install x",
    "RUN python /tmp/get-pip.py x",
    "RUN python -m ensurepip --upgrade",
    "RUN uv --quiet pip install x",
    "RUN uv tool install x",
    "RUN uv sync",
    "RUN pipx install x",
    "RUN easy_install x",
    "RUN python setup.py -q install",
    "RUN mamba install -y x",
    "RUN pip --cache-dir /c --no-input install x",
    "RUN pip uninstall -y x",
    "RUN p''ip install x",
    "RUN pi\\\np install x",
    "RUN P=pip; $P install x",
    'ARG P=pip\nRUN "$P" install x',
    'ENV DO="pip install"\nRUN $DO x',
    "RUN sudo -EH env A=1 nice pip install x",
    "RUN poetry run pip install x",
    "RUN bash -lc 'pip install x'",
    'RUN ["bash", "-c", "pip install x"]',
    'RUN ["pip", "install", "x"]',
    "RUN eval 'pip install x'",
    "RUN xargs pip install < requirements.txt",
    "RUN if a; then b || (pip install x); fi",
    "RUN echo `pip install x`",
    'RUN f() { pip "$@"; }; f install x',
    "RUN <<EOF\nset -e\npip install x\nEOF",
    "RUN bash <<EOF\npip install x\nEOF",
    "RUN echo 'pip install x' > /a.sh; sh /a.sh",
    "RUN ln -s /usr/bin/pip /q; /q install x",
    "ONBUILD RUN pip install x",
    "COPY s.sh /\nRUN /s.sh",
    "COPY <<EOF /r.sh\npip install x\nEOF\nRUN sh /r.sh",
    "WORKDIR /app\nCOPY <<-'E' ./\n\tpip install x\n\tE\nRUN ./E",
    "WORKDIR /app\nCOPY . .\nRUN sh -e s.sh",
    "RUN --mount=type=bind,target=/src /src/s.sh",
    "FROM a AS other\nRUN pip install y\nRUN pip install z",
    # Split over ARG and ENV, and put together by the shell.
    "ARG A=pi\nENV B=p\nRUN $A$B install x",
    "ARG A=pi\nARG B=${A}p\nRUN $B install x",
    'ENV S="pip install x"\nRUN sh -c "$S"',
    "RUN p{i,}p install x",
    "RUN ${X:-pip} install x",
    "RUN $'\\x70ip' install x",
    "RUN a=(pip install x); ${a[@]}",
    "RUN a=pip; eval \\$a install x",
    "RUN for p in pip; do $p install x; done",
    "RUN case $A in *) pip install x;; esac",
    "RUN read p <<< pip; $p install x",
    "RUN alias p=pip && p install x",
    "RUN trap 'pip install x' EXIT",
    "RUN coproc pip install x",
    "RUN cat <(pip install x)",
    "RUN bash <<< 'pip install x'",
    "RUN find . -exec pip install {} +",
    "RUN env -S 'pip install x'",
    "RUN env - pip install x",
    "RUN timeout 60 stdbuf -oL chroot / pip install x",
    "RUN su -c 'pip install x'",
    "RUN runuser -u a -- pip install x",
    "RUN tini -- dumb-init pip install x",
    "RUN conda run -n base pip install x",
    "RUN nix-shell -p python3 --run 'pip install x'",
    "RUN busybox sh -c 'pip install x'",
    "RUN sudo -i <<EOF\npip install x\nEOF",
    'RUN ["/bin/sh", "-c", "pip install x"]',
    'RUN ["env", "-S", "pip install x"]',
    'ONBUILD RUN ["pip", "install", "x"]',
    # Who else installs.
    "RUN uvx x",
    "RUN pipx run x",
    "RUN uv run --with x true",
    "RUN pdm install",
    "RUN pipenv sync",
    "RUN python -m pipenv install",
    "RUN hatch env create",
    "RUN pixi add x",
    "RUN python -m piptools sync",
    "RUN python -m installer x.whl",
    "RUN ./setup.py install",
    "RUN python -m pip.__main__ install x",
    # Other names for pip and for get-pip.py, made by an earlier RUN too.
    "RUN ln -s /usr/bin/pip /usr/local/bin/q\nRUN q install x",
    "FROM a AS b\nRUN pip install y && cp /usr/bin/pip /q\nFROM b\nRUN /q install x",
    "RUN curl -fsSLo g.py https://x/get-pip.py\nRUN python g.py x",
    "ADD https://x/get-pip.py /g.py\nRUN python /g.py x",
    # The shell that BuildKit hands the text to.
    'SHELL ["pip"]\nRUN install x',
    'SHELL ["python", "-m", "pip"]\nRUN install x',
    'SHELL ["/usr/bin/env", "bash", "-c"]\nRUN pip install x',
    'SHELL ["/bin/bash", "-c", "pip install $0"]\nRUN x',
    'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN pip install x',
    "RUN <<EOF\n#!/usr/bin/env -S bash -e\npip install x\nEOF",
    "RUN <<EOF bash\npip install x\nEOF",
    "RUN <<A <<B bash\necho\nA\npip install x\nB",
    # Scripts of the context, reached in other ways.
    "COPY --chmod=755 s.sh /usr/local/bin/go\nRUN go",
    "COPY s.sh /usr/bin/\nRUN s.sh",
    "COPY <<EOF /usr/local/bin/go\npip install x\nEOF\nRUN go",
    "COPY s.sh /\nENV BASH_ENV=/s.sh\nRUN bash -c true",
    "COPY s.sh /\nRUN bash --rcfile /s.sh -i",
    "COPY s.sh /\nRUN exec < /s.sh; sh",
]
UNDECIDABLE = [
    "RUN $(which pip) install x",
    "RUN $INSTALLER install x",
    "RUN /usr/bin/pi? install x",
    'RUN sh -c "$SCRIPT"',
    "RUN $SHELL -c 'pip install x'",
    "RUN base64 -d <<< cGlwIGluc3RhbGwgeA== | sh",
    "RUN base64 -d <<< cGlwIGluc3RhbGwgeA== > /a.sh; sh /a.sh",
    "RUN base64 -d <<< cGlwIGluc3RhbGwgeA== > /a.sh\nRUN sh /a.sh",
    'SHELL ["bash", "-o", "pipefail", "-c"]\nRUN curl -f x | sh',
    'RUN . "$SCRIPT"',
    "RUN python -c 'import pip; pip.main()'",
    "RUN python - <<EOF\nimport pip\nEOF",
    "RUN perl -e 'system(\"pip install x\")'",
    "RUN retry 5 pip install x",
    "RUN make install PIP='pip install x'",
    "RUN <<EOF\n#!/usr/bin/python3\nimport pip\nEOF",
    'RUN echo "pip install x',
    "RUN ln -s $(which pip) /q && /q install x",
    "RUN ln -s $(which pip) /q\nRUN /q install x",
    "RUN echo pip install x > >(sh)",
    "RUN exec 3<<< 'pip install x'; sh <&3",
    "RUN sh -c \"$(printf 'pip install x')\"",
    "RUN python -c 'import runpy; runpy.run_module(\"pip\")'",
    "RUN python -c \"__import__('p' + 'ip').main()\"",
    "RUN python -c \"exec(__import__('base64').b64decode('aW1wb3J0IHBpcA=='))\"",
    "RUN $PY setup.py install",
    "RUN git -c alias.x='!pip install x' x",
    "RUN ipython -c '!pip install x'",
    "RUN mise exec -- pip install x",
    "RUN echo pip install x | awk '{system($0)}'",
    "COPY Makefile /app/\nRUN make -C /app",
    "COPY . /app\nWORKDIR /app\nRUN make all",
    "COPY tox.ini .\nRUN tox run",
    'SHELL ["python", "-c"]\nRUN import pip; pip.main()',
    'SHELL ["powershell", "-Command"]\nRUN pip install x',
    'RUN <<EOF\n#!/usr/bin/env python3\nimport os\nos.system("pip install x")\nEOF',
    'RUN <<EOF\n#!/usr/bin/env python3\nimport subprocess\nsubprocess.run(["pip", "install", "x"])\nEOF',
    "COPY p.py /usr/local/bin/\nRUN p.py",
]
# Not a step of the build: it runs in each container, and changes no image. What it would install is in no layer.
AT_RUN_TIME = ['ENTRYPOINT ["pip", "install", "x"]', "CMD pip install x", "HEALTHCHECK CMD pip install x"]
# Code of another language, in which no shell's words are to be found.
OTHER_LANGUAGE = "RUN <<EOF\n#!/usr/bin/env python3\nif x: print('`'); $(y) pi\nconda = 1\n\"\nEOF"


def documents(text: str) -> Documents:
    files = {
        "docker/Dockerfile": text,
        "s.sh": "pip install x\nsh s.sh\n./s.sh\n",
        "p.py": "import subprocess\nsubprocess.run(['pip', 'install', 'x'])\n",
        "Makefile": "all:\n\tpip install x\n",
        "tox.ini": "[testenv]\ncommands = pip install x\n",
        "requirements.txt": "-r more.txt\n-c limits.txt\nnumpy  # poetry\n",
        "more.txt": "-r requirements.txt\n--requirement=sub/tools.txt\n",
        "sub/tools.txt": "cmake>=3 \\\n  --hash=sha256:0\n-e git+https://x/y.git#egg=y\n-r ../poetry.txt\n-r no.txt\n",
        "poetry.txt": "Poetry[x]==2.1; python_version > '3'\n",
        "limits.txt": "ninja<2\n",
    }

    def read(path: Path) -> Source | None:
        found = files.get(path.relative_to(ROOT).as_posix())
        return None if found is None else Source(path, found)

    return Documents(ROOT, POLICY, read)


@pytest.mark.parametrize("text", FOUND)
def test_a_hidden_second_pip_command_is_found(text: str) -> None:
    assert len(list(SinglePipCommand().check(documents(f"{BOOTSTRAP}{text}\n")))) == 1


@pytest.mark.parametrize("text", UNDECIDABLE)
def test_what_may_be_a_pip_command_is_reported(text: str) -> None:
    assert list(MayBePip().check(documents(f"{BOOTSTRAP}{text}\n")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RUN pip install x",
        "FROM",
        "FROM a AS a\nFROM a AS a\nCOPY --from=a . .\nCOPY --from=9 . .\nCOPY --from=$X a b",
        "COPY\nADD\nENV\nARG\nRUN\nONBUILD\nONBUILD ONBUILD RUN pip",
        'FROM a\nRUN []\nRUN [""]\nRUN ["pip"\nRUN ["poetry", "sync"]',
        "FROM a\nRUN poetry sync\\",
        "FROM a\nRUN curl -\nRUN curl | | sh\nRUN pip\nRUN poetry -C\nRUN uv tool\nRUN python setup.py",
        "FROM a\nRUN pip install " + "x " * 100_000,
        "FROM a\n" + "RUN pip install x\n" * 2_000,
        "FROM a\nRUN " + "$(" * 2_000 + "pip install x",
        "FROM a\nRUN " + "curl x | sh; " * 1_000,
        "FROM a\nRUN python -m venv v && " + "v/bin/pip install x && " * 1_000 + "make",
        "FROM a\nRUN pip install \x00\ud800 /\x00 ../../..\nCOPY \x00 \x00\nRUN /\x00/a.sh",
        "".join(f"FROM s{number} AS s{number + 1}\nCOPY --from=s{number} a a\n" for number in range(500)),
    ],
    ids=range(15),
)
def test_no_dockerfile_stops_a_rule(text: str) -> None:
    of = documents(text)
    with ends_soon():
        for rule in RULES:
            for hit in rule().check(of):
                assert 0 <= hit.start <= hit.end <= len(hit.source.text)


def found_by(rule: type[Rule], text: str) -> list[str]:
    """The text of the places that a rule reports."""
    return [hit.source.text[hit.start : hit.end] for hit in rule().check(documents(text))]


def test_there_are_thirty_ways_at_least() -> None:
    assert len({*FOUND, *UNDECIDABLE}) >= 30


@pytest.mark.parametrize("text", AT_RUN_TIME)
def test_what_runs_in_the_container_is_no_step_of_the_build(text: str) -> None:
    assert not found_by(SinglePipCommand, f"{BOOTSTRAP}{text}\n")
    assert not found_by(MayBePip, f"{BOOTSTRAP}{text}\n")


def test_code_of_another_language_is_not_read_as_shell() -> None:
    of = documents(f"FROM a\n{OTHER_LANGUAGE}\n")
    [step] = of.images[0].steps
    assert isinstance(step.resolved, Undecidable)
    assert (step.resolved.kind, step.resolved.language) == ("code", "python")
    text = of.images[0].dockerfile.source.text
    assert text[step.start : step.end].startswith("#!/usr/bin/env python3\nif x")


@pytest.mark.parametrize("text", FOUND)
def test_one_command_is_reported_by_one_rule(text: str) -> None:
    of = documents(f"{BOOTSTRAP}{text}\n")
    first = {(hit.source.path, hit.start) for hit in SinglePipCommand().check(of)}
    assert not first & {(hit.source.path, hit.start) for hit in PipAfterPoetry().check(of)}


@pytest.mark.parametrize(
    "script",
    ["curl x | sh", "curl -f x | sudo bash -", "bash <(curl x)", 'sh -c "$(curl -f x)"', "wget -qO- x | tee y | sh"],
)
def test_an_unchecked_download_is_reported_by_one_rule(script: str) -> None:
    text = f"FROM a\nRUN {script}\n"
    assert len(found_by(UncheckedDownload, text)) == 1
    assert not found_by(MayBePip, text)


def test_a_checked_download_out_of_a_pipe_is_undecidable() -> None:
    text = 'FROM a\nSHELL ["bash", "-o", "pipefail", "-c"]\nRUN curl -f x | sh\n'
    assert not found_by(UncheckedDownload, text)
    assert found_by(MayBePip, text) == ["sh"]


def test_a_download_that_is_a_file_before_it_is_run_is_not_undecidable() -> None:
    assert not found_by(MayBePip, "FROM a\nRUN curl -f x > i.sh && sh i.sh\n")


@pytest.mark.parametrize(
    "command",
    [
        "pip install -r requirements.txt",
        "pip install -rrequirements.txt",
        "pip install --requirement=requirements.txt",
        "cd sub && pip install -r ../requirements.txt",
        "uv pip sync requirements.txt",
        "pip-sync requirements.txt",
    ],
)
def test_the_distributions_of_a_requirements_file_count(command: str) -> None:
    of = documents(f"FROM a\nWORKDIR /app\nCOPY . .\nRUN {command}\n")
    use = [use for use in uses(of.images[0], of) if use.installer][-1]
    assert {"poetry", "cmake", "y", "numpy"} <= use.required
    assert "ninja" not in use.required


def test_a_requirements_file_that_is_not_copied_is_not_read() -> None:
    of = documents("FROM a\nRUN pip install -r requirements.txt\n")
    assert "poetry" not in uses(of.images[0], of)[0].required


def test_poetry_in_a_requirements_file_is_foreign_to_another_installer() -> None:
    text = "FROM a\nCOPY . /app\nRUN conda install --file /app/requirements.txt\n"
    assert len(found_by(ForeignPoetryInstaller, text)) == 1


def test_poetry_in_a_requirements_file_brings_poetry() -> None:
    text = "FROM a\nCOPY . /\nRUN pip install pip\nRUN pip install -r /requirements.txt\n"
    assert len(found_by(SplitBootstrap, text)) == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("export POETRY_WITH=x && echo && poetry install", ["poetry install"]),
        ("POETRY_WITH=x poetry install", ["poetry install"]),
        ("export POETRY_WITH=x && unset POETRY_WITH && poetry install", []),
    ],
)
def test_an_exported_toggle_is_reported_where_poetry_reads_it(script: str, expected: list[str]) -> None:
    assert found_by(InertToggle, f"FROM a\nRUN {script}\n")[: len(expected) + 1] == expected


def test_an_exported_cache_folder_is_poetrys() -> None:
    mount = "RUN --mount=type=cache,target=/c export POETRY_CACHE_DIR=/c &&"
    assert not found_by(CacheInLayer, f"FROM a\n{mount} poetry install\n")
    assert found_by(CacheInLayer, f"FROM a\n{mount} export POETRY_CACHE_DIR=/d && poetry install\n")
