"""The story of a question or a release as sentences, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry

SENTENCES: Mapping[Kind, str] = {
    Kind.QUESTION_INTENT: "{actor} asked {subject} of {dataset} under {authorization}, charged {loss} "
    "(epsilon {epsilon}): {template}",
    Kind.QUESTION_OUTCOME: "{subject} ended: {decision}; answer {answer}, mechanism {mechanism}, "
    "snapshot {snapshot}",
    Kind.QUESTION_REPEATED: "{actor} was given the answer {subject} again, at no cost",
    Kind.ANSWER_WITHHELD: "the answer {subject} was not given to {actor}: a freeze came first",
    Kind.QUESTION_REFUSED: "{actor} asked {subject} and was refused: {decision}",
    Kind.REVIEWED_ASKED: "{actor} asked for a reviewed answer {subject} of {dataset} under {authorization}, "
    "number {number} of {most}: {template}",
    Kind.REVIEWED_FILED: "the reviewed answer {subject} ended: {decision}; evidence {evidence}, "
    "snapshot {snapshot}",
    Kind.REQUEST_REFUSED: "{actor} tried {subject} and was refused: {decision}",
    Kind.DATASET_REGISTERING: "{actor} began to register {dataset} as {subject}, charged {loss}",
    Kind.DATASET_REGISTERED: "{actor} registered {dataset} as {subject} under policies {policy}",
    Kind.DATASET_SURVEYING: "{actor} asked for advice on {dataset}, charged {loss}",
    Kind.DATASET_SURVEYED: "{actor} was given advice on {dataset}",
    Kind.POLICY_LOADED: "{actor} loaded the policies {subject}",
    Kind.RELEASE_CHECKED: "{actor} had files checked under {authorization}: {files}",
    Kind.RELEASE_SUBMITTED: "{actor} submitted {subject}, round {round}, under {authorization}: {files}",
    Kind.RELEASE_SCREENED: "{subject} was screened: {decision}; risk {risk}, {quorum} must approve",
    Kind.RELEASE_OPENED: "{actor} looked at file {sha256} of {subject}",
    Kind.RELEASE_COMPARED: "{actor} looked at file {sha256} of {subject} beside {beside}",
    Kind.RELEASE_SEATED: "reviewers of {subject}, {decision} by {actor}: {seats}",
    Kind.RELEASE_COMMENTED: "{actor} wrote beside {subject} for the {audience}",
    Kind.RELEASE_VOTED: "{actor} reviewed {subject}: {decision}",
    Kind.RELEASE_OVERRIDDEN: "{actor} let the veto of {reviewer} on {subject} not stand",
    Kind.RELEASE_CONSENTED: "{actor} consented to {subject} for the data",
    Kind.RELEASE_EXCUSED: "an exception to {code} for {subject}, {decision} by {actor}, until {expires}",
    Kind.RELEASE_MOVED: "{subject} is now {decision} {package} {reason}",
    Kind.RELEASE_SEALED: "{subject} was sealed, manifest {manifest}",
    Kind.RELEASE_DOWNLOADED: "{actor} fetched {subject}, package {package}",
    Kind.RELEASE_WITHDRAWN: "{actor} withdrew {subject}",
    Kind.RELEASE_REFUSED: "{actor} was refused an action on {subject}: {code}",
    Kind.LOGIN: "{actor} logged in",
    Kind.LOGIN_REFUSED: "{subject} was refused at log-in",
    Kind.ACCOUNT_CHANGED: "{actor} changed the account {subject}: {change}",
    Kind.ACCESS_FROZEN: "{actor} froze {target}",
    Kind.ACCESS_UNFROZEN: "{actor} ended the freeze of {target}",
    Kind.WORKSPACE_DESTROYED: "the files of {subject} were destroyed: {authorization} ended",
    Kind.WORKSPACE_KEPT: "the files of {subject} were kept for {because} when {authorization} ended",
    Kind.AUTHORIZATION_ENDED: "{actor} ended {subject} for good, statement {statement}",
    Kind.SERVER_STARTED: "the notebook server of {subject} started",
    Kind.SERVER_STOPPED: "the notebook server of {subject} stopped",
    Kind.DOOR_REFUSED: "the door refused {count} requests of {actor}, the first of them {subject}",
    Kind.AUDIT_READ: "{actor} read the log: {subject}",
    Kind.AUDIT_EXPORTED: "{actor} exported the log: {subject}",
    Kind.PRIVATE_ERASED: "{actor} erased the sealed text of {subject}",
    Kind.BUDGET_GRANTED: "{actor} decided on the budget of {subject}",
    Kind.BUDGET_REFUSED: "{actor} was refused a decision on the budget of {subject}: {decision}",
    Kind.DECIDER_KEY_CHANGED: "{actor} changed the key with which {subject} signs decisions",
    Kind.KEY_ROTATED: "{actor} replaced the key of the log by {new}",
    Kind.GATEWAY_STARTED: "the gateway started under policies {policy}",
    Kind.DOCTOR_RUN: "{actor} had the promises of the {subject} checked, which {decision}: report {report}",
}
"""What happened, with the event's names and what its body says; a kind that is missing fails the tests."""


def tell(subject: str, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield lines: what else the story is about, then each entry with its place and its moment."""
    told = list(entries)
    others = sorted({name for entry in told for name in _names(entry)} - {subject})
    yield _printable(
        f"{subject}: {len(told)} entries" + (f"; together with {', '.join(others)}" * bool(others))
    )
    for entry in told:
        yield _printable(f"#{entry.seq}  {entry.at[:19]}Z  {sentence(entry.event)}")


def sentence(event: Mapping[str, Any]) -> str:
    """Say what happened; what an event does not tell is left out."""
    try:
        form = SENTENCES[Kind(event["kind"])]
    except ValueError:
        form = "{kind} by {actor}, about {subject}: {decision}"  # a log outlives the program that reads it
    values = _Told({key: _said(value) for key, value in {**event["body"], **event}.items()})
    return " ".join(form.format_map(values).split())


class _Told(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "-"


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    if isinstance(value, Mapping):
        return str(value.get("sha256", "..."))
    return str(value) or "-"


def _names(entry: Entry) -> tuple[str, ...]:
    return (entry.event["subject"], *entry.event["related"])


def _printable(text: str) -> str:
    """Leave nothing in that a terminal would obey: names in the log may come from whoever asks."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
