"""`ProgressMPIPoolExecutor`: tasks on the ranks of an MPI program, each with a bar. Extra:
`barexec[mpi]`.

    mpiexec -n 4 python -m mpi4py.futures script.py

Records are messages to rank 0 with a tag of their own, which the display looks for at each
frame. They need an MPI that lets several threads call it (`MPI_THREAD_MULTIPLE`, which mpi4py
asks for); with one that does not, or where workers are spawned later, tasks have no bars, but
are counted, and named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import sleep
from typing import TYPE_CHECKING, Any

from ..channel import ClosedSender, Receiver, Sender, open_memory_channel
from ..locks import RLock
from ..looks import Looks
from ..remote import Travelling, pace
from ..shown import Shown

if TYPE_CHECKING:
    from mpi4py.futures import MPIPoolExecutor
    from typing_extensions import Unpack
else:
    try:
        from mpi4py.futures import MPIPoolExecutor
    except ImportError as error:
        raise ImportError(
            "ProgressMPIPoolExecutor needs mpi4py, and an MPI: pip install 'barexec[mpi]'"
        ) from error

#: Of all messages of ours; any number up to 32767 is allowed (MPI 4.1, MPI_TAG_UB).
TAG = 26_117
#: Messages of one rank that are under way; beyond, the newest values wait.
UNDER_WAY = 64
#: Messages that are taken at one frame: a flood must not keep it from being drawn.
AT_ONCE = 5_000


class ProgressMPIPoolExecutor(Shown, MPIPoolExecutor):
    """A drop-in replacement for `mpi4py.futures.MPIPoolExecutor` that shows a bar for each
    task, and one for the whole.

    Args:
        max_workers, initializer, initargs, options: as in `MPIPoolExecutor`.
        looks: `renderer`, `fullscreen`, `display`, `desc`, `leave`, `capture` and `terminal`
            as of `ProgressPoolExecutor`.

    Raises:
        ImportError: mpi4py is not installed (at the import of this module).
        TypeError, ValueError: an option has a value that it cannot have.
    """

    _in_chunks = True

    def __init__(
        self,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        options: dict[str, Any] | None = None,
        **looks: Unpack[Looks],
    ) -> None:
        super().__init__(max_workers, initializer, initargs, **(options or {}))
        self._show(looks, open_channel, late=2)
        if self._route is not None:
            from mpi4py import MPI

            self._route.pace = pace(MPI.COMM_WORLD.size - 1)


def open_channel() -> tuple[Travelling, Receiver]:
    """A channel between the ranks of this program."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    if MPI.Query_thread() < MPI.THREAD_MULTIPLE or world.size < 2:
        return open_memory_channel()
    return _RankSender(), _RankReceiver(world)


class _RankSender:
    """The end of a channel at a rank that runs tasks.

    Guarantees: `send` never waits for the display; may be called by any thread.
    """

    waits = False

    def __init__(self, world: Any = None) -> None:
        self._world = world
        self._lock = RLock()  # a finalizer may print within it
        self._under_way: deque[tuple[Any, bytes]] = deque()

    def send(self, data: bytes) -> bool:
        if self._world is None:
            raise BrokenPipeError("this rank runs no tasks")
        with self._lock:
            while self._under_way:
                oldest = self._under_way.popleft()
                if not oldest[0].Test():
                    self._under_way.appendleft(oldest)
                    break
            if len(self._under_way) >= UNDER_WAY:
                return False
            # the bytes are held until they have gone
            self._under_way.append((self._world.Isend(data, dest=0, tag=TAG), data))
        return True

    def ready(self, timeout: float) -> bool:
        sleep(min(timeout, 0.01))  # what has arrived tells nobody
        return True

    def listened_to(self) -> bool:
        return self._world is not None

    def recipe(self) -> tuple[Callable[..., Sender], tuple[()]]:
        return _arrive, ()


def _arrive() -> Sender:
    from mpi4py import MPI

    spawned = MPI.Comm.Get_parent() != MPI.COMM_NULL
    many = MPI.Query_thread() >= MPI.THREAD_MULTIPLE
    return ClosedSender() if spawned or not many else _RankSender(MPI.COMM_WORLD)


class _RankReceiver:
    """The end of a channel at the rank of the display."""

    def __init__(self, world: Any) -> None:
        self._world: Any = world

    def receive(self) -> bytes:
        from mpi4py import MPI

        pieces: list[bytes] = []
        status = MPI.Status()
        while self._world is not None and len(pieces) < AT_ONCE:
            message = self._world.Improbe(MPI.ANY_SOURCE, TAG, status)
            if message is None:
                break
            piece = bytearray(status.Get_count(MPI.BYTE))
            message.Recv(piece)
            pieces.append(bytes(piece))
        return b"".join(pieces)

    def deafen(self) -> None:
        self.receive()  # a rank that ends waits until its messages are taken
        self._world = None

    def close(self) -> None:
        self.deafen()
