"""What a request may carry; an unknown field, a wrong type or a number for a decimal is an error."""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal
from typing import Annotated, Literal, Self, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from sandbox.policy.names import PERSON_NAME
from sandbox.privacy.loss import parse_epsilon, parse_target

SQL_LIMIT = 100_000
"""Characters of a question that are looked at; the language itself allows fewer."""
FILES_LIMIT = 50
"""Files of one release request."""
RECEIPTS_LIMIT = 200
"""Receipts of one release request."""
ONCE = r"^([A-Za-z0-9_-]{8,64})?$"
"""Key of one handing in."""
NOTICES_LIMIT = 200
"""Notices that are marked as read at once: as many as a page lists."""
ContextText = Annotated[str, Field(max_length=1000)]
"""What an author says about a file, in one field."""
Name = Annotated[str, Field(min_length=1, max_length=64)]


class Body(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class DoorReport(Body):
    """What the door refused of one person since its last report."""

    user: str = Field(pattern=f"^{PERSON_NAME.pattern}$")
    first: str = Field(min_length=1, max_length=200)
    reasons: dict[Annotated[str, Field(max_length=200)], Annotated[int, Field(gt=0)]] = Field(
        min_length=1, max_length=20
    )


class Form(Body):
    """An HTML form of the console; texts are read into the fields' types."""

    model_config = ConfigDict(strict=False, extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def lists(cls) -> frozenset[str]:
        """Return the names of the fields that may be repeated."""
        return frozenset(
            name for name, info in cls.model_fields.items() if get_origin(info.annotation) is list
        )


def _epsilon(value: object) -> Decimal | None:
    return None if value is None else parse_epsilon(_text(value))


def _target(value: object) -> Decimal | None:
    return None if value is None else parse_target(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a number is written as a decimal string")  # noqa: TRY004  # pydantic turns ValueError into its own error
    return value


def _content(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("a file's content is base64 text")  # noqa: TRY004  # as above
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a file's content is base64 text") from None


Epsilon = Annotated[
    Decimal | None,
    BeforeValidator(_epsilon),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, {"type": "null"}]}),
]
Target = Annotated[
    Decimal | None,
    BeforeValidator(_target),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, {"type": "null"}]}),
]
Content = Annotated[
    bytes, BeforeValidator(_content), WithJsonSchema({"type": "string", "contentEncoding": "base64"})
]


class Question(Body):
    """One question."""

    sql: Annotated[str, Field(min_length=1, max_length=SQL_LIMIT)]
    """SELECT of aggregates; docs/sql.md describes the language."""
    authorization: Name
    """The authorization it is asked under."""
    epsilon: Epsilon = None
    """Privacy loss to spend, a decimal string; the most one question may cost where left out."""
    target_error: Target = None
    """Instead of a loss: half the width that every 95 % interval should have at most, a decimal string."""
    dry_run: bool = False
    """Say the cost and the expected error only."""
    fresh: bool = False
    """Pay for new noise, even where the question was answered before and would be repeated for nothing."""
    mode: Literal["dp", "reviewed"] = "dp"
    """``reviewed``: file an exact answer as a release request; nothing of it comes back before that."""
    purpose: Annotated[str, Field(max_length=4000)] = ""
    """Of a reviewed answer: what the table is for; its reviewers read it."""
    request_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = None
    """Chosen by the caller, charged at most once; one is made where left out."""

    @model_validator(mode="after")
    def _one_kind_of_answer(self) -> Self:
        noisy = self.dry_run or self.fresh or self.epsilon is not None or self.target_error is not None
        if self.mode == "reviewed" and (noisy or not self.purpose.strip()):
            raise ValueError("a reviewed answer has a purpose, and no loss, error, dry run or fresh noise")
        if self.mode == "dp" and self.purpose:
            raise ValueError("only a reviewed answer has a purpose")
        return self


class SubmittedFile(Body):
    """One file that shall leave."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    content: Content
    """The file's bytes."""


class Files(Body):
    """Files that shall leave, and where they come from."""

    files: Annotated[list[SubmittedFile], Field(min_length=1, max_length=FILES_LIMIT)]
    receipts: Annotated[list[str], Field(max_length=RECEIPTS_LIMIT)] = []
    """Receipts of the answers that the files come from."""

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        if len(self.by_name()) != len(self.files):
            raise ValueError("two files have the same name")
        return self

    def by_name(self) -> dict[str, bytes]:
        """Return the bytes of each file."""
        return {file.name: file.content for file in self.files}


class Check(Files):
    """Files that are looked at and not handed in."""

    authorization: Name


class Submission(Files):
    """A request to release files."""

    authorization: Name
    purpose: Annotated[str, Field(min_length=1, max_length=4000)]
    """What the files are for and what they show; the reviewers read it."""
    once: Annotated[str, Field(pattern=ONCE)] = ""
    """Chosen by the caller: the same submission sent again with it is the first one, not another."""


class Round(Files):
    """Corrected files for a request that came back."""

    row_version: Annotated[int, Field(ge=0)]
    """The version of the request that the author looked at."""
    purpose: Annotated[str, Field(max_length=4000)] = ""
    """A new purpose; the old one stands where left out."""


