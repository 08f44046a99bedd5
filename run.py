#!/usr/bin/env python3
"""Run barexec from this checkout, on a machine that has only Python.

    python3 run.py demo ...      python -m barexec demo ...
    python3 run.py test ...      its tests: python -m pytest -n auto ... in the checkout
    python3 run.py python ...    python ..., with the developers' tools beside it

The first start makes an environment and later ones find it ready: in .venv, or in the user's
cache folder where .venv can't be written, is someone else's, or is in use by a run with
another Python. It is filled by uv if there is one, else by pip, which comes from ensurepip
or, where Python lacks that, as a wheel from the package index. The command then takes the
place of this process: its terminal, its signals, its exit status.

Rules: the standard library alone; the syntax of Python 3.6, so that an old Python can say
that it is too old; nothing is installed outside the environment. It is ready if its stamp
says so, which is written last; who changes it holds a lock, who runs in it another.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

NEEDED = (3, 10)
if sys.version_info[:2] < NEEDED:
    sys.exit(
        "barexec: needs Python {}.{} or newer, and this is {}.{}: start run.py with a newer one,"
        " such as python3.13".format(*NEEDED, *sys.version_info[:2])
    )

#: Each command: the dependency groups that it needs, and what it runs.
COMMANDS: dict[str, tuple[set[str], list[str]]] = {
    "demo": (set(), ["-m", "barexec", "demo"]),
    "test": ({"test"}, ["-m", "pytest", "-n", "auto"]),
    "python": ({"dev", "bench"}, []),
}
ROOT = Path(__file__).resolve().parent
PYTHON = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
#: Files of ours in an environment: its stamp; the locks of who changes it, of who runs in it.
STAMP, CHANGING, RUNNING = "run.json", "run.changing", "run.running"


class Failed(Exception):
    """Something went wrong; the text says what, and what to do."""


class Busy(Exception):
    """The environment is of another Python, in which something runs now."""


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit status, if the command did not take over."""
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        wished = name in ("-h", "--help")
        print((__doc__ or "").split("\n\nThe")[0], file=sys.stdout if wished else sys.stderr)
        return 0 if wished else 2
    if not os.environ.get("HOME"):
        os.environ.pop("HOME", None)  # then it is looked up; an empty one is taken for /
    groups, start = COMMANDS[name]
    try:
        folder = environment({"barexec", *groups})
    except Failed as failure:
        print(f"barexec: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next start goes on from here")
        return 130
    if name == "test":
        os.chdir(ROOT)
        if folder.parent != ROOT:
            start = [*start, "-o", f"cache_dir={folder / 'pytest_cache'}"]
    command = [str(folder / PYTHON), *start, *arguments[1:]]
    if os.name != "nt":
        os.execv(command[0], command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the command's, which does not inherit this
    return subprocess.call(command)


def say(text: str) -> None:
    print(f"barexec: {text}", file=sys.stderr, flush=True)


# The environment


def environment(wanted: set[str]) -> Path:
    """The folder of an environment that has what is wanted: "barexec", or a group's name."""
    folders = [ROOT / ".venv", *cache()]
    for folder in folders:
        if enter(folder, wanted):
            return folder
    reasons = []
    for folder in folders:
        try:
            prepare(folder, wanted)
        except (OSError, Busy) as error:
            reasons.append(f"\n  {folder}: {error}")
        else:
            return folder
    raise Failed(
        "there is no place for an environment. Make one of these writable, or set"
        f" XDG_CACHE_HOME to a folder that is:{''.join(reasons)}"
    )


def cache() -> list[Path]:
    """The environment's folder outside the checkout, one for each checkout and Python; if any."""
    variable, below = ("LOCALAPPDATA", ".") if os.name == "nt" else ("XDG_CACHE_HOME", ".cache")
    parent = Path(os.environ.get(variable) or home() / below)
    key = hashlib.sha256("\n".join(identity()).encode("utf-8", "surrogateescape")).hexdigest()
    # a user without a home is a relative "~"
    return [parent / "barexec" / f"venv-{key[:12]}"] if parent.is_absolute() else []


def home() -> Path:
    return Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.expanduser() may raise


def identity() -> list[str]:
    """What an environment is bound to: this checkout and this very Python."""
    return [str(ROOT), sys.version, sys.base_prefix]


def project() -> str:
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def ready(folder: Path) -> set[str] | None:
    """What is installed in the environment and up to date; None if it must be made anew."""
    try:
        stamp = json.loads((folder / STAMP).read_text("utf-8"))
        whole = (
            stamp["identity"] == identity()
            and os.access(folder / PYTHON, os.X_OK)
            and installed(stamp["site"]).issuperset(stamp["installed"])
        )
        if whole:
            return set(stamp["ready"]) if stamp["project"] == project() else set()
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no stamp, or not one of ours: there is nothing to build upon
    return None


def installed(site: str) -> set[str]:
    """The names of the distributions in a site-packages folder."""
    return {path.name.split("-")[0] for path in Path(site).glob("*.dist-info")}


def enter(folder: Path, wanted: set[str]) -> bool:
    """Whether all that is wanted is ready. If so it is not cleared while this process lives."""
    try:
        running = (folder / RUNNING).open()
    except OSError:
        return False
    with running:
        if not locked(running, shared=True) or not wanted.issubset(ready(folder) or set()):
            return False
        if os.name != "nt":
            import fcntl

            # survives exec, and is none of the standard streams
            fcntl.fcntl(running, fcntl.F_DUPFD, 3)
        return True


def prepare(folder: Path, wanted: set[str]) -> None:
    """Make the environment have what is wanted, and enter it.

    Raises:
        OSError, Busy: it can't be here.
        Failed: it can't be at all.
    """
    with hold(folder) as changing:
        if enter(folder, wanted):
            return  # another run made it meanwhile
        place = named(folder)
        version = "{}.{}".format(*sys.version_info)
        have = ready(folder)
        if have is not None:
            missing = wanted - have
            say(f"adding {', '.join(sorted(missing))} to {place} (Python {version}) ...")
            (folder / STAMP).unlink()
            try:
                install(folder, missing, changing)
            except Failed:
                have = None  # as if it had been broken before
        if have is None:
            with (folder / RUNNING).open("r+") as running:
                if not locked(running, shared=False):
                    raise Busy("in use by a run with another Python")
                have = set()
                say(f"making {place} (Python {version}) ...")
                (folder / STAMP).unlink(missing_ok=True)
                for path in folder.iterdir():
                    if path.is_dir() and not path.is_symlink():
                        shutil.rmtree(path)
                    elif path.name not in (CHANGING, RUNNING):
                        path.unlink()
                try:
                    call([base_python(), "-m", "venv", "--without-pip", str(folder)], changing)
                except Failed as failure:
                    raise Failed(
                        f"could not make {place}.\n{failure}\nIf this Python lacks venv, its"
                        " packager has it apart (Debian, Ubuntu: apt install python3-venv)."
                    ) from None
                install(folder, wanted, changing)
        question = "import barexec, sysconfig; print(sysconfig.get_path('purelib'))"
        site = call([str(folder / PYTHON), "-I", "-c", question], changing).strip()
        stamp = {
            "identity": identity(),
            "project": project(),
            "ready": sorted(have | wanted),
            "site": site,
            "installed": sorted(installed(site)),
        }
        (folder / f"{STAMP}.new").write_text(json.dumps(stamp, indent=1), "utf-8")
        (folder / f"{STAMP}.new").replace(folder / STAMP)
        if not enter(folder, wanted):
            raise Failed(f"{place} was changed while it was made; please try again")


def hold(folder: Path) -> IO[str]:
    """Get the right to change the environment, until the file that is returned is closed."""
    waiting = False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / CHANGING).exists():
            raise FileExistsError("not made by run.py")
        changing = (folder / CHANGING).open("a")
        while not locked(changing, shared=False):
            if not waiting:
                say(f"waiting for another run that changes {named(folder)} ...")
            waiting = True
            time.sleep(0.1)
        try:
            if os.path.samestat(os.fstat(changing.fileno()), (folder / CHANGING).stat()):
                (folder / RUNNING).touch()
                return changing
        except FileNotFoundError:
            pass  # the folder was deleted while we waited: once more
        changing.close()


