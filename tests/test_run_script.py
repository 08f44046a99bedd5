"""run.py: the first start makes an environment, later ones find it, and none harms another.

Each test has a small checkout of its own, with a stand-in for uv or for pip that writes down
what it was asked for: nothing is fetched from the network. That the real ones do their part
is what `.ci/run` shows on each machine.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import http.server
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "run.py"
PYPROJECT = SCRIPT.with_name("pyproject.toml")

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the stand-ins are POSIX programs"),
    pytest.mark.skipif(not SCRIPT.exists(), reason="not in a checkout"),
]

#: The package of the checkout, and its pytest: they say what they were given.
REPORT = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), sys.prefix, sys.stdin and sys.stdin.readline()]))
sys.stdout.flush()
if "--die" in sys.argv:
    os.kill(os.getpid(), 9)
sys.exit(7 if "--fail" in sys.argv else 0)
"""

#: Stands in for uv and for pip. "Installs" by writing what shows that it was there.
INSTALLER = """
import json, os, pathlib, sys
arguments = sys.argv[1:]
python = arguments[arguments.index("--python") + 1] if "--python" in arguments else sys.executable
site = next(pathlib.Path(python).parents[1].glob("lib/python*/site-packages"))
beside = pathlib.Path({beside!r})
with (beside / "log").open("a") as log:
    print(json.dumps([arguments, os.environ.get("HOME")]), file=log)
if (beside / "gate").exists():
    (beside / "gate").read_text()
if (beside / "broken").exists():
    sys.exit("no such network")
for word, target in zip(arguments, arguments[1:] + [""]):
    if word == "--editable":
        (site / "barexec.pth").write_text(os.getcwd())
        (site / "barexec-1.dist-info").mkdir(exist_ok=True)
    elif word == "--group":
        (site / (target + "-1.dist-info")).mkdir(exist_ok=True)
        (site / "pytest.py").write_text((beside / "report.py").read_text())
    elif word.endswith(".whl"):
        import zipfile
        zipfile.ZipFile(word).extractall(site)
"""


class Checkout:
    """A checkout in which run.py is started.

    Attributes:
        root: its folder.
        beside: the folder of the stand-ins, which is all that PATH has.
        environ: the environment variables of a start.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.beside = folder / "bin"
        self.venv = self.root / ".venv"
        self.started: list[subprocess.Popen[str]] = []
        self.environ = {"PATH": str(self.beside), "HOME": str(folder / "home")}
        package = self.root / "barexec"
        package.mkdir(parents=True)
        self.beside.mkdir()
        shutil.copy(SCRIPT, self.root)
        (self.root / "pyproject.toml").write_text("[project]\n")
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(REPORT)
        (self.beside / "report.py").write_text(REPORT)
        self.installer = INSTALLER.format(beside=str(self.beside))
        uv = self.beside / "uv"
        uv.write_text(f"#!{sys.executable} -IS{self.installer}")
        uv.chmod(0o755)

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(self.root / "run.py"), *arguments],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # not the folder of pytest, where another barexec lies
            cwd=cwd or self.beside,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def leave(self) -> None:
        """End what a failed test left running, installers too."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with process:
                pass  # waits for it and closes its streams

    def run(self, *arguments: str, cwd: Path | None = None) -> Ran:
        return finish(self.start(*arguments, cwd=cwd))

    def asked(self) -> list[list[str]]:
        """What the stand-ins were asked for, a list of arguments each time."""
        log = self.beside / "log"
        return [json.loads(line)[0] for line in log.read_text().splitlines()]

    def closed_gate(self) -> Path:
        """The installer will wait until this has been opened, and closed again."""
        gate = self.beside / "gate"
        os.mkfifo(gate)
        return gate