class Return(Body):
    """An author takes a request back, from a notebook."""

    row_version: Annotated[int, Field(ge=0)]
    """The version of the request that the author looked at."""


class Fetch(Body):
    """An author fetches a package, from a notebook; the address says all."""


class Withdrawal(Form):
    """An author takes a request back, and says that they mean it."""

    sure: Literal["yes"]

    row_version: Annotated[int, Field(ge=0)]


class Decision(Form):
    """A reviewer's vote."""

    verdict: Literal["approve", "return", "reject"]
    reason: Annotated[str, Field(max_length=4000)] = ""
    row_version: Annotated[int, Field(ge=0)]
    """The version of the request that the reviewer looked at."""
    code: list[str] = []
    """Codes of the findings to be weighed."""
    why: list[str] = []
    """For each code, in the same order, why the files may leave; empty where it is not weighed."""
    file: list[str] = []
    """Files of the request."""
    word: list[Literal["approve", "changes"]] = []
    """For each file, in the same order, what the reviewer says of it."""

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        if len(self.code) != len(self.why) or len(self.file) != len(self.word):
            raise ValueError("each code has a reason and each file a word, in the same order")
        return self

    @property
    def acknowledged(self) -> dict[str, str]:
        """The reason for each finding that was weighed."""
        return {code: why for code, why in zip(self.code, self.why, strict=True) if why.strip()}

    @property
    def words(self) -> dict[str, Literal["approve", "changes"]]:
        """The word on each file; only a return has one for each, the others are about all alike."""
        return dict(zip(self.file, self.word, strict=True)) if self.verdict == "return" else {}


class Conclusion(Form):
    """How a round ends whose reviews differ."""

    verdict: Literal["approve", "return", "reject"]
    reason: Annotated[str, Field(max_length=4000)] = ""
    """Of a return: the letter to the author."""
    row_version: Annotated[int, Field(ge=0)]
    """The version of the request that the reviewer looked at."""


class CommentForm(Form):
    """Something written beside a request."""

    text: Annotated[str, Field(max_length=4000)] = ""
    audience: Literal["reviewers", "author"] = "reviewers"
    file: Annotated[str, Field(max_length=255)] = ""
    """The file it is about; empty for the whole request."""
    anchor: Annotated[str, Field(max_length=200)] = ""
    """The place in the file."""


class Seat(Form):
    """A reviewer takes a seat, or gives up the request for a conflict of interest."""

    do: Literal["claim", "decline"]
    reason: Annotated[str, Field(max_length=4000)] = ""


class Watching(Form):
    """What an officer does to a request."""

    do: Literal["hold", "unhold", "override", "excuse", "stop"]
    reason: Annotated[str, Field(max_length=4000)] = ""
    row_version: Annotated[int, Field(ge=0)]
    """The version of the request that the officer looked at."""
    reviewer: Annotated[str, Field(max_length=64)] = ""
    """Of an override: whose veto."""
    code: Annotated[str, Field(max_length=32)] = ""
    """Of an exception: which check's refusal."""
    days: Annotated[int, Field(ge=1, le=365)] = 14
    """Of an exception: for how long."""


class Consenting(Form):
    """What a data steward says to a request."""

    do: Literal["consent", "excuse"]
    reason: Annotated[str, Field(max_length=4000)] = ""
    row_version: Annotated[int, Field(ge=0)]
    """The version of the request that the steward looked at."""
    code: Annotated[str, Field(max_length=32)] = ""
    """Of an exception: which check's refusal."""


class NoticesRead(Form):
    """A person has read notices."""

    id: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=NOTICES_LIMIT)]
    """Which of their own; others' are left as they are."""


class Upload(Body):
    """One file as a browser sent it."""

    name: Annotated[str, Field(max_length=255)]
    content: bytes


class UploadForm(Form):
    """A form that carries files."""

    uploads: list[Upload] = []


class NewExport(UploadForm):
    """A request to release files while its author still writes it; nothing of it is stored until handed in.

    The lists have one member for each file that was sent before, in the same order.
    """

    authorization: Annotated[str, Field(max_length=64)] = ""
    purpose: Annotated[str, Field(max_length=4000)] = ""
    row_version: Annotated[int, Field(ge=0)] = 0
    """Of another round: the version of the request that its author looked at."""
    once: Annotated[str, Field(pattern=ONCE)] = ""
    """Drawn with the empty form, so that a double click hands in once."""
    answer: Annotated[list[str], Field(max_length=RECEIPTS_LIMIT)] = []
    """Ids of own answers whose table shall leave, with its receipt."""
    name: Annotated[list[str], Field(max_length=FILES_LIMIT)] = []
    content: Annotated[list[Content], Field(max_length=FILES_LIMIT)] = []
    title: list[ContextText] = []
    population: list[ContextText] = []
    n: list[ContextText] = []
    variables: list[ContextText] = []
    control: list[ContextText] = []
    related: list[ContextText] = []
    without: list[str] = []
    """Places in the lists that are left out from now on."""
    do: Annotated[str, Field(max_length=40)] = "check"
    """``check``, ``submit``, or ``mend``, a place in the lists and the name of a fix."""


class PasswordChange(Form):
    """A person wants a new password."""

    present: Annotated[str, Field(min_length=1, max_length=256)]


class Confirmation(Form):
    """A button without fields."""