def named(folder: Path) -> str:
    return folder.name if folder.parent == ROOT else str(folder)


def locked(file: IO[str], shared: bool) -> bool:
    """Try to lock the file, for as long as it or a copy of its descriptor is open."""
    try:
        if sys.platform == "win32":
            import msvcrt

            if not shared:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks: then without
    return True


# Installing


def install(folder: Path, wanted: set[str], changing: IO[str]) -> None:
    """Install barexec and groups by uv or, if there is none or it fails, by pip."""
    python = str(folder / PYTHON)
    targets = ["--editable", "."] if "barexec" in wanted else []
    for group in sorted(wanted - {"barexec"}):
        targets += ["--group", group]
    uv = shutil.which("uv")
    said = ""
    if uv:
        try:
            call([uv, "pip", "install", "--python", python, *targets], changing)
            return
        except Failed as failure:
            said = f"{failure}\n"
    try:
        provide_pip(python, changing)
        needed = "pip>=25.1" if "--group" in targets else "pip>=21.3"
        call([python, "-m", "pip", "install", needed], changing)
        call([python, "-m", "pip", "install", *targets], changing)
    except Failed as failure:
        raise Failed(
            f"could not install what it needs.\n{said}{failure}\nIs the network there?"
            " A package index of your own is taken from PIP_INDEX_URL or pip.conf."
        ) from None


