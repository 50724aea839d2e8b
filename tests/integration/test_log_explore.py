"""Searching the log, on each database it can be in; the plain reading of all leaves says what is right."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from benchmark_modules import load as load_benchmark
from state_databases import KINDS, empty_state, state, state_server

from sandbox.audit import entries
from sandbox.audit.event import Event, Kind
from sandbox.audit.explore import explorer as exploring
from sandbox.audit.explore.explorer import COUNTED, Explorer
from sandbox.audit.explore.found import Wanted
from sandbox.audit.explore.words import Words
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.looks import STANDS, Looks
from sandbox.audit.reading import Entry
from sandbox.audit.signer import KeySigner
from sandbox.errors import Unavailable
from sandbox.settings import Settings
from sandbox.store.engine import open_state

__all__ = ["state", "state_server"]
ENTRIES = 2_000


@dataclass
class Desk:
    log: Log
    explorer: Explorer
    path: Path
    now: list[datetime]

    def all(self) -> list[Entry]:
        """Return every entry, newest first, by reading the leaves."""
        return self.log.search(limit=10**6)


@pytest.fixture
def desk(state: Settings) -> Iterator[Desk]:
    with opened(state) as desk:
        yield desk


@contextmanager
def opened(state: Settings) -> Iterator[Desk]:
    state.home.mkdir(exist_ok=True)
    engine = open_state(state)
    now = [datetime(2026, 1, 1, 6, tzinfo=UTC)]
    signer = KeySigner(SigningKey.from_seed(bytes(32)))
    log = Log(engine, signer=signer, private_key=bytes(32), clock=lambda: now[0])
    yield Desk(log, Explorer(log, state.home / "search.sqlite"), state.home / "search.sqlite", now)
    engine.dispose()


@pytest.fixture(scope="module", params=KINDS)
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose log has some thousand generated entries over several days; tests only read it."""
    entries = load_benchmark("entries")
    with opened(empty_state(request, tmp_path_factory.mktemp("full"), request.param)) as desk:
        vars(entries)["TOGETHER"] = ENTRIES // 4

        def next_day(_: int) -> None:
            desk.now[0] += timedelta(days=1)

        entries.write(desk.log, ENTRIES, said=next_day)
        yield desk


def right(entry: Entry, wanted: Wanted, leaf: bytes) -> bool:
    """Say whether an entry fits, without any index."""
    event = entry.event
    exact = all(
        event[name] == value
        for name in ("kind", "actor", "authorization", "dataset", "decision")
        if (value := getattr(wanted, name)) is not None
    )
    about = wanted.subject is None or wanted.subject in {event["subject"], *event["related"]}
    since, until = wanted.since or "", wanted.until or "9"
    worded = wanted.text is None or Words(wanted.text).fit(leaf)
    return exact and about and since <= entry.at[:10] <= until and worded


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(actor="analyst-01"),
        Wanted(kind="release.voted"),
        Wanted(kind="question.refused", actor="analyst-02", decision="over-budget"),
        Wanted(kind="release.voted", actor="analyst-02"),
        Wanted(since="2026-01-03", until="2026-01-04"),
        Wanted(until="2025-12-31"),
        Wanted(text="median(age)"),
        Wanted(text="nalyst-0"),
        Wanted(text="nothing of the kind"),
        Wanted(text="ty", decision="over-budget"),
        Wanted(text="laplace", since="2026-01-02", dataset="water"),
        Wanted(actor="nobody"),
    ],
    ids=repr,
)
def test_a_search_finds_counts_and_pages_exactly_what_fits(full: Desk, wanted: Wanted) -> None:
    fits = [one.seq for one in full.all() if right(one, wanted, full.log.leaf(one.seq))]
    found = full.explorer.find(wanted, limit=40)
    assert found.total == min(len(fits), COUNTED if wanted.text else len(fits))
    assert found.at_least is (wanted.text is not None and len(fits) > COUNTED)
    seen = [entry.seq for entry in found.entries]
    while found.older is not None and len(seen) < len(fits):
        found = full.explorer.find(replace(wanted, before=found.older), limit=400)
        seen += [entry.seq for entry in found.entries]
    assert seen == fits


def test_handed_out_are_all_that_hold_a_text_however_many(full: Desk) -> None:
    wanted = Wanted(text="nalyst-0")
    fits = [one.seq for one in full.all() if right(one, wanted, full.log.leaf(one.seq))]
    assert len(fits) > COUNTED
    assert [one.seq for one in entries.newest_first(full.explorer, wanted)] == fits


