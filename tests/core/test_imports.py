"""Who imports whom: one direction, no circle, and nothing that is not needed.

The table is the one of the design, with the files that came since. `→` in it reads "is
imported by"; what a file may import directly, it may also import past those between.
"""

from __future__ import annotations

import ast
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import barexec

ROOT = Path(barexec.__file__).parent

#: A file or folder: what it is imported by.
ARROWS = {
    "events": {"state", "channel", "bars"},
    "rate": {"state"},
    "state": {"tasks", "renderers", "testing", "pool", "endings"},
    "tasks": {"frame", "narration", "task_text"},
    "task_text": {"output"},
    "renderers": {"frame", "testing"},
    "places": {"frame"},
    "frame": {"view"},
    "narration": {"view"},
    "painters": {"view"},
    "view": {"display"},
    "channel": {"sampler"},
    "bars": {"injection", "options", "sampler"},
    "sampler": {"worker"},
    "worker": {"pool", "remote"},
    "pool": {"display"},
    "injection": {"executor", "shown"},
    "options": {"executor", "shown"},
    "display": {"sharing"},
    "sharing": {"looks"},
    "looks": {"executor", "shown"},
    "executor": {"package"},
    "remote": {"shown", "testing"},
    "shown": {"engines"},
    "engines": {"package"},
    "package": {"demo"},
    "demo": {"__main__"},
    # at the bottom, for whoever needs them
    "ptys": {"capture", "pty_reader", "pool"},
    "adopted": {"worker"},
    "capture": {"sampler"},
    "streams": {"sampler", "program_text", "capture", "sharing", "painters", "view"},
    "program_text": {"output"},
    "pty_reader": {"output"},
    "output": {"view"},
    "endings": {"view"},
    "cautions": {"policy", "endings", "renderers"},
    "carrying": {"worker", "pool", "executor"},
    "counting": {"bars"},
    "interrupts": {"worker", "crew", "shown", "executor", "pool", "ticker"},
    "locks": {"bars", "channel", "sampler", "pty_reader", "display", "engines"},
    "orphans": {"worker"},
    "crew": {"executor", "engines"},
    "writer": {"bars"},
    "ticker": {"sampler", "pty_reader", "orphans"},
    "theme": {"renderers", "painters", "testing"},
    "terminal_text": {"renderers", "painters", "narration", "testing", "text_row"},
    "text_row": {"line_discipline"},
    "line_discipline": {"state", "output"},
    "policy": {"painters", "frame"},
    "watcher": {"painters"},
    "suspension": {"display"},
    "stops": {"view"},
    # public, and imported by no other file
    "testing": set(),
    "__main__": set(),
}

#: The only files that may import what is not of the standard library.
OTHERS = {
    "carrying.py": {"cloudpickle"},
    "painters/library.py": {"blessings", "blessed", "jinxed"},
    "renderers/progressbar.py": {"progressbar"},
    "renderers/tqdm.py": {"tqdm"},
    "terminal_text.py": {"wcwidth"},
    "testing/screens.py": {"pyte"},
}

#: The standard library, with what later versions have.
STANDARD = sys.stdlib_module_names | {"annotationlib"}

files = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def place(module: str) -> str:
    """The row of the table for a module, named from within the package."""
    return module.partition(".")[0] or "package"


def module_of(file: str) -> str:
    module = file.removesuffix(".py").replace("/", ".")
    return module.removesuffix("__init__").removesuffix(".")


