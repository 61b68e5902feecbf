"""What the service counts about itself, over all its processes."""

from __future__ import annotations

from sqlalchemy import Column, Double, Table, Text

from app.schema.base import metadata

counters = Table(
    "counters",
    metadata,
    # Totals since the installation began: workers have no port at which they could be asked.
    Column("name", Text, primary_key=True),
    # The values of the counter's labels, in their order, with a tab between.
    Column("labels", Text, primary_key=True),
    Column("value", Double, nullable=False, server_default="0"),
)
