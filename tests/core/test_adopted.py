"""Bars of tqdm, unmodified: what is told of them, and that nothing else of them changes."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
import tqdm
import tqdm.auto

from barexec import adopted


class Told:
    """A follower that keeps what it was told."""

    def __init__(self, unit: str) -> None:
        self.n: float = 0
        self.total: float | None = None
        self.desc = self.postfix = ""
        self.unit = unit
        self.closed = 0
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed += 1


class Terminal(io.TextIOBase):
    """A stream with a descriptor."""

    encoding = "utf-8"

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.text = ""

    def fileno(self) -> int:
        return self.fd

    def write(self, text: str) -> int:
        self.text += text
        return len(text)


def test_finders_and_loaders_of_the_old_kind_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = ModuleSpec("tqdm.std", object())  # type: ignore[arg-type]
    finder = type("Finder", (), {"find_spec": lambda *args: spec})()
    monkeypatch.setattr(sys, "meta_path", [object(), finder])
    monkeypatch.delitem(sys.modules, "tqdm.std")
    adopted.adopt_tqdm(lambda fd, unit: None)
    assert len(sys.meta_path) == 3
    assert sys.meta_path[0].find_spec("tqdm.std", None) is spec
    # in a list that gets shorter, another thread that goes through it would miss one
    assert len(sys.meta_path) == 3
    assert sys.meta_path[0].find_spec("tqdm.std", None) is spec


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Told]]:
    """All bars that were adopted; those are that draw on descriptor 1."""
    bars: list[Told] = []

    def follower(fd: int, unit: str) -> Told | None:
        if fd == 1:
            bars.append(Told(unit))
        return bars[-1] if fd == 1 else None

    monkeypatch.setattr(tqdm.std.tqdm, "display", tqdm.std.tqdm.display)
    adopted.adopt_tqdm(follower)
    yield bars


def test_a_loop_is_told_and_draws_nothing(told: list[Told]) -> None:
    file = Terminal(1)
    items = []
    for item in tqdm.tqdm(range(50), desc="work", unit="B", file=file, mininterval=0):
        items.append(item)
        assert 0 <= told[0].n <= item
    assert items == list(range(50))
    (bar,) = told
    assert (bar.n, bar.total, bar.desc, bar.unit, bar.closed) == (50, 50, "work", "B", 1)
    assert file.text == ""


@pytest.mark.parametrize("leave", [True, False, None])
def test_by_hand(told: list[Told], leave: bool | None) -> None:
    file = Terminal(1)
    with tqdm.auto.tqdm(total=9, file=file, mininterval=0, leave=leave) as bar:
        bar.update(4)
        bar.set_description("half")
        bar.set_postfix(loss=0.5)
        assert (told[0].n, told[0].desc, told[0].postfix) == (4, "half", "loss=0.5")
        bar.total = 12
        bar.refresh()
        assert told[0].total == 12
        bar.reset(total=3)
        assert (told[0].n, told[0].total, told[0].resets) == (0, 3, 1)
        bar.unpause()
        bar.clear()
        bar.display("words")
        assert told[0].postfix == "words"
        before = told[0].closed
    bar.close()
    assert (before, told[0].closed) == (0, 1) and file.text == ""


def test_nested_bars_have_one_each(told: list[Told]) -> None:
    file = Terminal(1)
    for a in tqdm.trange(2, desc="outer", file=file):
        for _ in tqdm.trange(3, desc=f"inner {a}", file=file, leave=False):
            pass
    assert [(bar.desc, bar.closed) for bar in told] == [
        ("outer", 1),
        ("inner 0", 1),
        ("inner 1", 1),
    ]
    assert file.text == ""


class Own(tqdm.tqdm):  # type: ignore[type-arg]
    def display(self, msg: Any = None, pos: Any = None) -> None:
        self.fp.write("own ")


@pytest.mark.parametrize(
    "options",
    [
        {"file": Terminal(5)},
        {"file": io.StringIO()},
        {"bar_format": "{n}"},
        {"initial": 5},
        {"unit_scale": 0.001},
    ],
    ids=["elsewhere", "memory", "bar_format", "initial", "unit_scale"],
)
def test_what_is_left_alone(told: list[Told], options: dict[str, Any]) -> None:
    options = {"file": Terminal(1)} | options
    list(tqdm.tqdm(range(3), **options))
    assert told == []
    file: Any = options["file"]
    assert file.text if isinstance(file, Terminal) else file.getvalue()


def test_a_display_of_the_users_own_is_left_alone(told: list[Told]) -> None:
    file = Terminal(1)
    list(Own(range(3), file=file))
    assert told == [] and "own" in file.text


def test_a_bar_that_is_switched_off_stays_so(told: list[Told]) -> None:
    assert list(tqdm.tqdm(range(3), file=Terminal(1), disable=True)) == [0, 1, 2]
    assert told == []


class Picky(Told):
    """A follower that takes no total, as ours takes none below 0."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "total" and value is not None:
            raise ValueError(value)
        super().__setattr__(name, value)


def test_any_total_is_taken(told: list[Told]) -> None:
    bar: Any = tqdm.tqdm(total=-1, file=Terminal(5))
    bar._barexec = picky = Picky("it")
    bar.refresh()
    assert picky.total is None


def test_it_is_met_when_it_is_imported_and_is_not_imported_for_it() -> None:
    program = """
import sys
from barexec import adopted
before = list(sys.meta_path)
adopted.adopt_tqdm(lambda fd, unit: None)
adopted.adopt_tqdm(lambda fd, unit: None)
assert len(sys.meta_path) == len(before) + 1
assert not any("tqdm" in name for name in sys.modules if name.startswith("tqdm"))
import json.tool
import tqdm
assert hasattr(tqdm.tqdm.display, "barexec") and sys.meta_path[1:] == before
adopted.adopt_tqdm(lambda fd, unit: 1 / 0)
list(tqdm.tqdm(range(3)))
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ, stderr=-1)


def test_it_is_met_where_one_loader_serves_many_modules(tmp_path: Path) -> None:
    """As that of a zip file does; tqdm.std imports others of its package."""
    (folder,) = tqdm.__path__
    shutil.copytree(folder, tmp_path / "packed" / "tqdm")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "packed")
    program = f"""
import sys
sys.path.insert(0, {archive!r})
from barexec import adopted
adopted.adopt_tqdm(lambda fd, unit: None)
import tqdm
assert tqdm.__file__.startswith({archive!r})
assert hasattr(tqdm.tqdm.display, "barexec")
assert "exec_module" not in vars(tqdm.std.__loader__)
list(tqdm.tqdm(range(3)))
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ, stderr=-1)


class Strange:
    """A stream whose descriptor cannot be asked for."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        raise NotImplementedError


def test_whatever_a_stream_raises_when_its_descriptor_is_asked_for(told: list[Told]) -> None:
    with tqdm.tqdm(total=3, file=Strange()) as bar:
        bar.update()
    assert told == []
