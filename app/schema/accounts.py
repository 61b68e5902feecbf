"""Accounts, the specialists they speak for, and tokens."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import BOOLEAN, UUID

from app.schema.base import Timestamp, metadata

specialists = Table(
    "specialists",
    metadata,
    Column("name", Text, primary_key=True),
    Column("code", Text, unique=True),
    Column("label", Text, nullable=False),
    Column("position", Integer, Identity(), nullable=False),
    # A name that only imported reviews have: nobody speaks for it, and no key is minted for it.
    Column("imported", BOOLEAN, nullable=False, server_default=text("false")),
    # Whoever speaks for it sees others' verdicts on a ticket once its own is in.
    Column("blind", BOOLEAN, nullable=False, server_default=text("false")),
    CheckConstraint("imported OR code IS NOT NULL", name="code"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("display_name", Text),
    Column("role", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("disabled_at", Timestamp),
    # It sees others' verdicts on a ticket once its own is in.
    Column("blind", BOOLEAN, nullable=False, server_default=text("false")),
    CheckConstraint("role IN ('reader','reporter','reviewer','maintainer','admin')", name="role"),
)

account_specialists = Table(
    "account_specialists",
    metadata,
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("specialist", ForeignKey("specialists.name"), primary_key=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    # The most the token may do; null: whatever its account may.
    Column("role", Text),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("expires_at", Timestamp),
    Column("revoked_at", Timestamp),
    Column("last_used_at", Timestamp),
    CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
    CheckConstraint("role IN ('reader','reporter','reviewer','maintainer','admin')", name="role"),
    Index("ix_tokens_account_id", "account_id"),
)

login_codes = Table(
    "login_codes",
    metadata,
    # Only the SHA-256 of a code is kept: who reads the table gets in with none of them.
    Column("digest", LargeBinary, primary_key=True),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("expires_at", Timestamp, nullable=False),
    CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
    Index("ix_login_codes_account_id", "account_id"),
    Index("ix_login_codes_expires_at", "expires_at"),
)

service_secrets = Table(
    "service_secrets",
    metadata,
    # Keys shared by all processes of one installation, e.g. for signing cursors.
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
