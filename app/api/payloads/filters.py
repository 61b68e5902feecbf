"""The filters of lists of tickets, in the address and in a body: made from `FILTERS`."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import AfterValidator, Field, model_validator

from app.api.payloads.fields import Batch, Digits, Domain, Flag, Input, Line, declared
from app.api.payloads.reviews import GivenVerdict
from app.domain.filter_words import ENUMERATIONS
from app.domain.filters import FILTERS, Filter, TicketFilter
from app.domain.strength import STRENGTH_FORM

Word = Annotated[str, Query(min_length=1, max_length=200)]

_WORDS: Mapping[str, Any] = {**ENUMERATIONS, "verdict": GivenVerdict, "domain": Domain}
_IN_QUERY: Mapping[str, Any] = {
    **_WORDS,
    "strength": Annotated[str, Query(pattern=STRENGTH_FORM)],
    "specialist": Word,
    "text": Word,
    "rule": Annotated[str, Query(min_length=1, max_length=300)],
    "number": Annotated[int, Digits, Query(ge=0, le=999_999)],
    "flag": bool | None,
    "query": Annotated[str, Query(max_length=500)] | None,
}
_IN_BODY: Mapping[str, Any] = {
    **_WORDS,
    "strength": Annotated[str, Field(max_length=20, pattern=STRENGTH_FORM)],
    "specialist": Line,
    "text": Line,
    "rule": Annotated[Line, Field(max_length=300)],
    "number": Batch,
    "flag": Flag | None,
    "query": Annotated[str, Field(max_length=500), AfterValidator(str.strip)] | None,
}
"""The type of one value by its kind."""


_TUPLE: Any = tuple
_LIST: Any = list


def _parameter(name: str, asked: Filter) -> Parameter:
    kind = _IN_QUERY[asked.values]
    if asked.is_single:
        declared, default = Annotated[kind, Query(description=asked.meaning)], None
    else:
        rules = Query(max_length=asked.most, description=asked.meaning)
        declared, default = Annotated[_TUPLE[kind, ...], rules], ()
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=declared)


class _FilterOfQuery:
    """Gathers the filters of an address: OR within a field, AND between fields."""

    def __init__(self) -> None:
        self.__signature__ = Signature([_parameter(*one) for one in FILTERS.items()])

    async def __call__(self, **given: Any) -> TicketFilter:
        # An empty search field of a form asks for nothing.
        given["q"] = (given.get("q") or "").strip() or None
        return TicketFilter(**given)


ticket_filter = _FilterOfQuery()


def _field(asked: Filter) -> tuple[Any, Any]:
    kind = _IN_BODY[asked.values]
    if asked.is_single:
        return kind, Field(default=None, description=asked.meaning)
    return _LIST[kind], Field(default=[], max_length=asked.most, description=asked.meaning)


_Declared: Any = declared(
    "FiltersIn", Input, {name: _field(asked) for name, asked in FILTERS.items()}
)


class FiltersIn(_Declared):  # type: ignore[misc]  # its fields are those of the table
    """The filters of lists: any value of each, and all together."""


class FilterIn(FiltersIn):
    """Which tickets are meant, with the filters of lists: any value of each, all together."""

    @model_validator(mode="after")
    def _narrows(self) -> Self:
        if not any(getattr(self, name) not in ([], None, "") for name in self.model_fields_set):
            raise ValueError("an empty filter would mean every ticket; name at least one value")
        return self

    def filter(self) -> TicketFilter:
        """Return the filter that this body stands for."""
        given: dict[str, Any] = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            given[name] = tuple(value) if isinstance(value, list) else value
        given["q"] = given.get("q") or None
        return TicketFilter(**given)