def base_python() -> str:
    """The Python that started this script: not an environment's, which may be about to go."""
    return getattr(sys, "_base_executable", "") or sys.executable


def call(command: list[str], changing: IO[str]) -> str:
    """Run a command in the checkout. Returns what it printed."""
    environ = dict(os.environ, PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # should this process be killed, the lock is held until the command has ended
            pass_fds=() if os.name == "nt" else (changing.fileno(),),
        )
    except OSError as error:
        raise Failed(f"This did not start: {' '.join(command)}\n{error}") from None
    if done.returncode:
        raise Failed(f"This failed: {' '.join(command)}\n{done.stdout.rstrip()}")
    return done.stdout


def provide_pip(python: str, changing: IO[str]) -> None:
    """Make sure that there is a pip of some version in the environment."""
    try:
        call([python, "-m", "pip", "--version"], changing)
        return
    except Failed:
        pass  # the usual case: a new environment has none
    try:
        call([python, "-m", "ensurepip"], changing)
        return
    except Failed:
        pass  # Debian, among others, ships Python without
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        wheel = pip_wheel(Path(folder), changing)
        # a wheel is a zip file, and pip runs out of one
        install = ["install", "--no-index", "--no-deps", str(wheel)]
        call([python, str(wheel / "pip"), *install], changing)


# pip's wheel, where nothing else brings pip


def pip_wheel(folder: Path, changing: IO[str]) -> Path:
    """Fetch the newest pip that runs on this Python, into the folder."""
    download = ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), "pip"]
    try:
        # a pip of the machine's own may fetch, though not install
        call([base_python(), "-m", "pip", *download], changing)
        return next(folder.glob("pip-*.whl"))
    except Failed:
        return fetched_wheel(folder)


def fetched_wheel(folder: Path) -> Path:
    """The same without any pip."""
    from urllib.parse import urljoin

    index, cert = pip_settings()
    page_url = index.rstrip("/") + "/pip/"
    try:
        page, kind = fetch(page_url, cert)
        file = newest(links(page, kind))
        data, _ = fetch(urljoin(page_url, file["url"]), cert)
    except (OSError, ValueError, LookupError) as error:
        raise Failed(
            f"This Python has no pip, and to get it from {shown(index)} failed: {error}"
        ) from None
    if hashlib.sha256(data).hexdigest() != file["hashes"]["sha256"]:
        raise Failed(f"{file['filename']} is not what {shown(index)} says it is: it was not used")
    wheel = folder / str(file["filename"])
    wheel.write_bytes(data)
    return wheel


