"""The tables. Only ``app.storage`` and the migrations read this."""

from app.schema.base import metadata

from . import accounts, audit, reviews, runs, tickets, verification  # noqa: F401  # registers the tables

__all__ = ["metadata"]
