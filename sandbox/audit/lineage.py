"""Where a released file comes from, as W3C PROV-JSON, built from entries of the log alone.

Entities are snapshots, answers, files, manifests and packages, each named by its digest or id;
activities are questions, registrations, submissions, screenings, votes, sealings and downloads;
agents are people and the gateway. The form is the W3C member submission PROV-JSON
(https://www.w3.org/submissions/prov-json/); each activity says with ``pds:entry`` which entries of the
log prove it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sandbox.audit.event import Kind
from sandbox.audit.reader import Reader
from sandbox.audit.reading import Entry

Document = dict[str, dict[str, Any]]
NAMESPACE = "urn:public-data-sandbox:"
_OUTSIDE_NAMES = re.compile(r"[^A-Za-z0-9._/-]")
GATEWAY = "pds:agent/gateway"


def with_sources(log: Reader, found: Sequence[Entry]) -> list[Entry]:
    """Return ``found`` behind the entries about the copies of data that its answers were made from."""
    snapshots = {entry.event["body"].get("snapshot") for entry in found} - {None}
    return [*(entry for snapshot in sorted(snapshots) for entry in log.story(snapshot)), *found]


def document(entries: Iterable[Entry]) -> Document:
    """Return the PROV-JSON document of ``entries``, as :meth:`Log.trace` gives them, oldest first.

    Entries of kinds that no lineage is made of (a refusal, a log-in) are passed over.
    """
    graph = _Graph()
    for entry in entries:
        tell = _TELLERS.get(entry.event["kind"])
        if tell is not None:
            tell(graph, entry)
    return graph.document()


class _Graph:
    """A PROV document that grows."""

    def __init__(self) -> None:
        self._records: Document = {"entity": {}, "activity": {}, "agent": {}}
        self.package_of: dict[str, str] = {}
        """Newest package of each release."""
        self.files_of: dict[str, list[str]] = {}
        """Files of the newest round of each release."""
        self.votes_of: dict[str, list[str]] = {}
        """Votes of each round."""

    def entity(self, what: str, name: str, **more: object) -> str:
        """Add an entity, or more about it, and return its name."""
        return self._element("entity", f"{what}/{_hex(name)}", what, more)

    def activity(self, what: str, name: str, entry: Entry, *, ended: bool = True, **more: object) -> str:
        """Add an activity, or more about it; ``entry`` proves it and tells when it was."""
        key = self._element("activity", f"{what}/{name}", what, more)
        record = self._records["activity"][key]
        record.setdefault("prov:startTime", entry.at)
        if ended:
            record["prov:endTime"] = entry.at
        record.setdefault("pds:entry", []).append(entry.seq)
        return key

    def person(self, entry: Entry, activity: str) -> str:
        """Add who did it, and that they did."""
        name = str(entry.event["actor"])
        agent = GATEWAY
        if name == "system":
            self._records["agent"][GATEWAY] = {"prov:type": _name("prov:SoftwareAgent")}
        else:
            agent = f"pds:agent/{_plain(name)}"
            self._records["agent"][agent] = {"prov:type": _name("prov:Person"), "prov:label": name}
        self.relate("wasAssociatedWith", activity=activity, agent=agent)
        return agent

    def relate(self, relation: str, **ends: str) -> None:
        """Add a relation between two elements, once."""
        held = self._records.setdefault(relation, {})
        record = {f"prov:{role}": name for role, name in ends.items()}
        if record not in held.values():
            held[f"_:{relation}{len(held) + 1}"] = record

    def document(self) -> Document:
        """Return all of it."""
        return {"prefix": {"pds": NAMESPACE}, **{key: value for key, value in self._records.items() if value}}

    def _element(self, kind: str, local: str, what: str, more: Mapping[str, object]) -> str:
        key = f"pds:{_plain(local)}"
        record = self._records[kind].setdefault(key, {"prov:type": _name(f"pds:{what.capitalize()}")})
        record |= {f"pds:{name}": value for name, value in more.items() if value not in {None, ""}}
        return key


def _asked(graph: _Graph, entry: Entry) -> None:
    event, body = entry.event, entry.event["body"]
    question = graph.activity(
        "question",
        event["subject"],
        entry,
        ended=False,
        template=body.get("template"),
        epsilon=body.get("epsilon"),
        picorho=body.get("loss"),
        authorization=event["authorization"],
        policy=body.get("policy"),
    )
    graph.person(entry, question)


def _answered(graph: _Graph, entry: Entry) -> None:
    event, body = entry.event, entry.event["body"]
    question = graph.activity("question", event["subject"], entry, decision=event["decision"])
    if "answer" not in body:
        return
    answer = _answer(graph, event["subject"], json=body["answer"], csv=body.get("csv"))
    graph.relate("wasGeneratedBy", entity=answer, activity=question)
    if "snapshot" in body:
        snapshot = graph.entity("snapshot", body["snapshot"], dataset=event["dataset"])
        graph.relate("used", activity=question, entity=snapshot)
        graph.relate("wasDerivedFrom", generatedEntity=answer, usedEntity=snapshot)


def _filed(graph: _Graph, entry: Entry) -> None:
    event, body = entry.event, entry.event["body"]
    question = graph.activity("question", event["subject"], entry, decision=event["decision"])
    if "evidence" in body:
        answer = _answer(graph, event["subject"], mode="reviewed", evidence=body["evidence"])
        snapshot = graph.entity("snapshot", body["snapshot"], dataset=event["dataset"])
        graph.relate("wasGeneratedBy", entity=answer, activity=question)
        graph.relate("used", activity=question, entity=snapshot)
        graph.relate("wasDerivedFrom", generatedEntity=answer, usedEntity=snapshot)


def _repeated(graph: _Graph, entry: Entry) -> None:
    repeat = graph.activity("repeat", str(entry.seq), entry)
    graph.person(entry, repeat)
    graph.relate("used", activity=repeat, entity=_answer(graph, entry.event["subject"]))


def _registered(graph: _Graph, entry: Entry) -> None:
    event = entry.event
    registration = graph.activity("registration", str(entry.seq), entry, policy=event["body"].get("policy"))
    graph.person(entry, registration)
    snapshot = graph.entity("snapshot", event["subject"], dataset=event["dataset"])
    graph.relate("wasGeneratedBy", entity=snapshot, activity=registration)


def _submitted(graph: _Graph, entry: Entry) -> None:
    event, body = entry.event, entry.event["body"]
    submission = graph.activity(
        "submission", _round(event), entry, purpose=body.get("purpose"), authorization=event["authorization"]
    )
    author = graph.person(entry, submission)
    for answer in event["related"]:
        graph.relate("used", activity=submission, entity=_answer(graph, answer))
    graph.files_of[event["subject"]] = []
    for file in body.get("files", ()):
        name = graph.entity("file", file["sha256"], release=event["subject"])
        graph.files_of[event["subject"]].append(name)
        graph.relate("wasGeneratedBy", entity=name, activity=submission)
        graph.relate("wasAttributedTo", entity=name, agent=author)
        if file.get("receipt"):
            graph.relate(
                "wasDerivedFrom", generatedEntity=name, usedEntity=_answer(graph, str(file["receipt"]))
            )


def _screened(graph: _Graph, entry: Entry) -> None:
    event, body = entry.event, entry.event["body"]
    screening = graph.activity(
        "screening", _round(event), entry, decision=event["decision"], risk=body.get("risk")
    )
    graph.person(entry, screening)
    _use_files(graph, event, screening)


def _voted(graph: _Graph, entry: Entry) -> None:
    event = entry.event
    vote = graph.activity(
        "vote",
        f"{_round(event)}/{event['actor']}",
        entry,
        decision=event["decision"],
        binding=event["body"].get("binding"),
    )
    graph.person(entry, vote)
    _use_files(graph, event, vote)
    graph.votes_of.setdefault(_round(event), []).append(vote)


def _sealed(graph: _Graph, entry: Entry) -> None:
    event = entry.event
    sealing = graph.activity("sealing", _round(event), entry, ended=False)
    graph.person(entry, sealing)
    _use_files(graph, event, sealing)
    for vote in graph.votes_of.get(_round(event), ()):
        graph.relate("wasInformedBy", informed=sealing, informant=vote)
    manifest = graph.entity("manifest", event["body"]["manifest"], release=event["subject"])
    graph.relate("wasGeneratedBy", entity=manifest, activity=sealing)


def _moved(graph: _Graph, entry: Entry) -> None:
    event, body = entry.event, entry.event["body"]
    if "package" not in body:
        return
    sealing = graph.activity("sealing", _round(event), entry)
    package = graph.entity("package", body["package"], release=event["subject"], expires=body.get("expires"))
    graph.package_of[event["subject"]] = package
    graph.relate("wasGeneratedBy", entity=package, activity=sealing)
    for file in graph.files_of.get(event["subject"], ()):
        graph.relate("wasDerivedFrom", generatedEntity=package, usedEntity=file)


def _downloaded(graph: _Graph, entry: Entry) -> None:
    download = graph.activity("download", str(entry.seq), entry)
    graph.person(entry, download)
    package = graph.entity("package", entry.event["body"]["package"], release=entry.event["subject"])
    graph.relate("used", activity=download, entity=package)


def _withdrawn(graph: _Graph, entry: Entry) -> None:
    withdrawal = graph.activity("withdrawal", str(entry.seq), entry)
    graph.person(entry, withdrawal)
    package = graph.package_of.get(entry.event["subject"])
    if package is not None:
        graph.relate("wasInvalidatedBy", entity=package, activity=withdrawal)


_TELLERS: Mapping[str, Callable[[_Graph, Entry], None]] = {
    Kind.QUESTION_INTENT: _asked,
    Kind.QUESTION_OUTCOME: _answered,
    Kind.QUESTION_REPEATED: _repeated,
    Kind.REVIEWED_ASKED: _asked,
    Kind.REVIEWED_FILED: _filed,
    Kind.DATASET_REGISTERED: _registered,
    Kind.RELEASE_SUBMITTED: _submitted,
    Kind.RELEASE_SCREENED: _screened,
    Kind.RELEASE_VOTED: _voted,
    Kind.RELEASE_SEALED: _sealed,
    Kind.RELEASE_MOVED: _moved,
    Kind.RELEASE_DOWNLOADED: _downloaded,
    Kind.RELEASE_WITHDRAWN: _withdrawn,
}


def _answer(graph: _Graph, question: str, **more: object) -> str:
    return graph.entity("answer", question, **more)


def _use_files(graph: _Graph, event: Mapping[str, Any], activity: str) -> None:
    for file in graph.files_of.get(event["subject"], ()):
        graph.relate("used", activity=activity, entity=file)


def _round(event: Mapping[str, Any]) -> str:
    return f"{event['subject']}/{event['body'].get('round', 1)}"


def _hex(name: str) -> str:
    return name.removeprefix("sha256:")


def _plain(name: str) -> str:
    return _OUTSIDE_NAMES.sub("_", name)


def _name(value: str) -> dict[str, str]:
    return {"$": value, "type": "prov:QUALIFIED_NAME"}
