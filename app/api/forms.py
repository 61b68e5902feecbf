"""Forms that arrived whole."""

from __future__ import annotations

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from app.errors import FieldError, InvalidInput


async def read_form(
    request: Request, *, max_files: int, max_fields: int, max_part_size: int = 1 << 20
) -> FormData:
    """Return the form in the body of a request.

    Of a multipart form that breaks off the parser would drop the last part without a word.

    Raises:
        InvalidInput: it cannot be read, has too many parts, or its closing boundary is missing.
    """
    end = _End(request)
    watched = Request(request.scope, end.receive)
    try:
        form = await watched.form(
            max_files=max_files, max_fields=max_fields, max_part_size=max_part_size
        )
    except HTTPException as error:
        raise InvalidInput(FieldError("", f"the form cannot be read: {error.detail}")) from None
    if end.missing is not None:
        await form.close()
        raise InvalidInput(
            FieldError(
                "",
                f"the form has no end: the closing boundary {end.missing!r} is missing, so the "
                "body was cut off; send it once more",
            )
        )
    return form


class _End:
    """Looks for the closing boundary in a body that passes by."""

    def __init__(self, request: Request) -> None:
        # Not what the server sends: the body may have been read already, for its idempotency key.
        self._pieces = request.stream()
        boundary = _boundary(request)
        self._wanted = b"" if boundary is None else b"--" + boundary + b"--"
        # As if a line had ended before the body: a boundary begins a line.
        self._tail = b"\r\n"
        self._found = boundary is None

    @property
    def missing(self) -> str | None:
        """The boundary that did not come, or None."""
        return None if self._found else self._wanted.decode("latin-1")[:100]

    async def receive(self) -> Message:
        piece = await anext(self._pieces, None)
        if not self._found and piece:
            seen = self._tail + piece
            self._found = b"\n" + self._wanted in seen
            self._tail = seen[-len(self._wanted) :]
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}


def _boundary(request: Request) -> bytes | None:
    """Return the boundary of a multipart form; None for other bodies."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        return None
    return options.get(b"boundary")
