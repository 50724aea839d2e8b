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
    acknowledge: list[str] = []
    """Codes of the findings that were weighed."""


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
