"""Forms that carry files: ``multipart/form-data`` (RFC 7578), as browsers send it.

Read with the HTTP library's parser, which bounds the number of parts; the size of the whole was bounded
before. Names and contents of files are what the sender said, and are judged where files are screened.
"""

from __future__ import annotations

from typing import Final

from tornado.httputil import HTTPFile, HTTPInputError, ParseMultipartConfig, parse_multipart_form_data

from sandbox.errors import Malformed

TYPE: Final = "multipart/form-data"
MOST_PARTS: Final = 400
"""Twenty files with their context, and receipts."""
FILE_FIELD: Final = "upload"
"""The one field that carries files."""


def read_parts(data: bytes, *, content_type: str) -> tuple[list[tuple[str, str]], list[tuple[str, bytes]]]:
    """Return the fields in their order within each name, and name and content of each file.

    Raises:
        Malformed: it is not such a form, or has too many parts.
    """
    fields: dict[str, list[bytes]] = {}
    found: dict[str, list[HTTPFile]] = {}
    config = ParseMultipartConfig(max_parts=MOST_PARTS)
    try:
        parse_multipart_form_data(_boundary(content_type), data, fields, found, config=config)
        pairs = [(name, value.decode()) for name, values in fields.items() for value in values]
        # A browser sends an empty part where no file was chosen.
        pairs = [(name, value) for name, value in pairs if name != FILE_FIELD or value]
    except (HTTPInputError, ValueError, KeyError) as error:
        raise Malformed(
            "form-malformed",
            "The form with its files cannot be read.",
            allowed="Send it with the page's own button; at most 20 files at once.",
        ) from error
    if set(found) - {FILE_FIELD}:
        raise Malformed("form-malformed", "A file stands in a field that takes none.")
    files = [(one["filename"], bytes(one["body"])) for one in found.get(FILE_FIELD, ())]
    return [(name, value.replace("\r\n", "\n")) for name, value in pairs], files


def _boundary(content_type: str) -> bytes:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "boundary" and value:
            return value.encode("ascii")
    raise ValueError("no boundary")
