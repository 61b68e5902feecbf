"""Full text: the vector that tickets are found by, and the query that finds them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal, literal_column
from sqlalchemy.dialects.postgresql import REGCONFIG

from app.domain.search import SearchTexts

_LANGUAGE = literal_column("'english'", REGCONFIG)


def vector_of(texts: SearchTexts) -> ColumnElement[Any]:
    """Return the vector to be stored for the texts of a ticket."""
    return vector(literal(texts.title), literal(texts.lead), literal(texts.body))


def vector(
    title: ColumnElement[Any], lead: ColumnElement[Any], body: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Return the vector of three texts: title over summary and places, these over the sections."""

    def weighted(words: ColumnElement[Any], weight: str) -> ColumnElement[Any]:
        found = func.to_tsvector(_LANGUAGE, cast(words, Text))
        return func.setweight(found, literal_column(f"'{weight}'"))

    return weighted(title, "A").op("||")(weighted(lead, "B")).op("||")(weighted(body, "C"))


def query_of(words: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the query for words, "phrases" and -not, as search engines read them."""
    return func.websearch_to_tsquery(_LANGUAGE, cast(words, Text))