class Ran:
    """What became of one start."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def reported(self) -> list[Any]:
        """Arguments, working directory, prefix and first line of input of what was run."""
        assert self.out, self.err
        reported: list[Any] = json.loads(self.out)
        return reported


def finish(process: subprocess.Popen[str], given: str = "") -> Ran:
    with process:
        out, err = process.communicate(given)
    return Ran(process.returncode, out, err)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    checkout = Checkout(tmp_path)
    yield checkout
    checkout.leave()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """run.py as a module."""
    spec = importlib.util.spec_from_file_location("run_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    return module


# An old Python


def test_python_3_6_can_read_the_script() -> None:
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    imports = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert "__future__" not in imports  # its annotations came with 3.7


def test_an_old_python_says_in_one_line_which_one_is_needed() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1])"
    ran = subprocess.run(
        [sys.executable, "-c", pretend, str(SCRIPT)], capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert re.fullmatch(r"barexec: needs Python 3\.10 or newer, and this is 3\.9: .+\n", ran.stderr)


def test_the_version_it_names_is_the_package_s(script: ModuleType) -> None:
    needed = ".".join(map(str, script.NEEDED))
    assert f'requires-python = ">={needed}"' in PYPROJECT.read_text()


def test_the_groups_it_installs_exist(script: ModuleType) -> None:
    table = PYPROJECT.read_text().partition("[dependency-groups]\n")[2].partition("\n[")[0]
    names = set(re.findall(r"^(\w+) = ", table, re.MULTILINE))
    assert set().union(*(groups for groups, _ in script.COMMANDS.values())) <= names


# What it runs


@pytest.mark.parametrize("arguments", [(), ("dmeo",)])
def test_a_wrong_command_gets_the_usage_and_makes_nothing(
    checkout: Checkout, arguments: tuple[str, ...]
) -> None:
    ran = checkout.run(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "python3 run.py demo" in ran.err
    assert not checkout.venv.exists()


def test_help_is_no_error(checkout: Checkout) -> None:
    ran = checkout.run("--help")
    assert (ran.status, ran.err) == (0, "")
    assert "python3 run.py test" in ran.out


def test_a_command_gets_arguments_folder_and_input_as_they_are(
    checkout: Checkout, tmp_path: Path
) -> None:
    first = finish(checkout.start("demo", "--fail", "a b", "", cwd=tmp_path), "typed\n")
    arguments = ["demo", "--fail", "a b", ""]
    assert first.reported == [arguments, str(tmp_path), str(checkout.venv), "typed\n"]
    assert first.status == 7
    assert first.err == "barexec: making .venv (Python {}.{}) ...\n".format(*sys.version_info)
    killed = checkout.run("demo", "--die")
    assert killed.status == -signal.SIGKILL


def test_tests_run_in_the_checkout(checkout: Checkout, tmp_path: Path) -> None:
    ran = checkout.run("test", "-k", "x", cwd=tmp_path)
    assert ran.reported[:2] == [["-n", "auto", "-k", "x"], str(checkout.root)]
    assert [asked[:3] for asked in checkout.asked()] == [["pip", "install", "--python"]]
    python, *targets = checkout.asked()[0][3:]
    assert python == str(checkout.venv / "bin" / "python")
    assert targets == ["--editable", ".", "--group", "test"]


def test_any_python_command_runs_there(checkout: Checkout) -> None:
    ran = checkout.run("python", "-c", "import sys; print(sys.prefix)")
    assert ran.out == f"{checkout.venv}\n"


def test_closed_standard_streams_stay_closed(checkout: Checkout) -> None:
    checkout.run("demo")
    probe = (
        "import os\nfor n in range(3):\n try: os.fstat(n)\n except OSError: pass\n"
        " else: raise SystemExit(n + 1)"
    )
    (checkout.root / "barexec" / "__main__.py").write_text(probe)
    closed = "import os, sys; os.closerange(0, 3); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-c", closed, sys.executable, str(checkout.root / "run.py"), "demo"]
    assert subprocess.run(command, env=checkout.environ, cwd=checkout.beside).returncode == 0


# What it makes, and when


def test_a_second_start_installs_nothing_and_says_nothing(checkout: Checkout) -> None:
    checkout.run("demo")
    ran = checkout.run("demo")
    assert (ran.status, ran.err) == (0, "")
    assert len(checkout.asked()) == 1


def test_what_another_command_needs_is_added(checkout: Checkout) -> None:
    checkout.run("demo")
    kept = checkout.venv / "kept"
    kept.touch()
    assert "adding test to .venv" in checkout.run("test").err
    assert checkout.asked()[1][4:] == ["--group", "test"]
    assert "adding bench, dev to .venv" in checkout.run("python", "-c", "").err
    assert checkout.run("demo").err == checkout.run("test").err == ""
    assert kept.exists()


def test_a_changed_pyproject_is_installed_again(checkout: Checkout) -> None:
    checkout.run("test")
    kept = checkout.venv / "kept"
    kept.touch()
    (checkout.root / "pyproject.toml").write_text("[project]\n# more\n")
    assert checkout.run("demo").status == 0
    assert checkout.run("test").status == 0
    assert [asked[4:] for asked in checkout.asked()[1:]] == [
        ["--editable", "."],
        ["--group", "test"],
    ]
    assert kept.exists()


def _garble_stamp(venv: Path) -> None:
    (venv / "run.json").write_text('{"identity": [')


def _other_python(venv: Path) -> None:
    stamp = json.loads((venv / "run.json").read_text())
    stamp["identity"][1] = "2.7"
    (venv / "run.json").write_text(json.dumps(stamp))


def _lose_python(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(venv / "no-such-python")


def _lose_packages(venv: Path) -> None:
    shutil.rmtree(venv / "lib")


def _lose_distribution(venv: Path) -> None:
    next(venv.glob("lib/python*/site-packages/barexec-*.dist-info")).rmdir()


def _lose_all_but_locks(venv: Path) -> None:
    for path in venv.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("run.changing", "run.running"):
            path.unlink()


@pytest.mark.parametrize(
    "harm",
    [
        _garble_stamp,
        _other_python,
        _lose_python,
        _lose_packages,
        _lose_distribution,
        _lose_all_but_locks,
    ],
)
def test_what_is_broken_is_made_anew(checkout: Checkout, harm: Any) -> None:
    checkout.run("demo")
    (checkout.venv / "old").touch()
    harm(checkout.venv)
    ran = checkout.run("demo")
    assert ran.reported[2] == str(checkout.venv)
    assert "making .venv" in ran.err
    assert not (checkout.venv / "old").exists()
    assert checkout.run("demo").err == ""


def test_a_checkout_that_was_moved_is_made_anew(checkout: Checkout) -> None:
    checkout.run("demo")
    checkout.root = checkout.root.rename(checkout.root.with_name("elsewhere"))
    ran = checkout.run("demo")
    assert ran.reported[2] == str(checkout.root / ".venv")
    assert "making .venv" in ran.err


# Where


def test_a_venv_of_someone_else_s_is_left_alone(checkout: Checkout) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "pyvenv.cfg").touch()
    ran = checkout.run("test")
    cache = Path(checkout.environ["HOME"], ".cache", "barexec")
    arguments, _, prefix, _ = ran.reported
    assert Path(prefix).parent == cache
    assert arguments == [
        "-n",
        "auto",
        "-o",
        f"cache_dir={prefix}/pytest_cache",
    ]  # nothing into the checkout
    assert f"making {prefix} (" in ran.err
    assert [path.name for path in checkout.venv.iterdir()] == ["pyvenv.cfg"]
    assert checkout.run("test").err == ""


def test_xdg_cache_home_is_where_the_cache_is(checkout: Checkout, tmp_path: Path) -> None:
    checkout.venv.touch()  # no folder can be made of it, even by root
    checkout.environ["XDG_CACHE_HOME"] = str(tmp_path / "xdg")
    assert Path(checkout.run("demo").reported[2]).parent == tmp_path / "xdg" / "barexec"


def test_no_place_for_it_is_an_error_that_says_what_to_do(checkout: Checkout) -> None:
    checkout.venv.touch()
    Path(checkout.environ["HOME"]).touch()
    ran = checkout.run("demo")
    assert (ran.status, ran.out) == (1, "")
    assert str(checkout.venv) in ran.err
    assert "XDG_CACHE_HOME" in ran.err


def test_an_empty_home_is_none(checkout: Checkout) -> None:
    checkout.environ["HOME"] = ""
    assert checkout.run("demo").status == 0
    assert json.loads((checkout.beside / "log").read_text())[1] is None


# Several at once


def test_a_start_waits_for_one_that_installs_and_uses_what_it_made(checkout: Checkout) -> None:
    gate = checkout.closed_gate()
    first = checkout.start("demo")
    with gate.open("w"):  # opens when the installer runs
        second = checkout.start("demo")
        assert second.stderr is not None
        assert "waiting for another run" in second.stderr.readline()
    assert [finish(first).status, finish(second).status] == [0, 0]
    assert len(checkout.asked()) == 1


def test_after_a_kill_the_next_start_waits_for_the_installer_that_is_left(
    checkout: Checkout,
) -> None:
    gate = checkout.closed_gate()
    first = checkout.start("demo")
    with gate.open("w"):
        gate.unlink()
        first.kill()
        first.wait()
        second = checkout.start("demo")
        assert second.stderr is not None
        assert "waiting for another run" in second.stderr.readline()
    assert finish(first).status == -signal.SIGKILL
    ran = finish(second)
    assert ran.status == 0
    assert "making .venv" in ran.err  # what a killed one left is not built upon
    assert len(checkout.asked()) == 2


def test_an_interrupted_start_says_so_in_a_line_and_the_next_one_succeeds(
    checkout: Checkout,
) -> None:
    gate = checkout.closed_gate()
    # in the background of a shell it is ignored, which children inherit
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    first = checkout.start("demo")
    signal.signal(signal.SIGINT, before)
    with gate.open("w"):
        gate.unlink()
        first.send_signal(signal.SIGINT)
        ran = finish(first)
    assert ran.status == 130
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["barexec", "barexec"]
    assert checkout.run("demo").status == 0


def test_an_environment_in_use_is_not_taken_from_under_it(checkout: Checkout) -> None:
    checkout.run("demo")
    # reads its input, so it runs until that ends
    with checkout.start("python", "-c", "print('on', flush=True); input()") as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "on\n"
        _other_python(checkout.venv)
        ran = checkout.run("demo")
        assert Path(ran.reported[2]).parent.name == "barexec"
        assert (checkout.venv / "bin" / "python").exists()
        user.communicate("go\n")
    assert user.returncode == 0
    assert checkout.run("demo").err == ""


# Installing


def without_pip(beside: Path, index: str) -> dict[str, str]:
    """The environment variables for a Python that has neither ensurepip nor pip of its own."""
    lean = beside / "lean"
    lean.mkdir()
    (lean / "ensurepip.py").write_text("raise SystemExit('there is no ensurepip')")
    (lean / "pip.py").write_text(
        "import runpy, sys\n"
        "if sys.prefix == sys.base_prefix: sys.exit('there is no pip')\n"
        "sys.path[:] = [path for path in sys.path if not path.endswith('lean')]\n"
        "del sys.modules['__main__']\n"
        "runpy.run_module('pip', run_name='__main__')\n"
    )
    return {"PYTHONPATH": str(lean), "PIP_INDEX_URL": index}


class Index(http.server.ThreadingHTTPServer):
    """A package index on this machine.

    Attributes:
        pages: a path → the kind of its content, and the content.
        secret: "name:password" that is asked for, if not empty.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), IndexRequest)
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.secret = ""

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def offer(self, wheel: bytes, digest: str, kind: str) -> None:
        """Offer a wheel of pip 99.0, beside others that do not fit."""
        name = "pip-99.0-py3-none-any.whl"
        self.pages[f"/files/{name}"] = ("application/octet-stream", wheel)
        if kind == "json":
            file = {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": digest}}
            page = json.dumps({"files": [file]}).encode()
            self.pages["/simple/pip/"] = ("application/vnd.pypi.simple.v1+json", page)
        else:
            page = (
                "<!DOCTYPE html><html><body>"
                f'<a href="/files/{name}#sha256={digest}" data-requires-python="&gt;=3.9">x</a>'
                '<a href="/files/pip-100-py3-none-any.whl#sha256=0" data-yanked="">y</a>'
            ).encode()
            self.pages["/simple/pip/"] = ("text/html", page)


class IndexRequest(http.server.BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        kind, content = self.server.pages.get(self.path, ("", b""))
        needed = "Basic " + base64.b64encode(self.server.secret.encode()).decode()
        if self.server.secret and self.headers["Authorization"] != needed:
            self.send_error(401)
        elif not kind:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bare(checkout: Checkout, index: Index) -> Checkout:
    """A checkout on a machine without uv, ensurepip and pip."""
    (checkout.beside / "uv").unlink()
    checkout.environ |= without_pip(checkout.beside, f"http://{index.place}/simple")
    return checkout


@pytest.fixture
def wheel(checkout: Checkout, tmp_path: Path) -> bytes:
    """The stand-in for pip, as a wheel."""
    path = tmp_path / "wheel"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("pip/__init__.py", "")
        file.writestr("pip/__main__.py", checkout.installer)
        file.writestr("pip-99.0.dist-info/METADATA", "Name: pip\n")
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["json", "html"])
def test_where_there_is_nothing_pip_comes_from_the_index(
    bare: Checkout, index: Index, wheel: bytes, kind: str
) -> None:
    index.offer(wheel, hashlib.sha256(wheel).hexdigest(), kind)
    ran = bare.run("test")
    assert ran.status == 0, ran.err
    assert [asked[:4] for asked in bare.asked()[1:]] == [
        ["install", "pip>=25.1"],
        ["install", "--editable", ".", "--group"],
    ]
    assert bare.run("test").err == ""


def test_a_wheel_with_another_hash_is_not_run(bare: Checkout, index: Index, wheel: bytes) -> None:
    index.offer(wheel, "0" * 64, "json")
    ran = bare.run("demo")
    assert ran.status == 1
    assert f"is not what http://{index.place}/simple says it is" in ran.err
    assert not (bare.beside / "log").exists()


def test_a_name_and_password_of_the_index_are_used_and_never_shown(
    bare: Checkout, index: Index, wheel: bytes
) -> None:
    index.secret = "me:s3cr/t"
    bare.environ["PIP_INDEX_URL"] = f"http://me:s3cr%2Ft@{index.place}/simple"
    refused = bare.run("demo")
    assert refused.status == 1
    assert f"from http://{index.place}/simple failed: HTTP Error 404" in refused.err
    assert "s3cr" not in refused.err
    index.offer(wheel, hashlib.sha256(wheel).hexdigest(), "json")
    assert bare.run("demo").status == 0


def test_a_failed_installation_shows_what_was_said_and_what_to_do(
    bare: Checkout, index: Index, wheel: bytes
) -> None:
    index.offer(wheel, hashlib.sha256(wheel).hexdigest(), "json")
    (bare.beside / "broken").touch()
    failed = bare.run("demo")
    assert (failed.status, failed.out) == (1, "")
    assert "no such network" in failed.err
    assert "PIP_INDEX_URL" in failed.err
    assert "Traceback" not in failed.err
    (bare.beside / "broken").unlink()
    assert bare.run("demo").status == 0


def test_a_python_without_venv_gets_advice(bare: Checkout) -> None:
    (bare.beside / "lean" / "venv.py").write_text("raise SystemExit('there is no venv')")
    failed = bare.run("demo")
    assert failed.status == 1
    assert "there is no venv" in failed.err
    assert "python3-venv" in failed.err


def test_where_uv_fails_pip_is_tried(bare: Checkout, index: Index, wheel: bytes) -> None:
    index.offer(wheel, hashlib.sha256(wheel).hexdigest(), "json")
    uv = bare.beside / "uv"
    uv.write_text("#!/bin/sh\necho too old\nexit 2\n")
    uv.chmod(0o755)
    assert bare.run("demo").status == 0
    uv.write_text("not a program")
    (bare.venv / "run.json").unlink()
    assert bare.run("demo").status == 0


def test_an_environment_that_can_not_be_added_to_is_made_anew(
    checkout: Checkout, index: Index
) -> None:
    checkout.run("demo")
    checkout.environ |= without_pip(checkout.beside, f"http://{index.place}/empty")
    uv = checkout.beside / "uv"
    guard = 'if next(site.glob("barexec*"), None): sys.exit("confused by what is there")\n'
    uv.write_text(uv.read_text().replace("for word", f"{guard}for word"))
    ran = checkout.run("test")
    assert ran.status == 0, ran.err
    assert "adding test to .venv" in ran.err
    assert "making .venv" in ran.err


def test_the_newest_release_that_fits_is_taken(script: ModuleType) -> None:
    def file(name: str, needs: str = "", yanked: Any = False, hashed: bool = True) -> Any:
        hashes = {"sha256": "0"} if hashed else {"md5": "0"}
        return {"filename": name, "hashes": hashes, "requires-python": needs, "yanked": yanked}

    files = [
        file("pip-9.0-py3-none-any.whl"),
        file("pip-25.10-py3-none-any.whl", ">=3.9"),
        file("pip-25.9-py3-none-any.whl", ">=3.9"),
        file("pip-26.0b1-py3-none-any.whl"),
        file("pip-26.0.tar.gz"),
        file("pip-26.1-py3-none-any.whl", yanked="broken"),
        file("pip-26.2-py3-none-any.whl", hashed=False),
        file("pip-99.0-py3-none-any.whl", ">=3.99"),
    ]
    assert script.newest(files)["filename"] == "pip-25.10-py3-none-any.whl"
    with pytest.raises(LookupError):
        script.newest(files[3:])


def test_the_index_is_the_one_that_pip_would_ask(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PIP_INDEX_URL", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(script.Failed, match="apt install python3-venv"):
        script.pip_settings()

    own = tmp_path / "own.conf"
    own.write_text("[global]\nindex_url = https://a.test/x\ncert = /a.pem\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(own))
    assert script.pip_settings() == ("https://a.test/x", "/a.pem")

    own.write_text("[install]\nindex-url = https://b.test/%20\n[global]\nindex-url = no\ncert=/a")
    assert script.pip_settings() == ("https://b.test/%20", "/a")

    monkeypatch.setenv("PIP_INDEX_URL", "https://c.test")
    monkeypatch.setenv("PIP_CERT", "/c.pem")
    assert script.pip_settings() == ("https://c.test", "/c.pem")

    own.write_text("not a configuration")
    with pytest.raises(script.Failed, match=r"own\.conf"):
        script.pip_settings()


def test_the_user_s_own_pip_configuration_is_read(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text("[global]\nindex-url = https://mine.test/simple\n")
    assert script.pip_settings()[0] == "https://mine.test/simple"
