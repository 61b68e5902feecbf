"""Idempotency keys: what they are bound to, and the answers that are kept under them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

KEPT_FOR = timedelta(hours=24)
"""How long an answer is given again."""

_KEY = re.compile(r"[\x21-\x7e]{8,200}")


def is_idempotency_key(text: str) -> bool:
    """Tell whether `text` has 8 to 200 characters, all of them visible ASCII."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True)
class KeyedRequest:
    """A request that came with a key."""

    key: str
    method: str
    path: str
    content: bytes
    """Digest of the rest of the request: its query, media type and body."""

    def scope(self, account: str) -> bytes:
        """Return the digest of what the key is bound to: account, method and path."""
        return folded((account.encode(), self.method.encode(), self.path.encode(), self._key))

    @property
    def _key(self) -> bytes:
        return self.key.encode()


@dataclass(frozen=True)
class Answer:
    """An answer as it went over the line."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """True for 2xx: only these are kept."""
        return 200 <= self.status < 300


def folded(parts: Iterable[bytes]) -> bytes:
    """Return the SHA-256 of `parts`, each with its length, so that none runs into the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
