"""What of an entry a text finds."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sandbox import canonical
from sandbox.audit.explore import places
from sandbox.audit.explore.words import Words, grams, searchable
from sandbox.canonical import Canonical

DIGEST = "0123456789abcdef" * 4
EVENT: dict[str, Canonical] = {
    "kind": "question.intent",
    "actor": "ana",
    "subject": "5d41402abc4b2a76b9719d911017c592",
    "body": {"template": 'SELECT "Größe" FROM visits\nWHERE ?', "plan": f"sha256:{DIGEST}", "loss": 1250},
    "related": ["表二", "r-77"],
}
LEAF = canonical.encode(EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "ana", "ANA", "estion.int", "größe", '"Größe" FROM', "1250", "表二", "77", "visits\nwhere",
        "5d41402abc4b", "5d41402abc4b2a76b9719d911017c592", "5d41402abc4b2a7", f"sha256:{DIGEST}", DIGEST,
        "sha256:0123456789abcdef01",
    ],
)  # fmt: skip
def test_a_part_of_a_value_finds_its_entry(text: str) -> None:
    assert Words(text).fit(LEAF)


@pytest.mark.parametrize(
    "text", ["anna", "template", '"actor"', "cdef0123", "b9719d", DIGEST[:-1] + "0", "ana visits"]
)
def test_names_of_fields_and_middles_of_digests_find_nothing(text: str) -> None:
    assert not Words(text).fit(LEAF)


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.data())
def test_the_index_proposes_every_entry_that_fits(value: str, data: st.DataObject) -> None:
    """Whatever fits a leaf must be found by the pieces that its index row holds."""
    event: dict[str, Canonical] = {"a": value, "b": [f"sha256:{DIGEST}"], "c": {"d": 17}}
    whole = "\n".join([value, f"sha256:{DIGEST}", "17"])
    start = data.draw(st.integers(0, len(whole)))
    text = whole[start : data.draw(st.integers(start, len(whole)))]
    words = Words(text)
    if words.fit(canonical.encode(event)):
        assert words.grams <= set(grams(searchable(event)))


@given(st.sets(st.integers(0, 3 * places.BLOCK)), st.sets(st.integers(0, 3 * places.BLOCK)))
def test_sets_of_places_behave_as_sets(one: set[int], other: set[int]) -> None:
    both = places.both(places.of(one), places.of(other))
    assert list(places.newest_first(both)) == sorted(one & other, reverse=True)
    assert places.count(places.of(one)) == len(one)
    assert places.members(places.of(one), sorted(other)) == sorted(one & other)
    assert all(places.unpack(places.pack(bits)) == bits for bits in places.of(one).values())


@pytest.mark.parametrize("size", [0, 1, places.BLOCK - 1, places.BLOCK, places.BLOCK + 1])
def test_the_places_before_a_size_are_so_many(size: int) -> None:
    assert places.count(places.below(size)) == size
    assert next(places.newest_first(places.below(size)), -1) == size - 1
