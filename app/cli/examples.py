"""Example tickets: read from a folder, and put into a service that lacks them.

A file holds a table ``ticket`` (the body of a new ticket, with its key) and tables ``reviews``
(bodies of cross-reviews, each naming its specialist). Where something else than a proof is to be
seen it says so: ``run`` (``check`` or ``none``), the outcome to ``expect``, files of ``tests``
(``filename``, ``source``), ``patches`` by name, why it is ``not_testable``, and the ``step`` (body
of a transition) that settles it. One about a package of its own names the ``repository`` beside its
folder, and the revision ``after`` which the defect is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.drafts import ticket_in
from app.cli.errors import Refused, UsageProblem
from app.cli.inputs import read_table
from app.cli.patches import defects_in, put_patch, put_text
from app.cli.text import visible

if TYPE_CHECKING:
    from app.cli.client import Client

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "tickets"
"""The examples that come with the service: a ticket for each finding of the suite."""

OUTCOMES = (
    "proven",
    "cannot-fail",
    "not-fixed",
    "breaks-others",
    "inconclusive",
    "error",
    "timed-out",
    "passed",
    "failed",
)
"""How a proof, or a check, may end."""

_RUNS = ("proof", "check", "none")

_SHOWN_BY = {
    "proven": "proven",
    "fix-ready": "proven",
    "regressed": "proven",
    "reproduced": "failed",
    "passing": "passed",
    "cannot-fail": "cannot-fail",
}
"""How a run has ended, by the state of evidence that it decided."""


@dataclass(frozen=True)
class Example:
    """An example as its file has it."""

    key: str
    ticket: dict[str, Any]
    reviews: tuple[dict[str, Any], ...]
    expected: str
    """How its run should end."""
    run: str = "proof"
    """``proof``, ``check`` or ``none``."""
    tests: tuple[dict[str, Any], ...] = ()
    patches: Mapping[str, str] = field(default_factory=dict)
    """Texts by name, beside the suite's own defects."""
    not_testable: str | None = None
    step: Mapping[str, Any] | None = None
    repository: Path | None = None
    """The target it speaks of, where that is not the one that ships."""
    after: str | None = None
    """The revision that its proof takes for the repaired one."""

    @property
    def asked(self) -> dict[str, str]:
        """The body that asks for its run."""
        return {"kind": self.run} | ({"after": self.after} if self.after else {})


@dataclass
class Loaded:
    """What became of an example."""

    example: Example
    result: str
    """``filed``; ``completed`` with what was missing; ``unchanged``; ``left-alone``, because the
    service has another ticket under its key."""
    reviews: list[str] = field(default_factory=list)
    """Specialists whose reviews were recorded."""
    patches: list[str] = field(default_factory=list)
    """Names of the patches that were stored."""
    tests: list[str] = field(default_factory=list)
    """Names of the test files that were handed in."""
    run: str | None = None
    """The run's id."""
    outcome: str | None = None
    """How the run ended; None when there was none, or it was refused."""
    reason: str = ""
    """Why, in words."""
    status: str = "open"
    """The ticket's."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be run."""
        settled = self.outcome is not None or bool(self.reason) or self.example.run == "none"
        return self.result == "left-alone" or settled

    @property
    def is_as_expected(self) -> bool:
        """Whether the proof ended as the example says; true of a ticket that was left alone."""
        if self.result == "left-alone" or (self.example.run == "none" and not self.reason):
            return True
        return self.outcome == self.example.expected

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "key": self.example.key,
            "result": self.result,
            "reviews": self.reviews,
            "patches": self.patches,
            "tests": self.tests,
            "status": self.status,
            "run": self.run,
            "outcome": self.outcome,
            "expected": self.example.expected,
            "reason": self.reason,
        }


def read_examples(folder: Path) -> list[Example]:
    """Return the examples of a folder; one that relates to another comes after it.

    Raises:
        UsageProblem: there is none, or one is laid out in another way.
    """
    found: dict[str, Example] = {}
    for path in sorted(folder.glob("*.toml")):
        example = _read(path)
        if example.key in found:
            raise UsageProblem(f"two files in {visible(folder)} hold {example.key}")
        found[example.key] = example
    if not found:
        raise UsageProblem(
            f"there is no example in {visible(folder)}", "Say with --from where the files lie"
        )
    return [found[key] for key in _in_order(found)]


