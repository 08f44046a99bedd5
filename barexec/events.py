"""What can happen to one task, as frozen events, and their byte form on the wire.

A record is self-contained: it carries absolute values, never differences, so that
a lost one is repaired by the next, which comes once something has changed, or a few
seconds later (`bars.AGAIN`). Every record fits in `RECORD_LIMIT` bytes, which every
pipe takes whole or not at all. A record that is damaged is dropped and
counted by the `Decoder`, which finds the next whole one; nothing in it is ever executed.

Never here: a clock, a Future, anything that waits.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from math import inf
from typing import NamedTuple, final

#: The most bytes in one record: the least that POSIX lets PIPE_BUF be (limits.h(0P)), as it is
#: on macOS, less the length that a message pipe puts before each message.
RECORD_LIMIT = 512 - 4
#: The most bytes of UTF-8 that a record keeps of desc, postfix and unit.
DESC_LIMIT = 192
POSTFIX_LIMIT = 160
UNIT_LIMIT = 32


@final
class Started(NamedTuple):
    """A worker runs the task, and has for `elapsed` seconds.

    `run` tells apart the runs of a task that an engine starts anew, within a process.
    """

    task: int
    pid: int
    elapsed: float
    run: int = 0


@final
class Advanced(NamedTuple):
    """The newest numbers of one bar of the task.

    `slot` is the bar's depth (0: the task's first bar); `serial` tells apart bars that
    follow one another in a slot; `elapsed` is the bar's age in seconds by its worker's
    clock; `total` is None where unknown.
    """

    task: int
    slot: int
    serial: int
    n: float
    total: float | None
    elapsed: float
    closed: bool
    desc: str
    unit: str
    postfix: str


@final
class Printed(NamedTuple):
    """The task wrote text, which follows what it wrote before.

    Any text: also halves of surrogate pairs, as undecodable bytes become under
    `surrogateescape`, come back as they were. `split_text` makes these of long text.
    """

    task: int
    text: str


Event = Started | Advanced | Printed

_MAGIC = b"\xb5\xe7"
_HEADER = struct.Struct("<2sBHI")  # magic, kind, body length, crc32 of the body
_HEADER_SIZE = _HEADER.size
_STARTED = struct.Struct("<QQdQ")
_ADVANCED = struct.Struct("<QHIddd?BBB")
_ADVANCED_SIZE = _ADVANCED.size
_PRINTED = struct.Struct("<Q")
_UNKNOWN = float("nan")
#: The most bytes of text in a record.
_TEXT_LIMIT = RECORD_LIMIT - _HEADER_SIZE - _PRINTED.size


def clip_utf8(text: str, limit: int) -> bytes:
    """The UTF-8 of `text`, cut between characters to at most `limit` bytes."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw
    return raw[: limit - 3].decode("utf-8", "ignore").encode() + "…".encode()


def split_text(task: int, text: str) -> Iterator[Printed]:
    """The text as events that fit in a record each, cut between characters."""
    raw = text.encode("utf-8", "surrogatepass")
    at = 0
    while at < len(raw):
        end = at + _TEXT_LIMIT
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        yield Printed(task, raw[at:end].decode("utf-8", "surrogatepass"))
        at = end


def encode(event: Event) -> bytes:
    """The byte form of an event: at most `RECORD_LIMIT` bytes.

    Raises:
        ValueError: the text of a `Printed` is longer than fits.
    """
    if isinstance(event, Started):
        kind, body = 1, _STARTED.pack(*event)
    elif isinstance(event, Printed):
        kind = 3
        body = _PRINTED.pack(event.task) + event.text.encode("utf-8", "surrogatepass")
        if len(body) > _PRINTED.size + _TEXT_LIMIT:
            raise ValueError(f"the text takes more than {_TEXT_LIMIT} bytes: split_text splits it")
    else:
        desc = clip_utf8(event.desc, DESC_LIMIT)
        unit = clip_utf8(event.unit, UNIT_LIMIT)
        postfix = clip_utf8(event.postfix, POSTFIX_LIMIT)
        kind = 2
        body = (
            _ADVANCED.pack(
                event.task,
                event.slot,
                event.serial,
                event.n,
                _UNKNOWN if event.total is None else event.total,
                event.elapsed,
                event.closed,
                len(desc),
                len(unit),
                len(postfix),
            )
            + desc
            + unit
            + postfix
        )
    return _HEADER.pack(_MAGIC, kind, len(body), crc32(body)) + body


def _decode_body(kind: int, body: bytes) -> Event | None:
    try:
        if kind == 1:
            started = _new(Started, _STARTED.unpack(body))
            return started if 0 <= started.elapsed < inf else None
        if kind == 3:
            (task,) = _PRINTED.unpack_from(body)
            return Printed(task, body[_PRINTED.size :].decode("utf-8", "surrogatepass"))
        if kind != 2:
            return None
        task, slot, serial, n, total, elapsed, closed, d, u, p = _ADVANCED.unpack_from(body)
        sound = -inf < n < inf and 0 <= elapsed < inf and not total < 0
        if len(body) != _ADVANCED_SIZE + d + u + p or not sound:
            return None
        # an int where the float is one: counts are shown without a decimal point
        if n.is_integer():
            n = int(n)
        if total != total:
            total = None
        elif total.is_integer():
            total = int(total)
        # of each bar most records say the same but for their numbers
        said = body[_ADVANCED_SIZE - 3 :]
        texts = _texts.get(said) or _remembered(said, d, u)
        return _new(Advanced, (task, slot, serial, n, total, elapsed, closed, *texts))
    except (struct.error, UnicodeDecodeError):
        return None


_new = tuple.__new__
_texts: dict[bytes, tuple[str, str, str]] = {}
#: Texts that are remembered, of 400 bytes at most.
_REMEMBERED = 2000


def _remembered(said: bytes, d: int, u: int) -> tuple[str, str, str]:
    """Desc, unit and postfix, whose lengths stand before them."""
    if len(_texts) >= _REMEMBERED:
        _texts.clear()
    pieces = said[3 : 3 + d], said[3 + d : 3 + d + u], said[3 + d + u :]
    desc, unit, postfix = [piece.decode("utf-8", "replace") for piece in pieces]
    texts = _texts[said] = desc, unit, postfix
    return texts


class Decoder:
    """Bytes in, in any split; events out.

    `dropped` counts the damaged stretches that were passed over.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.dropped = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        data = self._rest + data
        events: list[Event] = []
        at, damaged, length = 0, False, len(data)
        while length - at >= _HEADER_SIZE:
            magic, kind, size, crc = _HEADER.unpack_from(data, at)
            begin = at + _HEADER_SIZE
            end = begin + size
            if magic == _MAGIC and end - at <= RECORD_LIMIT:
                if length < end:
                    break
                body = data[begin:end]
                event = _decode_body(kind, body) if crc32(body) == crc else None
                if event is not None:
                    events.append(event)
                    at, damaged = end, False
                    continue
            if not damaged:
                self.dropped += 1
                damaged = True
            found = data.find(_MAGIC, at + 1)
            # the last byte may be the first half of a mark
            at = found if found >= 0 else length - 1
        self._rest = data[at:]
        return events
