"""Events and their byte form: whole or not at all, whatever happens to the bytes."""

from __future__ import annotations

from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec.events import (
    RECORD_LIMIT,
    Advanced,
    Decoder,
    Event,
    Printed,
    Started,
    clip_utf8,
    encode,
    split_text,
)

ids = st.integers(0, 2**64 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
seconds = st.floats(min_value=0, allow_infinity=False)
started = st.builds(Started, ids, ids, seconds, ids)
advanced = st.builds(
    Advanced,
    ids,
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    numbers,
    st.none() | seconds | st.integers(0, 2**53),
    seconds,
    st.booleans(),
    texts,
    texts.map(lambda text: text[:8]),
    texts,
)
printed = st.builds(Printed, ids, st.text(max_size=100))
events = st.one_of(started, advanced, printed)


@given(st.lists(events, max_size=20), st.data())
def test_what_goes_in_comes_out_in_any_split(sent: list[Event], data: st.DataObject) -> None:
    wire = b"".join(map(encode, sent))
    decoder, heard = Decoder(), []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        heard += decoder.feed(wire[:size])
        wire = wire[size:]
    assert heard == sent
    assert decoder.dropped == 0


@given(advanced, st.text(max_size=600), st.text(max_size=600), st.text(max_size=600))
def test_a_record_keeps_to_its_limit(event: Advanced, desc: str, unit: str, postfix: str) -> None:
    event = event._replace(desc=desc, unit=unit, postfix=postfix)
    record = encode(event)
    assert len(record) <= RECORD_LIMIT
    (heard,) = Decoder().feed(record)
    assert heard[:7] == event[:7]


@given(st.lists(events, min_size=2, max_size=10), st.data())
def test_damage_costs_no_more_than_the_records_it_touches(
    sent: list[Event], data: st.DataObject
) -> None:
    records = [encode(event) for event in sent]
    victim = data.draw(st.integers(0, len(records) - 1))
    at = data.draw(st.integers(0, len(records[victim]) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    hurt = bytearray(records[victim])
    hurt[at] ^= bit
    records[victim] = bytes(hurt)
    decoder = Decoder()
    heard = decoder.feed(b"".join(records))
    # a changed length may make the decoder wait for more: as much as a record can have
    heard += decoder.feed(b"\0" * RECORD_LIMIT)
    assert heard == sent[:victim] + sent[victim + 1 :]
    assert decoder.dropped >= 1


@given(st.binary(max_size=2000))
def test_rubbish_is_dropped_and_the_next_record_is_found(rubbish: bytes) -> None:
    event = Started(7, 4711, 1.5)
    decoder = Decoder()
    heard = decoder.feed(rubbish) + decoder.feed(encode(event))
    heard += decoder.feed(b"\0" * RECORD_LIMIT)
    assert event in heard


def test_whole_numbers_come_back_as_ints() -> None:
    event = Advanced(1, 0, 1, 3, 9, 0.5, False, "", "it", "")
    (heard,) = Decoder().feed(encode(event._replace(n=3.0)))
    assert isinstance(heard, Advanced)
    assert isinstance(heard.n, int)
    assert isinstance(heard.total, int)
    assert str(heard.n) == "3"


@given(st.text(max_size=100), st.integers(3, 50))
def test_text_is_cut_between_characters(text: str, limit: int) -> None:
    raw = clip_utf8(text, limit)
    assert len(raw) <= limit
    shown = raw.decode()
    full = text.encode("utf-8", "replace").decode()
    assert shown == full or (shown.endswith("…") and full.startswith(shown[:-1]))


#: Text with what is hard to cut: characters of each length, also of none that is valid.
written = st.text(
    st.characters() | st.sampled_from("a\x00\n\u0301é日🎉\ud800\udcff\udfff"), max_size=1000
) | st.sampled_from(["é", "日", "🎉", "\udc80", "a🎉"]).map(lambda some: some * 700)


@given(ids, written)
def test_printed_text_comes_back_exactly_however_long(task: int, text: str) -> None:
    records = [encode(event) for event in split_text(task, text)]
    assert all(len(record) <= RECORD_LIMIT for record in records)
    decoder = Decoder()
    heard = decoder.feed(b"".join(records))
    assert "".join(event.text for event in heard if isinstance(event, Printed)) == text
    assert {event.task for event in heard} <= {task}
    assert decoder.dropped == 0


def test_records_of_text_are_filled() -> None:
    records = [encode(event) for event in split_text(1, "x" * 10_000 + "\n")]
    assert {len(record) for record in records[:-1]} == {RECORD_LIMIT}
    assert [*split_text(1, "")] == []


def test_undecodable_bytes_survive() -> None:
    raw = bytes(range(256)) * 5
    events = split_text(1, raw.decode("utf-8", "surrogateescape"))
    heard = Decoder().feed(b"".join(map(encode, events)))
    text = "".join(event.text for event in heard if isinstance(event, Printed))
    assert text.encode("utf-8", "surrogateescape") == raw


def test_text_that_does_not_fit_is_refused() -> None:
    encode(Printed(1, "x" * 491))
    with pytest.raises(ValueError, match="491"):
        encode(Printed(1, "x" * 492))
    with pytest.raises(ValueError, match="split_text"):
        encode(Printed(1, "日" * 166))


def test_text_that_is_no_utf_8_is_dropped() -> None:
    good = encode(Printed(7, "ab"))
    body = good[9:-2] + b"\xff\xfe"
    bad = good[:5] + crc32(body).to_bytes(4, "little") + body
    assert len(bad) == len(good)
    decoder = Decoder()
    assert decoder.feed(bad + good) == [Printed(7, "ab")]
    assert decoder.dropped == 1
