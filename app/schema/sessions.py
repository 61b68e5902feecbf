"""Sessions of the pages: who is logged in with a browser."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, func
from sqlalchemy.dialects.postgresql import UUID

from app.schema.base import Timestamp, metadata

sessions = Table(
    "sessions",
    metadata,
    # Only the SHA-256 of the cookie's secret is kept, as with tokens.
    Column("digest", LargeBinary, primary_key=True),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    # Set when the session was opened with a pasted token: it ends with the token and can do no
    # more than the token.
    Column("token_id", UUID, ForeignKey("tokens.id", ondelete="CASCADE")),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("expires_at", Timestamp, nullable=False),
    Column("used_at", Timestamp, nullable=False, server_default=func.now()),
    # When the visit before this one ended: what changed since is news.
    Column("previous_visit_at", Timestamp),
    CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
    Index("ix_sessions_account_id", "account_id"),
    Index("ix_sessions_token_id", "token_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)
