"""The tables. Only ``app.storage`` and the migrations read this."""

from app.schema.base import metadata

from . import (  # noqa: F401  # registers the tables
    accounts,
    audit,
    bisection,
    documents,
    external,
    idempotency,
    operations,
    removed,
    reviews,
    runs,
    scanning,
    sessions,
    strength,
    sweeps,
    tickets,
    verification,
    views,
    work_orders,
)

__all__ = ["metadata"]