def imports(file: str) -> Iterator[tuple[str, bool]]:
    """What a file imports: of ours (named from within the package) and, True, of others."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    package = (
        module_of(file) if file.endswith("__init__.py") else module_of(file).rpartition(".")[0]
    )
    for node in ast.walk(tree):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = ["barexec", *filter(None, package.split("."))]
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                inner = ROOT.joinpath(*full.split(".")[1:])
                ours = full.startswith("barexec.") and (
                    inner.with_suffix(".py").exists() or inner.is_dir()
                )
                found.append(full if ours else base)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            # import_module and __import__, as far as it can be read
            values = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            found = [str(value) for value in values if not str(value).startswith(".")]
        for name in found:
            if name.partition(".")[0] == "barexec":
                yield name.removeprefix("barexec").removeprefix("."), False
            else:
                yield name.partition(".")[0], True


def below(row: str) -> set[str]:
    """All rows that a row may import."""
    found: set[str] = set()
    todo = {row}
    while todo:
        todo = {low for low, highs in ARROWS.items() if highs & todo} - found
        found |= todo
    return found


def test_the_table_itself_has_no_circle() -> None:
    TopologicalSorter(ARROWS).prepare()
    assert all(row not in below(row) for row in ARROWS)


def test_the_test_reads_imports_right() -> None:
    of_display = {*imports("display.py")}
    assert {
        ("policy", False),
        ("pool", False),
        ("state", False),
        ("threading", True),
    } <= of_display
    assert ("painters.terminal", False) in set(imports("view.py"))  # within a function
    assert ("", False) in {*imports("demo.py")}
    assert ("painters", False) in {*imports("painters/terminal.py")}
    assert ("painters.cells", False) in {*imports("painters/inline.py")}
    assert ("state", False) in {*imports("renderers/__init__.py")}
    assert ("blessings", True) in {*imports("painters/library.py")}
    assert below("channel") == {"events", "locks"}
    assert "display" not in below("worker")


@pytest.mark.parametrize("file", files)
def test_each_file_imports_only_what_is_below_it(file: str) -> None:
    row = place(module_of(file))
    assert row in ARROWS, "a new file needs its row in the table"
    for module, other in imports(file):
        if not other and place(module) != row:
            assert place(module) in below(row), f"{file} imports {module}"


def test_no_file_imports_itself_in_a_circle() -> None:
    graph = {
        module_of(file): {module for module, other in imports(file) if not other} for file in files
    }
    # the package gives out its names when they are asked for
    graph[""] = set()
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("file", files)
def test_only_few_files_import_what_is_not_of_the_standard_library(file: str) -> None:
    allowed = OTHERS.get(file, set())
    if file.startswith("engines/"):
        return  # each is for a library of its own
    for module, other in imports(file):
        if other:
            assert module in STANDARD | allowed, f"{file} imports {module}"


@pytest.mark.parametrize("file", files)
def test_only_one_file_names_the_terminal_library(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {"blessings", "blessed"}
    for node in ast.walk(tree):
        named = (isinstance(node, ast.Name) and node.id in names) or (
            isinstance(node, ast.Constant) and node.value in names
        )
        assert not named or file == "painters/library.py"


def test_the_worker_knows_only_what_it_sends_with() -> None:
    own = "bars", "sampler", "worker"
    found = {module for one in own for module, other in imports(f"{one}.py") if not other}
    assert found - {*own} == {
        "adopted",
        "capture",
        "carrying",
        "channel",
        "counting",
        "events",
        "interrupts",
        "locks",
        "orphans",
        "ptys",
        "streams",
        "ticker",
        "writer",
    }


def test_no_engine_imports_another() -> None:
    for file in files:
        if file.startswith("engines/"):
            assert not [module for module, _ in imports(file) if module.startswith("engines.")]


def test_the_executor_touches_no_private_attribute_of_the_stock_class() -> None:
    tree = ast.parse((ROOT / "executor.py").read_text(encoding="utf-8"))
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1) as stock:
        private = {name for name in {*dir(stock), *vars(stock)} if name.startswith("_")}
    private = {name for name in private if not name.startswith("__")}
    assert private
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert not used & private
    # looked up with a way to do without: who ends the workers may be waited for
    assert named & private == {"_executor_manager_thread"}


# --- what is really loaded -----------------------------------------------------------

#: An expression: the installed packages that are loaded, but ours.
FOREIGN = (
    "{name.partition('.')[0] for name, module in list(sys.modules.items())"
    " if '-packages' in (getattr(module, '__file__', None) or '')} - {'barexec'}"
)


def run(*command: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import barexec", {"concurrent.futures.process", "barexec.bars", "multiprocessing"}),
        ("import barexec; barexec.__all__, dir(barexec)", {"barexec.bars", "multiprocessing"}),
        ("from barexec import *; help", {"mpi4py", "distributed", "tqdm"}),
        ("from barexec import Bar, track, current_bar", {"barexec.worker", "multiprocessing"}),
        ("from barexec import track; list(track([1]))", {"curses", "asyncio"}),
        ("from barexec import ProgressPoolExecutor", {"curses", "barexec.painters"}),
        ("from barexec import ProgressPoolExecutor as P; P(1).shutdown()", {"curses"}),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement: str, forbidden: set[str]) -> None:
    program = (
        f"import sys; before, loaded = {FOREIGN}, set(sys.modules)\n"
        f"{statement}\n"
        f"print(*sorted({FOREIGN} - before))\n"
        f"print(*sorted({forbidden} & (set(sys.modules) - loaded)))\n"
    )
    assert run("-c", program) == "\n\n"


def test_the_test_sees_what_is_loaded() -> None:
    program = f"import sys; before = {FOREIGN}; import tqdm; print({FOREIGN} - before)"
    assert "'tqdm'" in run("-c", program)  # on Windows it needs another one


JOB = f"""
import sys
from barexec import Bar, current_bar, track

def job(n):
    with Bar(1):
        for _ in track(range(n)):
            current_bar().postfix = dict(a=1)
    return {FOREIGN}, sorted(name for name in sys.modules if name.startswith("barexec."))
"""

PROGRAM = f"""
import sys

if __name__ == "__main__":
    before = {FOREIGN}
    import multiprocessing
    from barexec import ProgressPoolExecutor
    from job import job

    context = multiprocessing.get_context(sys.argv[1])
    with ProgressPoolExecutor(1, context, display="plain") as ex:
        foreign, ours = ex.options(total=5).submit(job, 5).result()
    print(*sorted(foreign - before))
    print(*ours)
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_worker_loads_nothing_but_what_it_sends_with(method: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(JOB)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    foreign, ours = run(program, method).splitlines()
    assert foreign == ""
    if method != "fork":  # where all that the parent has loaded is there
        names = [
            "adopted",
            "bars",
            "capture",
            "carrying",
            "channel",
            "counting",
            "events",
            "interrupts",
            "locks",
            "orphans",
            "ptys",
            "sampler",
            "streams",
            "ticker",
            "worker",
            "writer",
        ]
        assert ours == " ".join(f"barexec.{name}" for name in names)
