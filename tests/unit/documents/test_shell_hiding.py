"""Ways to hide a pip command: every one is found, or said to be undecidable; none goes by in silence."""

from __future__ import annotations

import pytest

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.resolve import resolve_words
from poetry_gpu_build.documents.shell.results import Resolved
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.scan import scan

PIP = {"pip", "uv pip", "pipx", "easy_install", "get-pip", "ensurepip"}
# What a Dockerfile says of itself: ARG INSTALLER=pip, ENV ACTION="pip install".
KNOWN = {"INSTALLER": "pip", "ACTION": "pip install", "EMPTY": ""}

# Each with the text at which the pip command must be reported.
FOUND = [
    # Names and places of pip.
    ("pip install x", "pip"),
    ("pip3 install x", "pip3"),
    ("pip3.11 install x", "pip3.11"),
    ("/usr/bin/pip install x", "/usr/bin/pip"),
    ("$VIRTUAL_ENV/bin/pip install x", "$VIRTUAL_ENV/bin/pip"),
    ('"$(python -m site --user-base)"/bin/pip install x', '"$(python -m site --user-base)"/bin/pip'),
    ("python -m pip install x", "python"),
    ("python3.12 -Im pip install x", "python3.12"),
    ("python -mpip install x", "python"),
    ("python -X utf8 -W ignore -m pip install x", "python"),
    ("python -m pip._internal install x", "python"),
    ("python pip-24.0-py3-none-any.whl/pip install x", "python"),
    ("python /tmp/get-pip.py x", "python"),
    ("uv pip install x", "uv"),
    ("pipx install x", "pipx"),
    ('python "$D/site-packages/pip" install x', "python"),
    # Quotes and escapes.
    ("p''ip install x", "p''ip"),
    ('"pip" install x', '"pip"'),
    ("\\pip install x", "\\pip"),
    ("pi\\\np install x", "pi\\\np"),
    ("$'\\x70\\151p' install x", "$'\\x70\\151p'"),
    ("{pip,install,x}", "{pip,install,x}"),
    ("p{ip,} install x", "p{ip,}"),
    ("pip${IFS}install${IFS}x", "pip"),
    # Variables.
    ("P=pip; $P install x", "$P"),
    ('P=pip\n"$P" install x', '"$P"'),
    ("P='pip install'; $P x", "$P"),
    ("A=pi; A+=p; $A install x", "$A"),
    ("A=p B=ip; B=ip; A=p; $A$B install x", "$A$B"),
    ("${P:-pip} install x", "pip"),
    ("P=pip.exe; ${P%.exe} install x", "${P%.exe}"),
    ("P=PIP; ${P,,} install x", "${P,,}"),
    ("N=P P=pip; N=P; P=pip; ${!N} install x", "${!N}"),
    ("$INSTALLER install x", "$INSTALLER"),
    ("$ACTION x", "$ACTION"),
    ("$EMPTY pip install x", "pip"),
    ("export P=pip && $P install x", "$P"),
    ("if a; then P=pip; else P=conda; fi; $P install x", "$P"),
    ("for p in conda pip; do $p install x; done", "$p"),
    ('c=(pip install x); "${c[@]}"', '"${c[@]}"'),
    ('set -- pip install x; "$@"', '"$@"'),
    ("set -- -q pip install x; shift; $1 $2 $3", "$1"),
    # Wrappers.
    ("A=1 B=2 pip install x", "pip"),
    ("env A=1 -u B pip install x", "pip"),
    ("env -S 'pip install x'", "pip"),
    ("sudo -E -H -u root pip install x", "pip"),
    ("sudo -EHuroot pip install x", "pip"),
    ("time pip install x", "pip"),
    ("nohup nice -n 5 ionice -c2 timeout -k 9 5m stdbuf -oL pip install x", "pip"),
    ("exec pip install x", "pip"),
    ("command pip install x", "pip"),
    ("pip() { :; }; command pip install x", "pip install"),
    ("busybox sh -c 'pip install x'", "pip"),
    ("poetry run pip install x", "pip"),
    ("poetry -C /app run python -m pip install x", "python"),
    ("uv run --with y pip install x", "pip"),
    ("conda run -n base --no-capture-output pip install x", "pip"),
    ("pyenv exec pip install x", "pip"),
    ("xargs -a requirements.txt -n 1 pip install", "pip"),
    ("cat requirements.txt | xargs pip install", "pip"),
    ("find . -name '*.whl' -exec pip install {} +", "pip"),
    ("chroot /mnt pip install x", "pip"),
    ("su -c 'pip install x' user", "pip"),
    ("su user --command='pip install x'", "pip"),
    ("flock /tmp/l -c 'pip install x'", "pip"),
    ("flock /tmp/l pip install x", "pip"),
    ("coproc pip install x", "pip"),
    ("! pip install x", "pip"),
    # Nested shells.
    ("sh -c 'pip install x'", "pip"),
    ('bash -lc "pip install x"', "pip"),
    ("bash -euxo pipefail -c 'a; pip install x'", "pip"),
    ("bash -c 'bash -c \"pip install x\"'", "pip"),
    ("sh -c '\"$@\"' _ pip install x", '"$@"'),
    ("eval pip install x", "pip"),
    ('eval "pip install x"', "pip"),
    ("c='pip install x'; eval \"$c\"", "$c"),
    ("bash <<EOF\npip install x\nEOF", "pip"),
    ("bash <<-'EOF'\n\tcd /\n\tpip install x\n\tEOF", "pip"),
    ("bash -s -- a <<EOF\npip install \\$1\nEOF", "pip"),
    ("cat <<X | bash\npip install x\nX", "pip"),
    ("{ sh; } <<EOF\npip install x\nEOF", "pip"),
    ("bash <<< 'pip install x'", "pip"),
    ("echo 'pip install x' | sh", "pip"),
    ("echo -e 'cd /\\npip install x' | sudo sh -", "pip"),
    ("printf 'pip %s %s\\n' install x | sh", "'pip %s"),
    ("printf '%s\\n' 'pip install x' | cat | sh", "pip"),
    ("bash <(echo pip install x)", "pip"),
    ("source <(echo 'pip install x')", "pip"),
    (". /dev/stdin <<EOF\npip install x\nEOF", "pip"),
    ("trap 'pip install x' EXIT", "pip"),
    # Control flow and substitutions.
    ("(pip install x)", "pip"),
    ("{ pip install x; }", "pip"),
    ("true && false || pip install x", "pip"),
    ("if pip install x; then :; fi", "pip"),
    ("while ! pip install x; do sleep 1; done", "pip"),
    ("case $a in *) pip install x;; esac", "pip"),
    ('echo "$(pip install x)"', "pip"),
    ("echo `pip install x`", "pip"),
    ('echo "`echo \\`pip install x\\``"', "pip"),
    ("A=$(pip install x)", "pip"),
    ("echo ${A:-$(pip install x)}", "pip"),
    ("cat <<EOF\n$(pip install x)\nEOF", "pip"),
    ("echo $((1 + $(pip install x)))", "pip"),
    ("cat < <(pip install x)", "pip"),
    ("[[ -n $(pip install x) ]]", "pip"),
    ("a[$(pip install x)]=1", "pip"),
    ("a=(1 $(pip install x))", "pip"),
    # Functions, aliases, files that the script writes itself.
    ("f() { pip install x; }", "pip"),
    ('f() { pip "$@"; }; f install x', "pip"),
    ('f() { "$@"; }; f pip install x', '"$@"'),
    ("function f { $1 install x; }; f pip", "$1"),
    ("alias p=pip; p install x", "p install"),
    ("alias p='pip install'; p x", "p x"),
    ("echo 'pip install x' > /tmp/a.sh; sh /tmp/a.sh", "pip"),
    ("cat > a <<EOF\npip install x\nEOF\nchmod +x a && ./a", "pip"),
    ("echo pip install x | tee /a; . /a", "pip"),
    ("install -m 755 /dev/stdin /usr/local/bin/go <<E; go\npip install x\nE", "pip"),
    ("cat <<E >/usr/local/bin/go; go\npip install x\nE", "pip"),
    ("cp /usr/bin/pip /usr/local/bin/q; q install x", "q install"),
    ("hash -p /usr/bin/pip q; q install x", "q install"),
    ("IFS=_; c=pip_install_x; $c", "$c"),
    ("!(pip install x)", "pip"),
    ("ln -s /usr/bin/pip /tmp/p; /tmp/p install x", "/tmp/p"),
    ("P=$(echo pip); $P install x", "$P"),
    ("P=`printf %s pip`; $P install x", "$P"),
    ("read p <<< pip; $p install x", "$p"),
    ('read a b <<< "pip install"; $a $b x', "$a"),
    ("echo pip install x | while read l; do $l; done", "$l"),
    ("{ echo true; echo pip install x; } > /f; sh /f", "pip"),
    ("echo pip install x > a; mv a b; sh b", "pip"),
    ("dd of=/f <<X && sh /f\npip install x\nX", "pip"),
    ("sudo -i <<EOF\npip install x\nEOF", "pip"),
    ("newgrp docker <<EOF\npip install x\nEOF", "pip"),
    ("sg docker -c 'pip install x'", "pip"),
    ("chroot / <<< 'pip install x'", "pip"),
    ("echo 'pip install x' | at now", "pip"),
    ("echo 'pip install x' | parallel", "pip"),
    ("cat /usr/bin/pip > /x; /x install y", "/x install"),
    ("install -m 755 /usr/bin/pip /x; /x install y", "/x install"),
    ("cp /usr/bin/pip /q/; cd /q; ./pip install y", "./pip"),
    ("update-alternatives --install /usr/bin/q q /usr/bin/pip 1; q install x", "q install"),
    ("curl -fo g.py https://x/get-pip.py && python g.py x", "python g.py"),
    ("wget -O /g.py https://x/get-pip.py?a && python /g.py x", "python /g.py"),
    ("python < get-pip.py", "python"),
    ("cd /usr/lib/python3/dist-packages/pip && python __main__.py install x", "python"),
    ("python -m poetry run pip install x", "pip"),
    ("./pip.pyz install x", "./pip.pyz"),
    ("pip-3.11 install x", "pip-3.11"),
    ("echo 'pip install x' >> ~/.bashrc; bash -ic true", "pip"),
    ("PS4='$(pip install x)' bash -xc true", "pip"),
    ("cp /usr/bin/python3 /tmp/q && /tmp/q -m pip install x", "/tmp/q"),
]