def pip_settings() -> tuple[str, str | None]:
    """The package index and the certificates, as pip would take them: files, then environment."""
    import configparser

    etc = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    files = [Path(folder, "pip", "pip.conf") for folder in etc.split(os.pathsep)]
    files += [Path("/etc/pip.conf"), home() / ".pip" / "pip.conf"]
    files += [Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config", "pip", "pip.conf")]
    files += [Path(sys.prefix, "pip.conf")]
    own = os.environ.get("PIP_CONFIG_FILE")
    if own:
        files = [] if own == os.devnull else [*files, Path(own)]
    settings = configparser.RawConfigParser()
    try:
        settings.read(files, "utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Failed(f"pip's configuration can't be read: {error}") from None
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if settings.has_section(section):
            found.update((name.replace("_", "-"), text) for name, text in settings.items(section))
    index = os.environ.get("PIP_INDEX_URL") or found.get("index-url")
    if not index:
        raise Failed(
            "This Python has neither pip nor ensurepip, and nothing says where to get pip from:"
            " install them (on Debian: apt install python3-venv), or set PIP_INDEX_URL to your"
            " package index"
        )
    cert = os.environ.get("PIP_CERT") or found.get("cert")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        cert = cert or os.environ.get(name)
    return index, cert  # SSL_CERT_FILE is read by ssl itself


def fetch(url: str, cert: str | None) -> tuple[bytes, str]:
    """The content of a page or file, and its kind. A name and password may be in the URL."""
    import base64
    import ssl
    from urllib.parse import unquote, urlsplit
    from urllib.request import Request, urlopen

    parts = urlsplit(url)
    who, _, host = parts.netloc.rpartition("@")
    request = Request(parts._replace(netloc=host, fragment="").geturl())
    request.add_header("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.1, */*;q=0.01")
    if who:
        secret = base64.b64encode(unquote(who).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {secret}")
    context = ssl.create_default_context(cafile=cert)
    for patience in (1, 3, 0):
        try:
            with urlopen(request, timeout=60, context=context) as response:
                return response.read(), response.headers.get_content_type()
        except OSError as error:
            if not patience or getattr(error, "code", 500) < 500:
                raise
            time.sleep(patience)
    raise AssertionError("not reached")


def links(page: bytes, kind: str) -> list[dict[str, Any]]:
    """The files of an index page, of either form that the standard has, in the form of JSON."""
    if kind.endswith("json"):
        files: list[dict[str, Any]] = json.loads(page)["files"]
        return files
    from html.parser import HTMLParser
    from urllib.parse import unquote

    files = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            url, _, fragment = (given.get("href") or "").partition("#")
            algorithm, _, digest = fragment.partition("=")
            files.append(
                {
                    "filename": unquote(url.rpartition("/")[2]),
                    "url": url,
                    "hashes": {algorithm: digest},
                    "requires-python": given.get("data-requires-python"),
                    "yanked": "data-yanked" in given,
                }
            )

    Page().feed(page.decode("utf-8"))
    return files


def newest(files: list[dict[str, Any]]) -> dict[str, Any]:
    """The newest release of pip among the files that is a wheel and fits this Python."""
    import re

    found = []
    for file in files:
        version = re.fullmatch(r"pip-(\d+(\.\d+)*)-py3-none-any\.whl", file["filename"])
        least = re.search(r">=\s*3\.(\d+)", file.get("requires-python") or "")
        fits = least is None or int(least[1]) <= sys.version_info[1]
        if version and fits and not file.get("yanked") and file["hashes"].get("sha256"):
            found.append(([int(number) for number in version[1].split(".")], file))
    if not found:
        raise LookupError("it has no pip for this Python")
    return max(found, key=lambda each: each[0])[1]


def shown(url: str) -> str:
    """The URL without a name and password."""
    scheme, slashes, rest = url.partition("//")
    place, slash, path = rest.partition("/")
    return scheme + slashes + place.rpartition("@")[2] + slash + path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
