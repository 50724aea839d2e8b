"""A review desk with its people, whose clock and groups a test can change."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, update

from sandbox import canonical
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.receipt import Receipt
from sandbox.audit.signer import KeySigner
from sandbox.canonical import digest
from sandbox.policy.load import load
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.review.desk import Desk
from sandbox.review.screen.isolate import Cage, in_bubblewrap
from sandbox.review.status import Status
from sandbox.review.view import ReleaseView
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import open_state, writing

POLICIES = Path(__file__).parent / "policies"
STUDY = "visits-study"
ROUNDED = b"district,n,mean_cost\nBei,120,31.5\nDong,55,28\n"
BARE = b"district,rate\nBei,0.5\nDong,0.25\n"
SMALL = b"district,n\nBei,3\n"
ANSWER = b"service,n,n_low,n_high\ngp,-3,-9,3\ndental,1207,1201,1213\n"
WORD = {"approve": "It may leave.", "return": "Please round.", "reject": "No."}


@dataclass
class Office:
    """A desk with its people; the clock and everybody's groups can be changed."""

    engine: Engine
    log: Log
    desk: Desk
    receipts: SigningKey
    now: list[datetime]
    groups: dict[str, frozenset[str]]

    def actor(self, name: str) -> Actor:
        groups = self.groups[name]
        return Actor(name=name, groups=groups, scopes=scopes_of(groups), channel=Channel.CONSOLE)

    def submit(self, files: dict[str, bytes] | None = None, receipts: tuple[str, ...] = ()) -> str:
        view = self.desk.submit(
            self.actor("ana"),
            authorization=STUDY,
            purpose="Visits by district",
            files=files or {"visits.csv": ROUNDED},
            receipts=receipts,
        )
        return view.id

    def read(self, name: str, request: str) -> ReleaseView:
        view = self.desk.show(self.actor(name), request)
        for file in view.files:
            self.desk.open_file(self.actor(name), request, file.name)
        return view

    def decide(self, name: str, request: str, verdict: Any = "approve", **other: Any) -> ReleaseView:
        view = self.read(name, request)
        said: dict[str, Any] = {"reason": WORD[verdict], "row_version": view.row_version} | other
        acknowledged = said.pop("acknowledged", dict.fromkeys(view.to_acknowledge, "Weighed."))
        return self.desk.decide(self.actor(name), request, verdict=verdict, acknowledged=acknowledged, **said)

    def with_review(self, **changed: Any) -> None:
        """Let the desk work by rules of review that differ from those of the tests."""
        policies = self.desk.policies
        rules = policies.review.model_copy(update=changed)
        self._with_policies(replace(policies, review=rules))

    def with_digest(self, digest: str) -> None:
        """Let the desk work by policies of another digest, as after any change of them."""
        self._with_policies(replace(self.desk.policies, digest=digest))

    def _with_policies(self, policies: Policies) -> None:
        self.desk.policies = policies
        object.__setattr__(self.desk._sealer, "policies", policies)

    def conclude(self, name: str, request: str, verdict: Any, reason: str = "As we said.") -> Status:
        actor = self.actor(name)
        version = self.desk.show(actor, request).row_version
        view = self.desk.conclude(actor, request, verdict=verdict, reason=reason, row_version=version)
        return view.status

    def release(self) -> str:
        request = self.submit()
        self.decide("rita", request)
        assert self.decide("rolf", request).status is Status.RELEASED
        return request

    def status(self, request: str) -> Status:
        return self.desk.show(self.actor("ana"), request).status

    def receipt(self, content: bytes, **other: Any) -> str:
        claims: dict[str, Any] = {
            "answer": "a1", "author": "ana", "authorization": STUDY, "dataset": "small_visits",
            "snapshot": "s", "question": "q", "epsilon": "0.5", "picorho": 125, "csv_sha256": digest(content),
            "json_sha256": "j", "seq": 0, "issued_at": "2026-06-01",
        }  # fmt: skip
        return Receipt(**(claims | other)).issue(self.receipts)

    def change(self, table: Any, where: Any, **values: Any) -> None:
        """Change rows as somebody with the database's file would."""
        with writing(self.engine, wait=5) as connection:
            connection.execute(update(table).where(where).values(**values))

    def change_document(self, request: str, **fields: Any) -> None:
        """Change what a request's row holds as a document, as somebody with the database's file would."""
        t = tables.release_request
        with self.log.reading() as connection:
            stored = connection.execute(select(t.c.document).where(t.c.id == request)).scalar_one()
        document = canonical.encode(canonical.decode(bytes(stored)) | fields)
        self.change(t, t.c.id == request, document=document)

    def change_vote(self, request: str, reviewer: str, planted: str) -> None:
        """Change one thing of a stored review, as somebody with the database's file would."""
        t = tables.vote
        where = (t.c.request == request) & (t.c.reviewer == reviewer)
        with self.log.reading() as connection:
            stored = connection.execute(select(t.c.document).where(where)).scalar_one()
        said = canonical.decode(bytes(stored))
        match planted:
            case "reason":
                self.change(t, where, reason="Something else.")
                return
            case "word":
                said["files"] = dict.fromkeys(said["files"], "changes")
            case "overridden":
                said["overridden"] = "Nobody said so."
            case _:
                said["acknowledged"] = dict.fromkeys(said["acknowledged"], "Something else.")
        self.change(t, where, document=canonical.encode(said))

    def package(self, request: str) -> tarfile.TarFile:
        """Return the stored package, opened."""
        t = tables.package
        with self.log.reading() as connection:
            stored = connection.execute(select(t.c.content).where(t.c.request == request)).scalar_one()
        return tarfile.open(fileobj=BytesIO(bytes(stored)))

    def manifest(self, request: str) -> Any:
        """Return what was signed of a released request."""
        with self.package(request) as archive:
            member = archive.extractfile(f"release-{request}/manifest.json")
            assert member is not None
            return json.loads(member.read())

    def members(self, request: str) -> set[str]:
        """Return the names of the files in a package."""
        with self.package(request) as archive:
            return {Path(name).name for name in archive.getnames() if "/files/" in name}

    def packages(self) -> int:
        with self.log.reading() as connection:
            return len(connection.execute(select(tables.package.c.request)).all())


