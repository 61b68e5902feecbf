"""Remedies as one caller reads them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.accounts import Account, Role
from app.domain.gate_calls import (
    Call,
    answer_objection,
    confirm_review,
    endorse,
    link_test,
    move,
    put_patch,
    submit_test,
    trigger_run,
)
from app.domain.remedies import Caller, for_caller

KEY, REVIEW = "B2-DRL-10", UUID(int=7)


def caller(
    name: str = "ada",
    role: str = "reporter",
    *speaks_for: str,
    owns: bool = False,
    strict: bool = True,
) -> Caller:
    account = Account(id=UUID(int=1), name=name, role=Role(role), speaks_for=speaks_for)
    return Caller(account, owns=owns, strict=strict)


@pytest.mark.parametrize(
    ("call", "reader", "needs"),
    [
        (put_patch(KEY, "fix"), caller(), "reviewer"),
        (put_patch(KEY, "fix"), caller(owns=True), None),
        (put_patch(KEY, "fix"), caller(owns=True, strict=False), "maintainer"),
        (put_patch(KEY, "fix"), caller("rob", "reviewer"), None),
        (put_patch(KEY, "fix"), caller("rob", "reviewer", strict=False), "maintainer"),
        (put_patch(KEY, "fix"), caller("max", "maintainer", strict=False), None),
        (link_test(KEY), caller(owns=True), "reviewer"),
        (submit_test(KEY), caller(owns=True), None),
        (submit_test(KEY), caller(), "reviewer"),
        (
            submit_test(KEY),
            caller("max", "maintainer", strict=False),
            "a machine where every layer of isolation works",
        ),
        (trigger_run(KEY, "check"), caller(owns=True), "reviewer"),
        (move(KEY, {"to": "in-review"}), caller(owns=True), None),
        (move(KEY, {"to": "in-review"}), caller(), "reviewer"),
        (move(KEY, {"to": "closed"}), caller("rob", "reviewer"), "maintainer"),
        (confirm_review(KEY, REVIEW, "bob"), caller("max", "maintainer"), "bob"),
        (confirm_review(KEY, REVIEW, "bob"), caller("bob", "reviewer"), None),
        (endorse(KEY, ("pytorch",), "ada"), caller(), "reviewer"),
        (endorse(KEY, ("pytorch",), "ada"), caller("rob", "reviewer", "human"), "pytorch"),
        (
            endorse(KEY, ("pytorch",), "max"),
            caller("max", "maintainer"),
            "an account other than max",
        ),
    ],
)
def test_who_is_needed_where_the_reader_may_not(
    call: Call, reader: Caller, needs: str | None
) -> None:
    assert for_caller(call, reader).needs == needs


def test_a_review_is_asked_as_a_specialist_that_the_reader_speaks_for() -> None:
    call = for_caller(endorse(KEY, ("pytorch", "human"), "ada"), caller("rob", "reviewer", "human"))

    assert (call.needs, call.as_body()["body"]["specialist"]) == (None, "human")


def test_of_calls_that_do_as_well_those_stay_that_the_reader_may_make() -> None:
    either = replace(link_test(KEY), any_of=(submit_test(KEY),))

    assert for_caller(either, caller(owns=True)) == submit_test(KEY)
    both = for_caller(either, caller("rob", "reviewer")).as_body()
    assert [way["body"] for way in both["any_of"]] == [
        link_test(KEY).body,
        submit_test(KEY).body,
    ]
    neither = for_caller(either, caller("ron", "reader")).as_body()
    assert [way["needs"] for way in neither["any_of"]] == ["reviewer", "reviewer"]


def test_an_objection_is_withdrawn_by_its_author_or_decided_by_a_maintainer() -> None:
    answer = answer_objection(KEY, REVIEW, "bob")

    told = for_caller(answer, caller("bob", "reviewer"))
    assert (told.needs, told.as_body()["body"]["resolution"]) == (None, "withdrawn")
    assert for_caller(answer, caller("max", "maintainer")).as_body()["body"] == answer.body
    told = for_caller(answer, caller("rob", "reviewer"))
    assert [way["needs"] for way in told.as_body()["any_of"]] == ["maintainer", "bob"]


def test_what_follows_says_who_is_needed_too() -> None:
    call = replace(put_patch(KEY, "fix"), then=(trigger_run(KEY, "proof"),))

    told = for_caller(call, caller(owns=True)).as_body()

    assert "needs" not in told
    assert [step["needs"] for step in told["then"]] == ["reviewer"]
