"""What is asked of the way by which tasks of an engine tell the display."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

from ..channel import ATOMIC, Receiver
from ..events import Decoder, Started, encode
from ..remote import Route, close
from ..writer import Screen as Screenless

#: Records that are sent, and pieces of full size while nobody takes them.
_MANY, _FLOOD = 3000, 1500
#: Seconds that a send may take on a busy machine, and that the last record may need.
_AT_ONCE, _LATE = 20.0, 60.0


def check_way(way: Callable[[], tuple[Any, Receiver]], run: Callable[..., Any]) -> None:
    """What is asked of the way by which tasks of an engine tell the display.

    Args:
        way: makes it: a sender (`barexec.channel.Sender`, with a `recipe`), and a receiver.
        run: `run(function, *args)` calls the function at a worker of the engine, and gives its
            result. All arguments can be pickled.

    Raises:
        AssertionError: what it does wrong.
    """
    sender, receiver = way()
    pool = f"{os.getpid()}-check-{next(_checks)}"
    route = Route(pool, sender, Screenless(), False)
    decoder = Decoder()
    events: list[Any] = []
    try:
        assert receiver.receive() == b"", "something is received before anything was sent"
        over = Event()
        taker = Thread(target=_take, args=(receiver, decoder, events, over), daemon=True)
        taker.start()
        slowest = run(_send_many, route)
        until = monotonic() + _LATE
        while len(events) < _MANY and monotonic() < until:
            sleep(0.01)
        over.set()
        taker.join()
        assert decoder.dropped == 0, f"{decoder.dropped} stretches of records were damaged"
        numbers = [event.pid for event in events if isinstance(event, Started)]
        assert numbers == [*range(_MANY)], "records are lost, doubled, or out of order"
        assert slowest < _AT_ONCE, f"a send took {slowest:.1f} s while it was listened to"
        slowest = run(_flood, route)
        assert slowest < _AT_ONCE, f"a send took {slowest:.1f} s while nobody listened"
        until = monotonic() + _LATE
        while monotonic() < until and (some := receiver.receive()):
            decoder.feed(some)
        assert decoder.dropped == 0, "a flood has torn records"
    finally:
        receiver.close()
        receiver.close()
        close(pool)
    said = run(_send_late, route)
    assert said in ("OSError", "True", "False"), f"after the end, a send raises {said}"


_checks = count(1)


def _take(receiver: Receiver, decoder: Decoder, events: list[Any], over: Event) -> None:
    while not over.is_set():
        events += decoder.feed(receiver.receive())
        sleep(0.005)


def _send_many(route: Route) -> float:
    """At a worker. Gives the seconds that the slowest send took."""
    slowest = 0.0
    for number in range(_MANY):
        record = encode(Started(1, number, 0.0))
        until = monotonic() + 30
        while True:
            began = monotonic()
            sent = route.sender.send(record)
            slowest = max(slowest, monotonic() - began)
            if sent or monotonic() > until:
                break
            route.sender.ready(0.1)
    return slowest


def _flood(route: Route) -> float:
    record = encode(Started(1, 0, 0.0))
    piece = record * (ATOMIC // len(record))
    slowest = 0.0
    for _ in range(_FLOOD):
        began = monotonic()
        route.sender.send(piece)
        slowest = max(slowest, monotonic() - began)
    return slowest


def _send_late(route: Route) -> str:
    try:
        return str(route.sender.send(encode(Started(1, 0, 0.0))))
    except OSError:
        return "OSError"
    except Exception as error:
        return type(error).__name__
