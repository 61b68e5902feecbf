"""From a form's texts to what the API's payloads hold, and from its errors back to the fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from app.api.problems import invalid_input
from app.errors import FieldError, FindingsError, InvalidInput

Model = TypeVar("Model", bound=BaseModel)
_NEWLINE = re.compile(r"\r\n?")


@dataclass(frozen=True)
class Refused:
    """A form that was not accepted, to be shown again as it was sent."""

    name: str
    """Which form of the page."""
    values: Mapping[str, str]
    problem: FindingsError

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by the name of the field."""
        if not isinstance(self.problem, InvalidInput):
            return {}
        return {
            item.pointer.lstrip("/").partition("/")[0]: item.detail for item in self.problem.errors
        }


@dataclass(frozen=True)
class Sent:
    """The texts of a form; lines end as everywhere else in the service."""

    values: Mapping[str, str]
    lists: Mapping[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field without space around it; empty when it is not there."""
        return self.values.get(name, "").strip()

    def given(self, *names: str) -> dict[str, Any]:
        """Return the fields that are not empty."""
        return {name: self.text(name) for name in names if self.text(name)}

    def lines(self, name: str) -> list[str]:
        """Return the lines of a field that are not empty."""
        return [line.strip() for line in self.text(name).split("\n") if line.strip()]

    def words(self, name: str) -> list[str]:
        """Return what a field names, parted by commas or space."""
        return [word for word in re.split(r"[,\s]+", self.text(name)) if word]

    def number(self, name: str) -> int | None:
        """Return a whole number, or None where the field is empty.

        Raises:
            InvalidInput: it is no number.
        """
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise InvalidInput(
                FieldError(f"/{name}", f"{name} should be a whole number, not {text[:20]!r}")
            )
        return int(text)


async def sent(request: Request) -> Sent:
    """Return the form of a request, which its route has checked."""
    if not hasattr(request.state, "sent"):
        request.state.sent = await _read(request.state.form)
    return cast("Sent", request.state.sent)


Given = Annotated[Sent, Depends(sent)]
"""The form of a request, for what handles it."""


async def _read(form: FormData) -> Sent:
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if not value.filename:
                continue
            text = (await value.read()).decode("utf-8", "replace")
        else:
            text = value
        text = _NEWLINE.sub("\n", text)
        values[name] = text
        lists.setdefault(name, []).append(text)
    return Sent(values, lists)


def parse(model: type[Model], body: Mapping[str, Any]) -> Model:
    """Return `body` as a payload of the API.

    Raises:
        InvalidInput: it does not fit, worded as the API words it.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        items = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise invalid_input(items, model, body) from None
