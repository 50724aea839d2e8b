"""Copies of the log by syslog: in the form of RFC 5424, complete, and never waited for too long."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from sink_bench import (
    DEADLINE,
    Open,
    deliver_one_by_one,
    record,
    records,
    syslog_spec,
)
from sink_bench import open_sinks as open_sinks
from sink_servers import deaf_listener, free_port, receiver

from sandbox import canonical
from sandbox.errors import Unavailable


def place_of(transport: str, tmp_path: Path) -> Any:
    return tmp_path / "s" if transport.startswith("unix") else ("127.0.0.1", free_port())


@pytest.mark.parametrize("transport", ["tcp", "udp", "unix", "unix-stream"])
def test_a_receiver_gets_messages_in_the_form_of_rfc_5424(
    open_sinks: Open, tmp_path: Path, transport: str
) -> None:
    place = place_of(transport, tmp_path)
    address = place if isinstance(place, Path) else f"{place[0]}:{place[1]}"
    with receiver(transport, place) as server:
        sinks = open_sinks(
            syslog_spec(transport.removesuffix("-stream"), address, required=transport != "udp")
        )
        sinks.deliver(records(0, 3))
        got = server.wait_for(3)
    for seq, one in enumerate(got):
        header, _, text = one.partition(b" - {")
        priority, stamp, _, name, process, kind = header.split(b" ")
        assert (process, kind) == (b"-", b"login")
        assert (priority, stamp, name) == (
            b"<110>1",
            b"2026-05-06T07:08:09.123456+00:00",
            b"public-data-sandbox",
        ), header
        document = json.loads(b"{" + text)
        assert canonical.encode(document["leaf"]) == record(seq).leaf
        assert document["seq"] == seq
        assert one.isascii()


@pytest.mark.parametrize("transport", ["tcp", "unix-stream"])
def test_nothing_is_missing_when_the_receiver_restarts(
    open_sinks: Open, tmp_path: Path, transport: str
) -> None:
    place = place_of(transport, tmp_path)
    address = place if isinstance(place, Path) else f"{place[0]}:{place[1]}"
    sinks = open_sinks(syslog_spec(transport.removesuffix("-stream"), address), deadline=5)
    with receiver(transport, place) as server:
        sinks.deliver(records(0, 2))
        first = server.wait_for(2)
        server.drop_connections()
        sinks.deliver(records(2, 4))
        first = server.wait_for(4)
    if isinstance(place, Path):
        place.unlink()
    with receiver(transport, place) as server:
        sinks.deliver(records(4, 6))
        second = server.wait_for(2)
    assert [json.loads(b"{" + one.partition(b" - {")[2])["seq"] for one in first + second] == list(range(6))


def test_a_dead_tcp_receiver_fails_closed_in_time(open_sinks: Open) -> None:
    sinks = open_sinks(syslog_spec("tcp", f"127.0.0.1:{free_port()}"))
    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        sinks.deliver(records(0, 1))
    assert DEADLINE / 2 < time.monotonic() - began < DEADLINE + 1
    assert refusal.value.status == 503
    assert "127.0.0.1" not in str(refusal.value)


def test_a_receiver_that_does_not_read_fails_closed_in_time(open_sinks: Open) -> None:
    with deaf_listener() as port:
        sinks = open_sinks(syslog_spec("tcp", f"127.0.0.1:{port}"))
        began = time.monotonic()
        with pytest.raises(Unavailable):
            deliver_one_by_one(sinks, [record(seq, size=20_000) for seq in range(500)])
        assert time.monotonic() - began < 30
        began = time.monotonic()
        with pytest.raises(Unavailable):
            sinks.ready()
        assert time.monotonic() - began < 0.5
    sinks.close()


def test_a_leaf_too_large_for_a_datagram_is_named_by_its_digest(open_sinks: Open, tmp_path: Path) -> None:
    place = place_of("udp", tmp_path)
    with receiver("udp", place) as server:
        sinks = open_sinks(syslog_spec("udp", f"{place[0]}:{place[1]}", required=False))
        sinks.deliver([record(0, size=15_000), record(1)])
        large, small = server.wait_for(2)
    assert b'"leaf_sha256":"' in large
    assert b'"seq":0}' in large
    assert b'"leaf":{' in small


# --- order, completeness, processes -------------------------------------------------------------------
