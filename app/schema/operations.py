"""What the service counts about itself, over all its processes."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table, Text, Uuid, text

from app.schema.base import metadata

installations = Table(
    "installations",
    metadata,
    # Exports name tickets by these: the database's own id, and those of whole exports taken in.
    Column("id", Uuid, primary_key=True),
    Column("own", Boolean, nullable=False, server_default="false"),
    Index("ix_installations_own", "own", unique=True, postgresql_where=text("own")),
)

counters = Table(
    "counters",
    metadata,
    # Totals since the installation began: workers have no port at which they could be asked.
    Column("name", Text, primary_key=True),
    # The values of the counter's labels, in their order, with a tab between.
    Column("labels", Text, primary_key=True),
    Column("value", Double, nullable=False, server_default="0"),
)
