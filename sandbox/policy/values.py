"""How policy files are read: the base of every model and the few value types they share.

A model is frozen, knows every key it accepts, and reports *all* that is wrong with it at once, each
mistake with the key it belongs to. The sentences are for the person who wrote the file: they say
what to write instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

Located = tuple[tuple[str, ...], str]
"""Key path inside the model, and the sentence about it."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Names of datasets, tables, columns, populations: 63 characters is PostgreSQL's limit."""
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""Names of authorizations, groups and grades."""
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?")


def _located_error(where: tuple[str | int, ...], sentence: str, given: Any) -> InitErrorDetails:
    # The sentence travels as context, because braces in a message template would be substituted.
    problem = PydanticCustomError("policy", "{sentence}", {"sentence": sentence})
    return InitErrorDetails(type=problem, loc=where, input=given)


class PolicyModel(BaseModel):
    """Base of all policy models: frozen, unknown keys refused, every mistake reported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, Mapping):
            return handler(given)
        known = {key: value for key, value in given.items() if key in cls.model_fields}
        errors = [_located_error((key,), cls._unknown(key), given[key]) for key in given if key not in known]
        errors += [
            _located_error(where, text, given) for where, text in cls._contradictions_as_written(known)
        ]
        try:
            model = handler(cls._completed(known))
        except ValidationError as problem:
            errors += [_again(error) for error in problem.errors()]
        else:
            errors += [_located_error(where, text, given) for where, text in model._contradictions()]  # noqa: SLF001 - own class
            if not errors:
                return model
        raise ValidationError.from_exception_data(cls.__name__, errors)

    @classmethod
    def _unknown(cls, key: str) -> str:
        near = difflib.get_close_matches(key, cls.model_fields, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Keys here are: {', '.join(cls.model_fields)}."
        return f"There is no key {key!r} here. {hint}"

    @classmethod
    def _completed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what was written together with what follows from it."""
        return given

    @classmethod
    def _contradictions_as_written(cls, given: Mapping[str, Any]) -> Iterator[Located]:  # noqa: ARG003 - for subclasses
        """Yield what is wrong between keys and can be seen even where a single key is wrong too."""
        yield from ()

    def _contradictions(self) -> Iterator[Located]:
        """Yield what is wrong between keys once each key is right by itself."""
        yield from ()


def _again(error: Any) -> InitErrorDetails:
    """Turn a reported error back into one that can be raised together with others."""
    return _located_error(error["loc"], sentence_of(error), error["input"])


_SENTENCES = {
    "missing": "This key is missing and must be given.",
    "string_type": "Write a text in quotes here.",
    "int_type": "Write a whole number without quotes here.",
    "bool_type": "Write true or false without quotes here.",
    "dict_type": "Write a table with keys here.",
    "model_type": "Write a table with keys here.",
    "tuple_type": "Write a list in square brackets here.",
}


def sentence_of(error: Any) -> str:
    """Return what a steward should read for one pydantic error."""
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "policy":
            sentence = str(context["sentence"])
        case "value_error":
            sentence = str(context["error"])
        case "enum" | "literal_error":
            sentence = f"{error['input']!r} is not one of the words known here; write {context['expected']}."
        case "greater_than_equal":
            sentence = f"The number must be at least {context['ge']}."
        case "less_than_equal":
            sentence = f"The number must be at most {context['le']}."
        case "too_short" | "string_too_short":
            sentence = "This must not be empty."
        case "too_long" | "string_too_long":
            sentence = f"This is too long; at most {context['max_length']} are allowed."
        case _:
            sentence = _SENTENCES.get(kind, f"{error['msg']}.")
    return sentence


def read_decimal(value: Any) -> Decimal:
    """Return the number written in a policy file, exactly.

    Raises:
        ValueError: a float (already rounded when it is read), NaN, infinity, an exponent, or more than
            18 digits before and 12 after the point.
    """
    if isinstance(value, float):
        raise ValueError(f'Write the number in quotes, as in "{value}", so that it is read exactly.')  # noqa: TRY004 - pydantic turns only ValueError into a mistake
    if isinstance(value, Decimal):
        value = format(value, "f") if value.is_finite() else "not finite"
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or _PLAIN_DECIMAL.fullmatch(value) is None:
        raise ValueError(
            'Write a plain decimal number in quotes, as in "0.5": no exponent, at most 12 decimals.'
        )
    try:
        return Decimal(value)
    except InvalidOperation as error:  # pragma: no cover - the pattern admits nothing Decimal refuses
        raise ValueError("This is not a number.") from error


def spell(value: Decimal) -> str:
    """Return the one spelling of a number: no exponent, no trailing zeros."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def fixed_point(value: Decimal, decimals: int) -> int | None:
    """Return ``value * 10**decimals``, or None where that is not a whole number.

    In integers, because Decimal arithmetic rounds to the digits of its context.
    """
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):  # NaN or infinity
        return None
    whole, shift = int("".join(map(str, digits))), exponent + decimals
    scaled, rest = (whole * 10**shift, 0) if shift >= 0 else divmod(whole, 10**-shift)
    return None if rest else (-scaled if sign else scaled)


def _read_day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass  # told below
    raise ValueError("Write a day without quotes, as in 2025-01-31.")


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("The number must be greater than 0.")
    return value


def _at_most_100(value: Decimal) -> Decimal:
    if value > LARGEST_EPSILON:
        raise ValueError(f"An epsilon above {LARGEST_EPSILON} protects nobody; write a smaller one.")
    return value


def _small_probability(value: Decimal) -> Decimal:
    if not 0 < value <= LARGEST_DELTA:
        raise ValueError(
            f'Delta is the chance that the promise fails: write more than 0 and at most "{LARGEST_DELTA}".'
        )
    return value


def _read_delta(value: Any) -> Any:
    # Deltas alone are commonly written with an exponent: "1e-6" is read, still from text only.
    if isinstance(value, str) and re.fullmatch(r"[1-9](\.[0-9])?e-(0?[1-9]|1[01])", value):
        return Decimal(value)
    return read_decimal(value)


def _name(value: str) -> str:
    if NAME.fullmatch(value) is None:
        raise ValueError(
            f"{value!r} is not a name: write a small letter, then small letters, digits or _, at most 63."
        )
    return value


def _slug(value: str) -> str:
    if SLUG.fullmatch(value) is None:
        raise ValueError(f"{value!r} is not a name: write small letters, digits and - only, at most 63.")
    return value


LARGEST_EPSILON = Decimal(100)
"""The same limit as for one question; e^100 is no promise."""
LARGEST_DELTA = Decimal("0.001")
"""Above it, a release of a thousand whole records would already keep the promise."""

_SPELLED = PlainSerializer(spell, return_type=str, when_used="json")
Exact = Annotated[Decimal, BeforeValidator(read_decimal), _SPELLED]
"""A decimal read without rounding."""
Epsilon = Annotated[Exact, AfterValidator(_positive), AfterValidator(_at_most_100)]
"""A privacy loss parameter, greater than 0."""
Delta = Annotated[Decimal, BeforeValidator(_read_delta), AfterValidator(_small_probability), _SPELLED]
"""A failure probability in (0, 0.001]."""
Day = Annotated[date, BeforeValidator(_read_day)]
"""A day of the calendar."""
Name = Annotated[str, AfterValidator(_name)]
Slug = Annotated[str, AfterValidator(_slug)]