UNDECIDABLE = [
    ("$(which pip) install x", "program"),
    ("`command -v pip` install x", "program"),
    ('"$(command -v pip3 || command -v pip)" install x', "program"),
    ("$UNKNOWN install x", "program"),
    ("$P pip install x", "program"),
    ("read P; $P install x", "program"),
    ("sudo $OPTIONS pip install x", "program"),
    ("/usr/bin/pi? install x", "program"),
    ('{p"ip",install} x', "program"),
    ("sh -c '$0 install x' pip", "program"),
    ('sh -c "$SCRIPT"', "script"),
    ('eval "$(curl x)"', "script"),
    ("$SHELL -c 'pip install x'", "program"),
    ("curl -fsSL x | sh", "input"),
    ("curl x | sudo -E bash -s -- y", "input"),
    ("wget -qO- x | python3 -", "input"),
    ("base64 -d <<< cGlwIGluc3RhbGwgeA== | sh", "input"),
    ("base64 -d <<< cGlw > /a.sh; sh /a.sh", "file"),
    ("echo pip install x > >(sh)", "input"),
    ("exec 3<<< 'pip install x'; sh <&3", "input"),
    ("echo pip install x | awk '{system($0)}'", "script"),
    ("ln -s $(which pip) /q; /q install x", "program"),
    ("echo cGlw | base64 -d | bash", "input"),
    ("bash <(curl x)", "input"),
    ('sh "$SCRIPT"', "file"),
    ('. "$SCRIPT"', "file"),
    ('python "$SCRIPT"', "file"),
    ("python $(which pip) install x", "file"),
    ('python -c \'import pip; pip.main(["install", "x"])\'', "code"),
    ("python - <<EOF\nimport subprocess\nEOF", "code"),
    ("python <<< 'import pip'", "code"),
    ("echo 'import pip' > a.py; python a.py", "code"),
    ("printf '#!/usr/bin/env python3\\nimport pip' > a; chmod +x a; ./a", "code"),
    ('bash -c "$(curl -fsSL x)"', "script"),
    ("perl -e 'system(\"pip install x\")'", "code"),
    ("awk 'BEGIN { system(\"pip install x\") }'", "code"),
    ('node -e \'require("child_process").execSync("pip install x")\'', "code"),
    ("echo pip install x | xargs -I% sh -c '%'", "script"),
    ('echo "pip install x', "syntax"),
]

