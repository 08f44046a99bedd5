"""`ProgressPoolExecutor` passes every test of CPython's own that the stock class passes.

The default run takes a selection; `--slow` takes all tests, over all start methods. Needs the
`test` package of the Python that runs it; Debian and Ubuntu have it in
`libpython3.x-testsuite`.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import pytest
from comparison import (
    DISPLAYS,
    METHODS,
    OTHERS,
    OURS,
    STOCK,
    Run,
    differences,
    run,
    suite_is_installed,
)

pytestmark = pytest.mark.skipif(
    not suite_is_installed(),
    reason="this Python comes without its own tests (test.test_concurrent_futures)",
)

#: Start methods of the default run: the quick one, and one that starts workers afresh.
QUICK_METHODS = tuple(method for method in METHODS if method in ("fork", "spawn"))
#: Tests of the default run: those that are quick, and each asks something else.
QUICK = (
    r"Fork\w*(PoolExecutor|Deadlock|Initializer|Shutdown)Test\.test_(?!map_timeout|gh105829)"
    r"|Spawn\w*PoolExecutorTest\.test_(submit|map|traceback|free_reference|max_tasks_per_child)$"
    r"|Spawn\w*(InitializerTest|interpreter_shutdown|crash_at_task_unpickle)"
)


@cache
def quick_run(executor: str, display: str) -> Run:
    return run(executor, display, QUICK_METHODS, QUICK)


@pytest.fixture
def patient() -> Iterator[None]:
    """For a test that takes longer than pytest's watchdog allows; `run` has its own."""
    faulthandler.cancel_dump_traceback_later()
    yield


def check(stock: Run, ours: Run, display: str) -> None:
    assert stock.faults == []
    assert ours.faults == []
    assert differences(stock, ours) == []
    assert ours.showed_bars == (display == "terminal")
    assert ours.showed_sentences == (display == "file")


@pytest.mark.parametrize("display", DISPLAYS)
def test_passes_what_the_stock_class_passes(display: str, patient: None) -> None:
    with ThreadPoolExecutor() as together:
        stock, ours = together.map(quick_run, (STOCK, OURS), (display, display))
    check(stock, ours, display)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("display", DISPLAYS)
def test_passes_all_that_the_stock_class_passes(display: str, method: str, patient: None) -> None:
    stock, ours = (run(executor, display, (method,)) for executor in (STOCK, OURS))
    check(stock, ours, display)


@pytest.mark.parametrize(("stock", "ours"), OTHERS)
@pytest.mark.parametrize("display", DISPLAYS)
def test_passes_what_the_stock_class_of_another_engine_passes(
    display: str, stock: str, ours: str, patient: None
) -> None:
    with ThreadPoolExecutor() as together:
        theirs, own = together.map(lambda executor: run(executor, display), (stock, ours))
    check(theirs, own, display)


def test_a_run_with_another_class_proves_nothing(patient: None) -> None:
    stock = quick_run(STOCK, "file")
    assert stock.faults == []
    made = stock.made[STOCK]
    assert made > 20
    taken_for_ours = replace(stock, executor=OURS)
    assert taken_for_ours.faults == [
        f"no {OURS} was made",
        f"{made} executors were {STOCK}, not {OURS}",
    ]


@pytest.mark.parametrize(
    ("broken", "test", "sign"),
    [
        ("LosesResults", "test_map", "passed with the stock class, but failed"),
        ("ReversesMap", "test_map", "passed with the stock class, but failed"),
        ("LeavesThread", "test_submit", "threads or processes are left behind"),
        ("Complains", "test_submit", "RuntimeWarning: the pool is gone"),
    ],
)
def test_a_broken_class_is_found(broken: str, test: str, sign: str) -> None:
    what = ("file", METHODS[:1], rf"{test}$")
    broken = f"broken_executors:{broken}"
    with ThreadPoolExecutor() as together:
        stock, theirs = together.map(lambda executor: run(executor, *what), (STOCK, broken))
    assert theirs.faults == [] or theirs.faults == ["no test passed"]
    assert any(f"ExecutorTest.{test}: {sign}" in found for found in differences(stock, theirs))


def test_a_run_that_breaks_off_is_no_pass() -> None:
    with pytest.raises(RuntimeError, match="the run of broken_executors:Dies ended with status 0"):
        run("broken_executors:Dies", "file", METHODS[:1], r"test_submit$")
