"""Reading what came from outside: one accepted spelling, everything else a ``Malformed``.

JSON is UTF-8 without duplicate keys, without ``NaN`` and ``Infinity``, and no text in it holds NUL
or a lone surrogate (neither can be stored, hashed or logged as it is). Paths are percent-encoded
UTF-8. Nothing here is repaired or guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, unquote_to_bytes

from pydantic import ValidationError

from sandbox.errors import Malformed
from sandbox.web import multipart
from sandbox.web.bodies import Body, Form, UploadForm
from sandbox.web.problem import UnsupportedMedia, shown

B = TypeVar("B", bound=Body)
FIELD_LIMIT = 200
"""Fields of one form or query string."""
TOKEN_FIELD = "_xsrf"  # noqa: S105  # a field's name, not a secret
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_body(model: type[B], data: bytes, *, content_type: str) -> B:
    """Read a request body into ``model``.

    Raises:
        UnsupportedMedia: the content type is not the model's.
        Malformed: the bytes do not fit the model.
    """
    if issubclass(model, UploadForm):
        if content_type.partition(";")[0].strip().lower() != multipart.TYPE:
            raise _other_type(multipart.TYPE)
        pairs, files = multipart.read_parts(data, content_type=content_type)
        _check_form_texts([*(part for pair in pairs for part in pair), *(name for name, _ in files)])
        uploads = [{"name": name, "content": content} for name, content in files if name]
        fields = {**form_fields(pairs, model), "uploads": uploads}
    elif issubclass(model, Form):
        _check_content_type(content_type, FORM_TYPE)
        fields = form_fields(_pairs(data.decode("ascii", "replace")), model)
    else:
        _check_content_type(content_type, JSON_TYPE)
        fields = json_value(data)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _not_fitting(error, model) from None


def json_value(data: bytes) -> Any:
    """Read strict JSON.

    Raises:
        Malformed: it is not.
    """
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant, object_pairs_hook=_unique)
        _check_texts(value)
    except (ValueError, RecursionError):
        raise Malformed(
            "json-malformed",
            "The body cannot be read as JSON.",
            allowed="Send one UTF-8 JSON object without duplicate keys, NaN or Infinity.",
        ) from None
    return value


def form_token(data: bytes, *, content_type: str) -> list[bytes]:
    """Return what a form says under the name of the token; nothing where it is no readable form."""
    if content_type.partition(";")[0].strip().lower() == multipart.TYPE:
        try:
            pairs, _ = multipart.read_parts(data, content_type=content_type)
        except Malformed:
            return []
        return [value.encode() for name, value in pairs if name == TOKEN_FIELD][:1]
    fields = parse_qs(data, max_num_fields=1000, errors="replace")
    return fields.get(TOKEN_FIELD.encode(), [])[:1]


def form_fields(pairs: Iterable[tuple[str, str]], model: type[Form]) -> dict[str, Any]:
    """Read an HTML form; a field of a list type may be repeated, any other may not."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name == TOKEN_FIELD:
            continue
        if name in model.lists():
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise Malformed("form-malformed", f"Field {shown(name)} is given twice.")
        else:
            fields[name] = value
    return fields


def query_fields(text: str) -> Mapping[str, str]:
    """Read a query string; empty values count as not given.

    Raises:
        Malformed: it is not percent-encoded UTF-8, or a field is given twice.
    """
    fields: dict[str, str] = {}
    for name, value in _pairs(text):
        if name in fields:
            raise Malformed("query-malformed", f"Parameter {shown(name)} is given twice.")
        fields[name] = value
    return {name: value for name, value in fields.items() if value}


def segments(path: str) -> tuple[str, ...]:
    """Split a raw path and decode each segment once.

    Raises:
        Malformed: a segment is not percent-encoded UTF-8 or holds NUL.
    """
    return tuple(_decoded(segment) for segment in path.removeprefix("/").split("/"))


def _pairs(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        _check_percents(text)
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELD_LIMIT)
        _check_texts([part for pair in pairs for part in pair])
    except ValueError:
        raise Malformed(
            "query-malformed",
            "The form or query string cannot be read.",
            allowed="Send percent-encoded UTF-8.",
        ) from None
    # Browsers send line ends of a text area as CR LF whatever was typed.
    return [(name, value.replace("\r\n", "\n")) for name, value in pairs]


def _decoded(segment: str) -> str:
    try:
        _check_percents(segment)
        text = unquote_to_bytes(segment).decode()
        _check_texts(text)
    except ValueError:
        raise Malformed(
            "path-malformed",
            "The address is not percent-encoded UTF-8.",
            allowed="Encode it as RFC 3986 says.",
        ) from None
    return text


def _check_percents(text: str) -> None:
    if _PERCENT.search(text):
        raise ValueError("a percent sign without two hex digits")


def _check_content_type(given: str, expected: str) -> None:
    kind, _, parameter = given.lower().partition(";")
    if kind.strip() != expected or parameter.strip() not in {"", "charset=utf-8"}:
        raise _other_type(expected)


def _other_type(expected: str) -> UnsupportedMedia:
    return UnsupportedMedia(
        "content-type",
        "The body is of a content type this address does not read.",
        allowed=f"Send {expected}.",
    )


def _no_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is given twice")
    return fields


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _check_form_texts(texts: list[str]) -> None:
    try:
        _check_texts(texts)
    except ValueError:
        raise Malformed(
            "form-malformed", "The form with its files cannot be read.", allowed="Send plain UTF-8 text."
        ) from None


def _check_texts(value: object) -> None:
    for text in _texts(value):
        if "\x00" in text:
            raise ValueError("NUL in a text")
        text.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError


def _not_fitting(error: ValidationError, model: type[Body]) -> Malformed:
    """Say the first thing that does not fit; names only, no value of the request."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    parts = [str(part) for part in first["loc"]]
    # A name that is none of ours is repeated only where it cannot pass for words of the sentence.
    named = all(part.isalnum() or part.isidentifier() for part in parts)
    place = (shown(".".join(parts)) or "The body") if named else "A field"
    return Malformed(
        "body-invalid",
        f"{place}: {first['msg'].removeprefix('Value error, ').rstrip('.')}.",
        allowed=f"Its fields are {', '.join(model.model_fields) or 'none'}.",
    )