def _read(path: Path) -> Example:
    ticket, reviews = ticket_in(str(path))
    more = read_table(str(path))
    key, name = ticket.get("key"), visible(path.name)
    if not isinstance(key, str):
        raise UsageProblem(f"the ticket in {name} has no key", "Give it one like B2-DRL-10")
    if not all(isinstance(review, dict) and review.get("specialist") for review in reviews):
        raise UsageProblem(f"a review in {name} does not name its specialist")
    for word, allowed in (("expect", OUTCOMES), ("run", _RUNS)):
        if more.get(word, allowed[0]) not in allowed:
            raise UsageProblem(f"{word} in {name} should be one of {', '.join(allowed)}")
    return Example(
        key,
        ticket,
        tuple(reviews),
        more.get("expect", OUTCOMES[0]),
        run=more.get("run", _RUNS[0]),
        tests=tuple(more.get("tests", ())),
        patches=more.get("patches", {}),
        not_testable=more.get("not_testable"),
        step=more.get("step"),
        repository=path.parents[1] / more["repository"] if "repository" in more else None,
        after=more.get("after"),
    )


def _in_order(examples: Mapping[str, Example]) -> list[str]:
    """Return the keys so that a relation names a ticket that is there already."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for key, example in examples.items():
        others = {str(relation.get("key")) for relation in example.ticket.get("relations") or ()}
        sorter.add(key, *(others & examples.keys()))
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise UsageProblem(
            f"examples relate to each other in a circle: {circle}",
            "State each relation in one of its two tickets",
        ) from None
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def load(client: Client, example: Example, defects: Path) -> Loaded:
    """File an example with what belongs to it, or add what is missing of it.

    A ticket that has the example's key but another title is somebody's own, and left alone.

    Raises:
        Refused: the service does not take it.
    """
    ticket = _find(client, example.key)
    if ticket is None:
        ticket = client.post("tickets", body=example.ticket, key=_new_key())
        loaded = Loaded(example, "filed")
    elif ticket.get("title") != example.ticket.get("title"):
        return Loaded(example, "left-alone", reason="the service has another ticket of this key")
    else:
        loaded = Loaded(example, "unchanged")
    _add_reviews(client, loaded, ticket)
    _add_patches(client, loaded, ticket, defects)
    _add_tests(client, loaded, ticket)
    loaded.status = str(ticket.get("status", loaded.status))
    if loaded.result == "unchanged" and (loaded.reviews or loaded.patches or loaded.tests):
        loaded.result = "completed"
    if not loaded.patches and not loaded.tests:
        _take_over_evidence(loaded, ticket.get("evidence") or {})
    return loaded


def _find(client: Client, key: str) -> dict[str, Any] | None:
    try:
        ticket: dict[str, Any] = client.get("tickets", key)
    except Refused as error:
        if error.status == 404:
            return None
        raise
    return ticket


def _add_reviews(client: Client, loaded: Loaded, ticket: Mapping[str, Any]) -> None:
    present = {review.get("specialist") for review in ticket.get("reviews") or ()}
    for review in loaded.example.reviews:
        if review["specialist"] not in present:
            client.post("tickets", loaded.example.key, "reviews", body=review, key=_new_key())
            loaded.reviews.append(str(review["specialist"]))


def _add_patches(client: Client, loaded: Loaded, ticket: Mapping[str, Any], defects: Path) -> None:
    present = ticket.get("patches") or {}
    for name, path in defects_in(defects, loaded.example.key).items():
        if name not in present:
            put_patch(client, loaded.example.key, name, str(path))
            loaded.patches.append(name)
    for name, text in loaded.example.patches.items():
        if name not in present:
            put_text(client, loaded.example.key, name, text.encode())
            loaded.patches.append(name)


def _add_tests(client: Client, loaded: Loaded, ticket: Mapping[str, Any]) -> None:
    key, reason = loaded.example.key, loaded.example.not_testable
    links = ticket.get("tests") or ()
    for test in loaded.example.tests:
        if not any(f"/{test['filename']}" in str(link.get("node_id")) for link in links):
            client.post("tickets", key, "tests", body=test)
            loaded.tests.append(str(test["filename"]))
    if reason is not None and not ticket.get("testability"):
        body = json.dumps({"state": "not-testable", "reason": reason}).encode()
        headers = {"Content-Type": "application/json"}
        client.call("PUT", "tickets", key, "testability", content=body, headers=headers)


def settle(client: Client, loaded: Loaded) -> None:
    """Take the step that an example ends with, where its run ended as it should.

    Raises:
        Refused: the service does not take it.
    """
    step = loaded.example.step
    if step is None or loaded.status != "open" or loaded.result == "left-alone":
        return
    if loaded.is_as_expected:
        moved = client.post("tickets", loaded.example.key, "transitions", body=step)
        loaded.status = str(moved.get("status", ""))


def _take_over_evidence(loaded: Loaded, evidence: Mapping[str, Any]) -> None:
    """Count what is known and still holds, in the place of another proof."""
    outcome = _SHOWN_BY.get(str(evidence.get("state")))
    if outcome == loaded.example.expected and not evidence.get("stale"):
        loaded.outcome = loaded.example.expected
        loaded.run = str(evidence["run"]) if evidence.get("run") else None


def _new_key() -> str:
    from app.cli.client import new_key

    return new_key()
