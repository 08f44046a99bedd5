"""A pytest plugin: `Client.get_executor` gives ours, for `dask.distributed`'s own tests of it.

    pip download --no-deps --no-binary distributed distributed && tar xf distributed-*.tar.gz
    cp distributed-*/distributed/tests/test_client_executor.py /tmp
    PYTHONPATH=.:tests/conformance python -m pytest -p with_dask_executor \\
        -W ignore --rootdir /tmp -c /dev/null /tmp/test_client_executor.py

Without `-p with_dask_executor` they run on Dask's own.
"""

from __future__ import annotations

from typing import Any

from distributed import Client

import barexec

stock = Client.get_executor
made = 0


class Stocked:
    """What `ProgressDaskExecutor` takes for a client: its executor is the stock one."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get_executor(self, **options: Any) -> Any:
        return stock(self._client, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def get_executor(client: Client, **options: Any) -> Any:
    global made
    made += 1
    return barexec.ProgressDaskExecutor(Stocked(client), options, display="plain")


setattr(Client, "get_executor", get_executor)  # noqa: B010


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"{made} executors of ours were made")
