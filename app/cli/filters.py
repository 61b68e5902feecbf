"""The filters that every list of tickets takes: the list itself, exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from app.cli.signature import Option, Options
from app.domain.filters import FILTERS, Filter

_LIST: Any = list


def _option(name: str, asked: Filter) -> Any:
    if asked.is_flag:
        return Annotated[bool, Option(f"--{name}/--{asked.otherwise}", help=asked.meaning)]
    if asked.is_single:
        return Annotated[str, Option(help=asked.meaning)]
    kind, metavar = (int, "N") if asked.values == "number" else (str, "WORD")
    return Annotated[_LIST[kind], Option(metavar=metavar, help=f"{asked.meaning} Repeatable.")]


class TicketFilters(Options):
    """Which tickets are meant: any of the values of one filter, and all filters together."""

    declared: ClassVar[Mapping[str, Any]] = {
        name: _option(name, asked) for name, asked in FILTERS.items()
    }


Sort = Annotated[
    str | None,
    Option(
        help="-created (default), updated, severity, key, title, status, evidence, reviews or "
        "agent; with - backwards. Or strength."
    ),
]
