"""Field types that several payloads share, with their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.domain import keys
from app.domain.accounts import ACCOUNT_NAME, SLUG
from app.domain.lifecycle import COMMIT

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNSEEN = re.compile(r"[\x80-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters beyond ASCII, and what turns the direction of the text behind it around."""
_BREAK = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*")


def _one_line(text: str) -> str:
    if not text.strip():
        raise ValueError("should not be blank")
    if _BREAK.search(text) or _CONTROL.search(text) or "\t" in text:
        raise ValueError("should be a single line without control characters")
    if found := _UNSEEN.search(text):
        raise ValueError(
            f"holds the invisible character U+{ord(found.group()):04X}, which makes a line look "
            "like another; leave it out"
        )
    return text.strip()


def _no_control(text: str) -> str:
    found = _CONTROL.search(text)
    if found:
        raise ValueError(f"holds the control character U+{ord(found.group()):04X}; leave it out")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("should not be blank")
    return _no_control(text)


def _key(text: str) -> str:
    stored = keys.canonical(text)
    if not keys.is_key(stored):
        raise ValueError(
            "should look like B2-DRL-10: capitals and digits in groups joined by hyphens, then a "
            f"number, at most {keys.MAX_LENGTH} characters"
        )
    return stored


def _any_key(text: str) -> str:
    stored = keys.canonical(text)
    return stored if keys.is_key(stored, allow_copy=True) else _key(text)


def _commit(text: str) -> str:
    if not COMMIT.fullmatch(text.lower()):
        raise ValueError("should be a commit: 7 to 40 hexadecimal digits, like 4f2a9c1")
    return text.lower()


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        raise ValueError("should be a slug: lower-case letters, digits and hyphens, at most 40")
    return text


def _account_name(text: str) -> str:
    if not ACCOUNT_NAME.fullmatch(text):
        raise ValueError("should be lower-case letters, digits, dots, hyphens, at most 64")
    return text


def _day(value: Any) -> Any:
    # A date alone: numbers would be read as seconds, and times as the day they fall on.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("should be a date like 2026-01-31")
    return value


def _within_years(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("should lie between the years 1 and 9999 in UTC") from None


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError("should be names joined by /, like kasmina or simic/rewards")
    return text


def _digits(value: object) -> object:
    # The parser of numbers would also take signs, spaces, underscores and fractions of nought.
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("should be a whole number, written in digits only")
    return value


Digits = BeforeValidator(_digits)
"""Of an integer in a query: digits, and nothing else."""

Title = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_one_line)]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_one_line)]
Summary = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_not_blank)]
Markdown = Annotated[str, Field(max_length=200_000), AfterValidator(_no_control)]
Rationale = Annotated[str, Field(max_length=50_000), AfterValidator(_no_control)]
Note = Annotated[str, Field(min_length=1, max_length=50_000), AfterValidator(_not_blank)]
Path = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_one_line)]
Key = Annotated[
    str, Field(max_length=keys.MAX_LENGTH, examples=["B2-DRL-10"]), AfterValidator(_key)
]
AnyKey = Annotated[
    str, Field(max_length=keys.MAX_LENGTH, examples=["B2-DRL-10"]), AfterValidator(_any_key)
]
Commit = Annotated[str, Field(max_length=40, examples=["4f2a9c1"]), AfterValidator(_commit)]
Slug = Annotated[str, Field(max_length=40, examples=["drl"]), AfterValidator(_slug)]
AccountName = Annotated[str, Field(max_length=64, examples=["ada"]), AfterValidator(_account_name)]
Domain = Annotated[str, Field(max_length=200, examples=["kasmina"]), AfterValidator(_domain)]
Moment = Annotated[AwareDatetime, AfterValidator(_within_years)]
Day = Annotated[date, BeforeValidator(_day)]
Batch = Annotated[int, Field(strict=True, ge=0, le=999_999, examples=[2])]
LineNumber = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]
Flag = Annotated[bool, Field(strict=True)]
Version = Annotated[int, Field(strict=True, ge=1)]
MAX_REF = 100
Ref = Annotated[
    str,
    Field(min_length=1, max_length=MAX_REF, examples=["first"]),
    AfterValidator(_one_line),
]
ExternalRef = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)
]


class Input(BaseModel):
    """A body, or a part of one: fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


class Patch(Input):
    """A merge patch: what is left out stays as it is, whatever stands here in its place."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it without defaults: a client that sends them would reset what it leaves."""
        described = handler(schema)
        for field in handler.resolve_ref_schema(described)["properties"].values():
            field.pop("default", None)
        return described


def declared(name: str, base: type[Input], fields: Mapping[str, Any]) -> Any:
    """Return a model with fields that a table declares, to be the base of one with a docstring."""
    return create_model(name, __base__=base, **fields)


class Output(BaseModel):
    """What is answered; documented here, and built from domain objects."""


class CountedOut(Output):
    """A page of a list that can be counted."""

    total: int | None = Field(None, description="With `count=true`.")
    total_is: str | None = Field(None, description="`exact` or `at-least`.")
