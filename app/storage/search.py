"""Full text: the vector that tickets are found by, and the query that finds them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal, literal_column
from sqlalchemy.dialects.postgresql import REGCONFIG

from app.domain.search import SearchTexts

_LANGUAGE = literal_column("'english'", REGCONFIG)


def vector_of(texts: SearchTexts) -> ColumnElement[Any]:
    """Return the vector to be stored: title over summary and places, these over the sections."""

    def weighted(text: str, weight: str) -> ColumnElement[Any]:
        vector = func.to_tsvector(_LANGUAGE, cast(literal(text), Text))
        return func.setweight(vector, literal_column(f"'{weight}'"))

    return (
        weighted(texts.title, "A")
        .op("||")(weighted(texts.lead, "B"))
        .op("||")(weighted(texts.body, "C"))
    )


def query_of(words: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the query for words, "phrases" and -not, as search engines read them."""
    return func.websearch_to_tsquery(_LANGUAGE, cast(words, Text))
