"""A format of exports is a line and a file: every face has it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any, get_args

import pytest

from app.api.examples import TEXTS
from app.cli.catalogue import SECTIONS
from app.cli.commanding import made
from app.domain.exports import EXPORTS, ExportName
from app.formats.interface import Circumstances, Items


def test_the_names_are_those_of_the_contract() -> None:
    assert list(get_args(ExportName)) == list(EXPORTS)
    assert set(EXPORTS) >= {"markdown", "jsonl", "csv", "sarif", "openvex", "osv"}


def test_the_contract_shows_each_by_an_example() -> None:
    shown = {*TEXTS, "application/json", "application/zip"}

    assert {export.media_type.partition(";")[0] for export in EXPORTS.values()} <= shown


def test_no_two_formats_share_an_ending() -> None:
    assert len({export.suffix for export in EXPORTS.values()}) == len(EXPORTS)


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.writer])
def test_a_format_is_written_by_its_file(name: ExportName) -> None:
    module, _, kind = EXPORTS[name].writer.partition(":")
    said = Circumstances("https://findings.example", "1.0", "7d1c", datetime.now(UTC))

    writer = getattr(import_module(f"app.formats.{module}"), kind)(said)

    assert isinstance(writer.items, Items)
    assert isinstance(writer.opening() + writer.closing(), bytes)


def test_the_command_takes_every_format() -> None:
    entries: dict[str, Any] = {n: e for part in SECTIONS.values() for n, e in part.items()}
    options = {param.name: param for param in made(entries["export"], "export").params}

    assert list(options["form"].type.choices) == list(EXPORTS)  # type: ignore[attr-defined]
