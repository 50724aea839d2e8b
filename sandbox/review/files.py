"""The canonical bytes of one file of a request, as they were screened."""

from __future__ import annotations

from sqlalchemy import Connection

from sandbox.canonical import digest
from sandbox.errors import Conflict, NotFound
from sandbox.review.request import Request, StoredFile
from sandbox.review.sealing import read_blob


def stored_file(connection: Connection, request: Request, name: str) -> tuple[StoredFile, bytes]:
    """Return one file of ``request`` with its bytes.

    Raises:
        NotFound: it holds no such file.
        Conflict: the stored bytes are not those that were screened.
    """
    file = next((file for file in request.files if file.name == name and file.size), None)
    if file is None:
        raise no_file()
    content = read_blob(connection, file.sha256)
    if digest(content) != file.sha256:
        raise Conflict("bytes-changed", "The stored bytes are not those that were screened.")
    return file, content


def no_file() -> NotFound:
    """Return the refusal of a file that is not there, or not for this person."""
    return NotFound("file-unknown", "The request holds no such file, or none that may be shown.")