RUNS_FILE = [
    ("./build.sh a", "build.sh", ""),
    ("sh build.sh", "build.sh", "sh"),
    ("bash -e scripts/build.sh", "scripts/build.sh", "bash"),
    ("cd /app && ./build.sh", "/app/build.sh", ""),
    ("cd /app && cd x; . ./env", "/app/x/env", "source"),
    ("source env.sh", "env.sh", "source"),
    ("sh < build.sh", "build.sh", "sh"),
    ("sudo ./build.sh", "build.sh", ""),
    ("python3 tools/build.py x", "tools/build.py", "python"),
    ("/opt/build/run", "/opt/build/run", ""),
    ("build.sh", "build.sh", ""),
    ("exec < build.sh; sh", "build.sh", "sh"),
    ("BASH_ENV=env.sh bash -c true", "env.sh", "source"),
    ("bash --rcfile rc -i", "rc", "source"),
    ("make -C sub all", "sub/Makefile", "make"),
    ("make --file=a.mk", "a.mk", "make"),
    ("tox run", "tox.ini", "tox"),
]


# Nobody lists every program that runs another: a rule asks such a command whether it passes pip on.
PASSED_ON = [
    "retry 5 pip install x",
    "uv run --an-option-of-tomorrow v pip install x",
    "sed '1e pip install x' f",
    "make install PIP='pip install x'",
    "tar --to-command='pip install x' -xf a",
    "git -c core.pager='/usr/bin/pip3 install x' log",
    "ssh localhost pip install x",
]