@contextmanager
def open_office(settings: Settings, cage: Cage = in_bubblewrap) -> Iterator[Office]:
    """Open an office whose state is still empty."""
    tmp_path = settings.home
    now = [datetime(2026, 6, 1, 12, tzinfo=UTC)]
    checkpoint = KeySigner(SigningKey.create(tmp_path / "checkpoint.key"))
    receipts = SigningKey.create(tmp_path / "receipt.key")
    SigningKey.create(tmp_path / "release.key")
    engine = open_state(settings)
    log = Log(engine, signer=checkpoint, private_key=bytes(32), clock=lambda: now[0])
    groups = {
        "ana": frozenset({"analysts", STUDY}),
        "ann": frozenset({"analysts", STUDY}),
        "pam": frozenset({"reviewers", STUDY}),
        "rita": frozenset({"reviewers"}),
        "rolf": frozenset({"reviewers"}),
        "rosa": frozenset({"reviewers"}),
        "olaf": frozenset({"officers"}),
        "stella": frozenset({"stewards"}),
        "both": frozenset({"officers", "reviewers"}),
    }
    desk = Desk(
        log=log,
        policies=load(POLICIES),
        receipts=receipts.public,
        release_key=tmp_path / "release.key",
        people=lambda: groups,
        cage=cage,
        clock=lambda: now[0],
    )
    yield Office(engine=engine, log=log, desk=desk, receipts=receipts, now=now, groups=groups)
    engine.dispose()
