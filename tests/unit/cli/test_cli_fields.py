"""What the command knows of answers is what the service's schemas say."""

from __future__ import annotations

import json

import pytest

from app.api import payloads
from app.api.payloads import (
    accounts,
    bisections,
    calibration,
    exchange,
    mutants,
    queue,
    review_outputs,
    runs,
    tickets,
    views,
    work_orders,
)
from app.cli.catalogue import SECTIONS, Command, Group
from app.cli.fields import FIELDS
from app.cli.selection import Selection

MODULES = (
    accounts,
    bisections,
    calibration,
    exchange,
    mutants,
    queue,
    review_outputs,
    runs,
    tickets,
    views,
    work_orders,
    payloads,
)


def schema(name: str) -> list[str]:
    (found,) = {vars(module)[name] for module in MODULES if name in vars(module)}
    return [field.alias or key for key, field in found.model_fields.items()]


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_those_of_the_schema(name: str) -> None:
    assert sorted(FIELDS[name]) == sorted(schema(name))


def test_commands_name_answers_that_are_known() -> None:
    entries = [entry for part in SECTIONS.values() for entry in part.values()]
    entries += [c for group in entries if isinstance(group, Group) for c in group.commands.values()]
    named = {entry.answer for entry in entries if isinstance(entry, Command)} - {""}

    assert named == set(FIELDS)


@pytest.mark.parametrize("answer", [[{"a": 1, "b": 2}], {"items": [{"a": 1, "b": 2}]}])
def test_fields_of_a_list_are_those_of_its_items(answer: object) -> None:
    assert [json.loads(text) for text in Selection("a").of(answer, pretty=False)] == [[{"a": 1}]]
