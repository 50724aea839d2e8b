"""The tables of the state database.

One metadata for SQLite and PostgreSQL. Losses are integers in 1e-12 zCDP rho; times are UTC in
ISO 8601 with microseconds, as text, because they are read by people and compared as text; documents
are canonical JSON bytes. Raw data never enters this database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

# --- audit: the log (append only) -----------------------------------------------------------------
entry = Table(
    "entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # 0, 1, 2 ... without a gap
    Column("leaf", LargeBinary, nullable=False),  # canonical JSON of the event, exactly as hashed
)
node = Table(
    "node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),  # C2SP signed note
)
head = Table(  # written with the entries; a checkpoint is signed after their commit and stored later
    "head",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("mac", LargeBinary, nullable=False),  # of size and root, under a key the database never sees
)
cosignature = Table(  # what witnesses said to checkpoints; each row proves itself by its signatures
    "cosignature",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", String(255), primary_key=True),  # its verifier key's name and id
    Column("note", LargeBinary, nullable=False),  # the checkpoint, signed by the log and this witness
    Column("at", String(32), nullable=False),  # by the witness's clock
)
private = Table(  # erasable personal data of an entry: salt and full text, encrypted
    "private",
    metadata,
    Column("seq", BigInteger, ForeignKey("entry.seq"), primary_key=True),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
)
event_index = Table(  # derived from the leaves, rebuildable, never evidence
    "event_index",
    metadata,
    Column("seq", BigInteger, ForeignKey("entry.seq"), primary_key=True),
    Column("at", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("actor", String(255), nullable=False),
    Column("subject", String(255), nullable=False),  # the query id, release id, dataset ... it is about
    Column("authorization", String(255), nullable=False),
    Column("dataset", String(255), nullable=False),
    Column("decision", String(64), nullable=False),
    Index("event_index_subject", "subject", "kind"),
    Index("event_index_actor", "actor", "seq"),
    Index("event_index_kind", "kind", "seq"),
    Index("event_index_authorization", "authorization", "seq"),
    Index("event_index_dataset", "dataset", "seq"),
)
event_subject = Table(  # every subject an event is about, its own and the related ones; derived too
    "event_subject",
    metadata,
    Column("subject", String(255), primary_key=True),
    Column("seq", BigInteger, ForeignKey("entry.seq"), primary_key=True),
)

# --- ledger ------------------------------------------------------------------------------------------
budget = Table(
    "budget",
    metadata,
    Column("scope", String(255), primary_key=True),  # "population:NAME", "authorization:NAME" ...
    Column("cap", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False, default=0),
    CheckConstraint("spent >= 0 AND spent <= cap", name="within_cap"),
)
charge = Table(
    "charge",
    metadata,
    Column("request_id", String(80), primary_key=True),
    Column("scope", String(255), ForeignKey("budget.scope"), primary_key=True),
    Column("loss", BigInteger, nullable=False),
    Column("seq", BigInteger, ForeignKey("entry.seq"), nullable=False),  # the intent it was charged for
)

budget_decision = Table(  # who opened a time window or raised a budget; signed, and never changed
    "budget_decision",
    metadata,
    Column("id", String(80), primary_key=True),  # digest of the document: a decision is applied once
    Column("authorization", String(255), nullable=False),
    Column("document", LargeBinary, nullable=False),  # canonical JSON, exactly as signed
    Column("signature", LargeBinary, nullable=False),  # Ed25519 of the decision maker
    Column("seq", BigInteger, ForeignKey("entry.seq"), nullable=False),  # the entry that names its digest
    Index("budget_decision_authorization", "authorization"),
)
decider_key = Table(  # whose signature counts from which entry of the log on; the newest row of a name holds
    "decider_key",
    metadata,
    Column("seq", BigInteger, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("public", LargeBinary, nullable=False),  # 32 bytes; empty: from here on nothing of theirs counts
    Index("decider_key_name", "name"),
)

freezing = Table(  # what was frozen from an entry of the log on, or freed; the newest row of a target holds
    "freezing",
    metadata,
    Column("seq", BigInteger, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("what", String(16), nullable=False),  # user | authorization | dataset | all
    Column("name", String(255), nullable=False),  # empty for all
    Column("frozen", Boolean, nullable=False),
    Column("final", Boolean, nullable=False),  # nothing ends it
    Column("at", String(32), nullable=False),
    Index("freezing_target", "what", "name"),
)

reviewed_answer = Table(  # exact answers that were asked for: counted, since no loss can be charged for them
    "reviewed_answer",
    metadata,
    Column("authorization", String(255), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1; a number is taken once
    Column("id", String(64), nullable=False, unique=True),  # of the question, and of the release request
    Column("seq", BigInteger, ForeignKey("entry.seq"), nullable=False),  # the entry it was counted by
)

# --- answers -----------------------------------------------------------------------------------------
answer = Table(  # noisy tables that were given out, to be given again; never a row of raw data
    "answer",
    metadata,
    Column("key", String(80), primary_key=True),  # digest of plan and snapshot: what makes it the same answer
    Column("seq", BigInteger, ForeignKey("entry.seq"), nullable=False),  # the outcome it was recorded by
    Column("policy", String(80), nullable=False),  # digest of the policies it was asked under
    Column("document", LargeBinary, nullable=False),  # canonical JSON: the table, the receipt's claims
)

# --- sources -----------------------------------------------------------------------------------------
snapshot = Table(
    "snapshot",
    metadata,
    Column("digest", String(80), primary_key=True),  # of the bounded copy's source and policy
    Column("dataset", String(255), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("document", LargeBinary, nullable=False),  # canonical JSON: tables, files, policy, profile
    Column("registered_at", String(32), nullable=False),
    Index("snapshot_dataset", "dataset"),
)

# --- governance --------------------------------------------------------------------------------------
account = Table(
    "account",
    metadata,
    Column("number", Integer, primary_key=True),  # fixes the uid of the person's notebook
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", String(255), nullable=False),  # empty: cannot log in to the hub
    Column("groups", LargeBinary, nullable=False),  # canonical JSON list of hub groups
    Column("disabled", Boolean, nullable=False, default=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", String(32), nullable=False, default=""),
    Column("subject", String(64), nullable=False, server_default=""),  # digest of who it is at a provider
    Column("generation", Integer, nullable=False, server_default="0"),  # grows with every new password
    Column("trained_until", String(10), nullable=False, server_default=""),  # last day; empty: nobody said
)

# --- review ------------------------------------------------------------------------------------------
release_request = Table(
    "release_request",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("author", String(64), nullable=False),
    Column("authorization", String(255), nullable=False),
    Column("purpose", String(4000), nullable=False),
    Column("status", String(32), nullable=False),
    Column("round", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),  # compare-and-swap on every transition
    Column("document", LargeBinary, nullable=False),  # canonical JSON: receipts, risk class, reasons
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Index("release_request_author", "author"),
    Index("release_request_status", "status"),
)
release_file = Table(
    "release_file",
    metadata,
    Column("request", String(64), ForeignKey("release_request.id"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("name", String(255), primary_key=True),
    Column("sha256", String(80), nullable=False),  # of the canonical bytes: what is seen and what leaves
    Column("original_sha256", String(80), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("verdict", String(16), nullable=False),  # pass | flag | refuse
    Column("report", LargeBinary, nullable=False),  # canonical JSON of the findings
)
blob = Table(
    "blob",
    metadata,
    Column("sha256", String(80), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
vote = Table(
    "vote",
    metadata,
    Column("request", String(64), ForeignKey("release_request.id"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("reviewer", String(64), primary_key=True),
    Column("verdict", String(32), nullable=False),
    Column("reason", String(4000), nullable=False),
    Column("binding", String(80), nullable=False),  # digest of request, round, file and report hashes, policy
    Column("at", String(32), nullable=False),
    Column("document", LargeBinary, nullable=False),  # canonical JSON: a word on each file, findings weighed
    UniqueConstraint("request", "round", "reviewer"),
)
release_comment = Table(
    "release_comment",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("request", String(64), ForeignKey("release_request.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("audience", String(16), nullable=False),  # reviewers | author
    Column("file", String(255), nullable=False),  # empty: the request as a whole
    Column("anchor", String(255), nullable=False),  # a place in the file; empty: all of it
    Column("text", String(4000), nullable=False),
    Column("at", String(32), nullable=False),
    Index("release_comment_request", "request"),
)
opened = Table(  # who has looked at which bytes
    "opened",
    metadata,
    Column("request", String(64), ForeignKey("release_request.id"), primary_key=True),
    Column("sha256", String(80), primary_key=True),
    Column("reviewer", String(64), primary_key=True),
    Column("at", String(32), nullable=False),
)
package = Table(
    "package",
    metadata,
    Column("request", String(64), ForeignKey("release_request.id"), primary_key=True),
    Column("sha256", String(80), nullable=False),
    Column("content", LargeBinary, nullable=False),  # the archive that leaves
    Column("sealed_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("downloads", Integer, nullable=False, default=0),
)

# --- notices -----------------------------------------------------------------------------------------
notice = Table(  # what people are told of releases; derived from the log, and forgotten after a while
    "notice",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # order of keeping; shown to nobody
    Column("id", String(32), nullable=False, unique=True),  # random
    Column("occasion", String(255), nullable=False),  # request, what happened, and which time of it
    Column("person", String(64), nullable=False),  # empty: for programs, which are told of nobody
    Column("about", String(32), nullable=False),
    Column("request", String(64), nullable=False),
    Column("authorization", String(255), nullable=False),
    Column("at", String(32), nullable=False),
    Column("read_at", String(32), nullable=False),  # empty until the person marks it
    UniqueConstraint("occasion", "person"),
    Index("notice_person", "person", "at"),
)
notice_cursor = Table(  # how far the follower of the log and each courier of notices has come
    "notice_cursor",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("place", BigInteger, nullable=False),
)