def test_each_facet_counts_what_choosing_its_value_would_give(full: Desk) -> None:
    wanted = Wanted(kind="question.outcome", dataset="visits")
    counts = full.explorer.find(wanted).facets
    for facet in ("kind", "actor", "decision", "dataset"):
        others = replace(wanted, **{facet: None})
        plain = Counter(
            one.event[facet] for one in full.all() if one.event[facet] and right(one, others, b"")
        )
        assert dict(counts[facet]) == plain


def test_an_id_and_a_digest_are_found_whole_and_by_their_beginning(full: Desk) -> None:
    intent = full.log.search(kind=Kind.QUESTION_INTENT, limit=1)[0]
    subject, plan = intent.event["subject"], intent.event["body"]["plan"]
    for text in (subject, subject[:10], plan, plan.removeprefix("sha256:")[:16]):
        assert intent.seq in {entry.seq for entry in full.explorer.find(Wanted(text=text)).entries}
    release = full.log.search(kind=Kind.RELEASE_SUBMITTED, limit=1)[0]
    answer = release.event["related"][0]
    assert release.seq in {entry.seq for entry in full.explorer.find(Wanted(subject=answer)).entries}


def test_an_entry_is_found_by_the_next_search_after_it_was_written(desk: Desk) -> None:
    for number in range(5):
        seq = desk.log.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"evening-{number}"))
        found = desk.explorer.find(Wanted(text=f"evening-{number}"))
        assert [entry.seq for entry in found.entries] == [seq]
        assert found.total == 1


def test_an_empty_log_has_nothing_to_find(desk: Desk) -> None:
    found = desk.explorer.find(Wanted(text="anything"))
    assert (found.entries, found.total, found.older) == ((), 0, None)
    assert desk.explorer.days() == ()


def test_days_say_how_much_happened_and_was_refused(full: Desk) -> None:
    days = full.explorer.days(4)
    plain = Counter(one.at[:10] for one in full.all())
    refused = Counter(one.at[:10] for one in full.all() if one.event["kind"] == "question.refused")
    assert [day.day for day in days] == sorted(plain)[-4:]
    assert all((day.entries, day.refused) == (plain[day.day], refused[day.day]) for day in days)


@pytest.mark.parametrize("harm", ["removed", "overwritten", "of another log", "of another version"])
def test_a_file_that_is_lost_broken_or_foreign_is_made_again(full: Desk, harm: str) -> None:
    before = full.explorer.find(Wanted(text="median"))
    if harm == "removed":
        full.explorer.remove()
    elif harm == "overwritten":
        for path in full.path.parent.glob("search.sqlite*"):
            path.write_bytes(b"no database at all " * 1000)
    else:
        connection = sqlite3.connect(full.path)
        connection.execute(
            "UPDATE state SET last = x'00'" if harm == "of another log" else "UPDATE state SET version = 0"
        )
        connection.commit()
        connection.close()
    assert full.explorer.find(Wanted(text="median")) == before


def test_two_processes_that_follow_at_once_take_in_every_entry_once(full: Desk) -> None:
    full.explorer.remove()
    others = [Explorer(full.log, full.path) for _ in range(3)]
    threads = [Thread(target=one.follow) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert full.explorer.find(Wanted()).total == len(full.all())
    assert sum(count for _, count in full.explorer.find(Wanted()).facets["kind"]) == len(full.all())


def test_a_search_is_refused_rather_than_answered_in_part(
    full: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploring, "PATIENCE", 0.0)
    full.explorer.remove()
    with pytest.raises(Unavailable) as refused:
        full.explorer.find(Wanted(text="median"))
    assert refused.value.code == "search-building"
    full.explorer.follow()
    assert full.explorer.find(Wanted(text="median")).total


def test_following_writes_nothing_to_the_log_s_own_database(full: Desk) -> None:
    size = full.log.status().size
    full.explorer.rebuild()
    assert full.log.status().size == size
    full.log.check_start()


def test_a_search_is_on_record_once_and_what_only_narrows_it_is_not(desk: Desk) -> None:
    moment = [0.0]
    looks = Looks(desk.log, now=lambda: moment[0])

    def recorded(officer: str, **wanted: Any) -> bool:
        before = desk.log.status().size
        looks.record_search(officer, Wanted(**wanted), channel="console")
        return desk.log.status().size > before

    assert recorded("olaf", text="visits")
    assert not recorded("olaf", text="visits")
    assert not recorded("olaf", text="visits", kind="login", since="2026-01-01")
    assert recorded("olaf", text="visits", actor="ana")
    assert recorded("olaf", text="visit")
    assert recorded("olaf", kind="login")
    assert recorded("olaf", kind="question.intent"), "it shows what the search before did not"
    assert recorded("olga", text="visits")
    moment[0] = STANDS + 1
    assert recorded("olaf", text="visits")
    newest = desk.log.search(limit=1)[0].event
    assert (newest["kind"], newest["body"]["filters"]) == ("audit.read", {"text": "visits"})
