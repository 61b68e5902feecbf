"""Opaque cursors: where a page ended, signed so that nobody steers a query with them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import orjson
from starlette.requests import Request

from app.api.responses import encode
from app.errors import FieldError, InvalidInput

_SIGNATURE_BYTES = 16


class Cursors:
    """Makes and reads cursors with the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, query: str, position: tuple[Any, ...]) -> str:
        """Return a cursor for the page behind `position` of `query`."""
        payload = encode([_fingerprint(query), list(position)])
        return _as_text(self._sign(payload) + payload)

    def read(self, query: str, cursor: str | None) -> tuple[Any, ...] | None:
        """Return the position that `cursor` stands for; None without a cursor.

        Raises:
            InvalidInput: it was not made here, or for another query.
        """
        if cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raise _refused("the cursor was not made by this service") from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        # Base64 reads several spellings as the same bytes; only the one that was given out counts.
        if _as_text(raw) != cursor or not hmac.compare_digest(signature, self._sign(payload)):
            raise _refused("the cursor was not made by this service")
        fingerprint, position = orjson.loads(payload)
        if fingerprint != _fingerprint(query):
            raise _refused("the cursor belongs to a query with other filters or another order")
        return tuple(position)

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, payload, "sha256")[:_SIGNATURE_BYTES]


def _as_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _fingerprint(query: str) -> str:
    return hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(
        FieldError("/cursor", f"{reason}; start again without one", location="query")
    )


def query_of(request: Request) -> str:
    """Return what a cursor is bound to: the path and every parameter that shapes the list."""
    shaping = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("cursor", "limit", "count")
    )
    return f"{request.url.path}?{shaping}"