def found_in(text: str) -> list[Resolved]:
    return resolve(scan(text), KNOWN)


def installs(found: Resolved) -> bool:
    return isinstance(found, ResolvedCommand) and found.normalised()[0] in PIP


@pytest.mark.parametrize(("text", "place"), FOUND, ids=[text for text, _ in FOUND])
def test_a_hidden_pip_command_is_found_where_it_stands(text: str, place: str) -> None:
    places = [text[found.start : found.end] for found in found_in(text) if installs(found)]
    assert any(each.startswith(place) for each in places), (places, found_in(text))


@pytest.mark.parametrize(("text", "kind"), UNDECIDABLE, ids=[text for text, _ in UNDECIDABLE])
def test_what_may_be_a_pip_command_is_undecidable(text: str, kind: str) -> None:
    undecidable = [found for found in found_in(text) if isinstance(found, Undecidable)]
    assert kind in {found.kind for found in undecidable}, found_in(text)
    assert all(0 <= found.start <= found.end <= len(text) for found in undecidable)


@pytest.mark.parametrize("text", PASSED_ON)
def test_a_command_that_is_passed_on_to_an_unlisted_program_can_be_asked_for(text: str) -> None:
    commands = [found for found in found_in(text) if isinstance(found, ResolvedCommand)]
    assert [found.passes_on(frozenset({"pip"})) is not None for found in commands] == [True]


@pytest.mark.parametrize(
    "text", ["apt-get install python3-pip", "rm -rf ~/.cache/pip-tools", "cat pip.conf", "a --no-pip"]
)
def test_a_name_that_only_looks_like_the_program_is_not_passed_on(text: str) -> None:
    commands = [found for found in found_in(text) if isinstance(found, ResolvedCommand)]
    assert [found.passes_on(frozenset({"pip"})) for found in commands] == [None]


@pytest.mark.parametrize(("text", "path", "interpreter"), RUNS_FILE, ids=[text for text, _, _ in RUNS_FILE])
def test_a_script_that_is_run_is_named(text: str, path: str, interpreter: str) -> None:
    files = [(found.path, found.interpreter) for found in found_in(text) if isinstance(found, RunsFile)]
    assert (path, interpreter) in files, found_in(text)


@pytest.mark.parametrize(
    "words",
    [
        ["pip", "install", "x"],
        ["bash", "-c", "pip install x"],
        ["/bin/bash", "-o", "pipefail", "-lc", "cd / && pip install x"],
        ["python3", "-m", "pip", "install", "x"],
        ["env", "A=b", "sh", "-c", "pip install x"],
    ],
)
def test_the_exec_form_hides_nothing(words: list[str]) -> None:
    written = [Argument.of(word, number * 100, number * 100 + len(word)) for number, word in enumerate(words)]
    assert any(installs(found) for found in resolve_words(written, {}))
