"""What a guest reports of its start and of the collection. See ``report_lines`` for the trust."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.sandbox.interface import CollectedTest
from app.sandbox.order import Order
from app.sandbox.report_lines import LineReader, Schema, Tampered, Text, cut, node_id

_MOST_WARNINGS, _MOST_MODULES = 200, 5000
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}")
_SCHEMA: Schema = {
    "hello": {"layers": (list,), "environment": (dict,)},
    "refused": {"layer": (str,), "reason": (str,)},
    "item": {
        "id": (str,),
        "doc": Text,
        "findings": (list,),
        "purpose": (str,),
        "oddities": (list,),
    },
    "broken": {"path": (str,), "message": (str,)},
    "skip": {"path": (str,), "message": (str,)},
    "warn": {"id": (str,), "category": (str,), "message": (str,)},
    "collected": {"threads": (int,), "shared": Text, "installed": (list,)},
}


@dataclass
class CollectionReader:
    """Takes the report's bytes as they come and keeps what they say."""

    order: Order
    layers: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    greeted: bool = False
    refused: tuple[str, str] | None = None
    """Layer and reason, when the cage did not close."""
    items: dict[str, CollectedTest] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """File → why it could not be collected."""
    skipped: dict[str, str] = field(default_factory=dict)
    """File → why it asked not to be collected."""
    warnings: list[str] = field(default_factory=list)
    threads: int | None = None
    """How many threads the guest has; None until it has collected."""
    shared: str | None = None
    """What its forks would share."""
    installed: tuple[str, ...] = ()
    """Modules of installed distributions that it has imported."""

    def __post_init__(self) -> None:
        self._lines = LineReader(self.order.token, _SCHEMA)

    def feed(self, data: bytes) -> None:
        """Read more. Raises `Tampered`."""
        for kind, fields in self._lines.feed(data):
            self._take(kind, fields)

    def _take(self, kind: str, fields: Mapping[str, Any]) -> None:
        if self.threads is not None:
            raise Tampered("the report goes on after its end")
        if self.greeted == (kind in ("hello", "refused")):
            raise Tampered("the report does not begin as it should")
        match kind:
            case "hello":
                self.greeted = True
                self.layers = tuple(str(layer) for layer in fields["layers"])
                self.environment = {str(k): str(v) for k, v in fields["environment"].items()}
            case "refused":
                self.greeted = True
                self.refused = (fields["layer"], fields["reason"])
            case "item":
                self._item(fields)
            case "broken":
                self.broken[node_id(fields["path"])] = cut(fields["message"])
            case "skip":
                self.skipped[node_id(fields["path"])] = cut(fields["message"])
            case "warn" if len(self.warnings) < _MOST_WARNINGS:
                self.warnings.append(told(fields, with_id=True))
            case "collected":
                self.threads = fields["threads"]
                self.shared = None if fields["shared"] is None else cut(fields["shared"])
                self.installed = tuple(
                    name
                    for name in fields["installed"][:_MOST_MODULES]
                    if isinstance(name, str) and _MODULE.fullmatch(name)
                )

    def _item(self, fields: Mapping[str, Any]) -> None:
        name = node_id(fields["id"])
        if name in self.items:
            raise Tampered(f"{name} was collected twice")
        oddities = tuple(cut(str(text)) for text in fields["oddities"][:10])
        self.items[name] = CollectedTest(
            node_id=name,
            path=name.partition("::")[0],
            doc=None if fields["doc"] is None else cut(fields["doc"]),
            findings=tuple(
                key for key in fields["findings"][:50] if isinstance(key, str) and len(key) < 200
            ),
            purpose="guards" if fields["purpose"] == "guards" else "demonstrates",
            warnings=oddities,
        )
        self.warnings += [f"{name}: {text}" for text in oddities]


def told(fields: Mapping[str, Any], *, with_id: bool = False) -> str:
    """A warning in words: its category unless it is ours, and what it says."""
    parts = [fields["id"] if with_id else "", fields["category"], fields["message"]]
    return cut(": ".join(part for part in parts if part))
