"""`ProgressDaskExecutor`: tasks on a Dask cluster, each with a bar. Extra: `barexec[dask]`.

Records go by Dask's own events: a worker logs them, the client has subscribed to their topic;
no socket of ours. A task that Dask runs once more, on another worker, begins its bar anew.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..channel import MemoryReceiver, Receiver, Sender
from ..looks import Looks
from ..remote import Remote, Travelling, pace
from ..shown import Around

if TYPE_CHECKING:
    from typing_extensions import Unpack


#: Seconds after which the workers of the cluster are counted anew.
COUNTED = 5.0


class ProgressDaskExecutor(Around):
    """An executor whose tasks run on a Dask cluster, with a bar for each, and one for the whole.

    Args:
        client: a `distributed.Client`.
        options: of each task, as of `Client.get_executor`: `workers`, `resources`, `retries`,
            `priority`, `pure`, ….
        looks: `renderer`, `fullscreen`, `display`, `desc`, `leave`, `capture` and `terminal`
            as of `ProgressPoolExecutor`.

    Workers need nothing but barexec installed. What tasks print is caught where the worker
    shares the display's terminal, as those of a `LocalCluster` do; elsewhere it stays in the
    worker's log. `shutdown` leaves the client and its cluster as they are.

    Raises:
        ImportError: dask.distributed is not installed.
        TypeError, ValueError: an option has a value that it cannot have.
    """

    def __init__(
        self, client: Any, options: dict[str, Any] | None = None, **looks: Unpack[Looks]
    ) -> None:
        try:
            from distributed import KilledWorker
        except ImportError as error:
            raise ImportError(
                "ProgressDaskExecutor needs dask.distributed: pip install 'barexec[dask]'"
            ) from error
        if not hasattr(client, "get_executor"):
            raise TypeError(f"ProgressDaskExecutor needs a distributed.Client, not {client!r}")
        super().__init__(client.get_executor(**(options or {})))
        _name_by_function()
        self._show(looks, lambda: open_channel(client), lost=(KilledWorker,), late=2)
        self._client = client
        self._counted = -COUNTED

    def _hand_over(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        if self._route is not None and (now := monotonic()) - self._counted > COUNTED:
            self._counted = now
            info = self._client.scheduler_info()
            # some releases list five workers at most
            listed = sum(worker["nthreads"] for worker in info["workers"].values())
            self._route.pace = pace(max(listed, info.get("total_threads", 0)))
        return super()._hand_over(fn, args, kwargs)


def _name_by_function() -> None:
    """Let Dask name a task by the user's function: equal calls stay one task of Dask's."""
    from dask.base import normalize_token

    register: Callable[..., object] = normalize_token.register
    register(Remote, lambda remote: normalize_token(remote.function))


def open_channel(client: Any) -> tuple[Travelling, Receiver]:
    """A channel by the events of a cluster."""
    topic = f"barexec-{uuid4()}"

    def forget() -> None:
        if client.status == "running":
            with suppress(ValueError, OSError, RuntimeError):  # it is just closing
                client.unsubscribe_topic(topic)

    receiver = MemoryReceiver(forget)

    def hear(event: tuple[float, Any]) -> None:
        if isinstance(event[1], bytes) and not receiver.sender.closed:
            receiver.pieces.append(event[1])

    client.subscribe_topic(topic, hear)
    return _TopicSender(topic), receiver


class _TopicSender:
    """The end of a channel at a worker.

    Guarantees: `send` never blocks; may be called by any thread.
    """

    waits = False

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._worker: Any = None

    def send(self, data: bytes) -> bool:
        if self._worker is None:
            # known in a thread that runs a task: it is such a one that sends first
            from distributed import get_worker

            try:
                self._worker = get_worker()
            except ValueError:
                raise BrokenPipeError("this is no thread of a Dask worker") from None
        self._worker.log_event(self._topic, data)
        return True

    def ready(self, timeout: float) -> bool:
        return True

    def listened_to(self) -> bool:
        return True

    def recipe(self) -> tuple[Callable[..., Sender], tuple[str]]:
        return _TopicSender, (self._topic,)
