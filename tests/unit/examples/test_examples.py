"""The shipped examples: one for each finding of the suite, fit to be filed, worth reading."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

import app
from app.api.payloads.reviews import ReviewIn
from app.api.payloads.tickets import TicketIn
from app.cli.examples import EXAMPLES, Example, read_examples
from app.cli.patches import DEFECTS, defects_in
from app.domain.targets import EXAMPLE
from app.domain.tickets import Category, Severity

ROOT = Path(app.__file__).parents[1]
SUITE = ROOT / "tests" / "verification"
SPECIALISTS = {"drl": "DRL", "pytorch": "PT", "codereview": "CR"}
EACH = {example.key: example for example in read_examples(EXAMPLES)}
OF_EACH = pytest.mark.parametrize("example", EACH.values(), ids=EACH)
OF_SUITE = {key: example for key, example in EACH.items() if not key.startswith("SHOW-")}
"""Those of the suite's findings; the others show the states that a ticket can be in."""


def marked_keys(source: str) -> set[str]:
    """The keys that the markers in a test file name."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {
        argument.value
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.finding"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def refuted_keys() -> Iterator[str]:
    """The findings whose test file says that they turned out false."""
    for path in SUITE.glob("test_*.py"):
        source = path.read_text()
        if "Refuted" in (ast.get_docstring(ast.parse(source)) or ""):
            yield from marked_keys(source)


def test_every_finding_has_an_example_and_no_example_is_without() -> None:
    suite = set().union(*(marked_keys(path.read_text()) for path in SUITE.glob("test_*.py")))
    assert len(suite) >= 28
    assert set(OF_SUITE) == suite
    assert {path.stem for path in EXAMPLES.glob("*.toml")} == set(EACH)


def test_each_state_is_shown_by_an_example() -> None:
    shown = [example for key, example in EACH.items() if key not in OF_SUITE]

    assert {(example.run, example.expected, "fix" in example.patches) for example in shown} >= {
        ("check", "failed", False),
        ("proof", "proven", True),
        ("proof", "cannot-fail", False),
    }
    steps = [example.step for example in shown if example.step]
    resolutions = [(step["resolution"], "waiver" in step) for step in steps]
    assert sorted(resolutions) == [("already-fixed", False), ("fixed", True), ("not-a-bug", False)]
    verdicts = [{body["verdict"] for body in example.reviews} for example in shown]
    assert {"ENDORSE", "OBJECT", "NEUTRAL"} in verdicts


@OF_EACH
def test_the_service_takes_the_ticket(example: Example) -> None:
    ticket = TicketIn.model_validate_json(json.dumps(example.ticket))
    assert ticket.domains == ["kasmina" if example.repository is None else EXAMPLE]
    assert ticket.categories and ticket.sections and ticket.checklist and ticket.reports
    assert ticket.reported_on is not None
    # A list on a terminal, and the reader of it, have about so much room.
    assert len(ticket.title) <= 100
    assert len(ticket.summary) <= 400


@OF_EACH
def test_the_service_takes_the_reviews(example: Example) -> None:
    reviews = [ReviewIn.model_validate_json(json.dumps(body)) for body in example.reviews]
    names = [review.specialist for review in reviews]
    assert 2 <= len(reviews) <= 3
    assert len(set(names)) == len(names)
    assert set(names) <= {*SPECIALISTS, "human"}
    assert all(review.rationale.strip() for review in reviews)


@pytest.mark.parametrize("example", OF_SUITE.values(), ids=OF_SUITE)
def test_batch_and_agent_are_those_of_the_key(example: Example) -> None:
    match = re.fullmatch(r"B(\d+)-([A-Z]+)-\d+", example.key)
    agent = example.ticket["agent"]
    if match:
        assert (str(example.ticket["batch"]), SPECIALISTS[agent]) == match.groups()
    else:
        assert agent == "human"


@OF_EACH
def test_locations_are_to_be_found(example: Example) -> None:
    for place in example.ticket["locations"]:
        assert place["path"].startswith(example.ticket["domains"][0] + "/")
        name = place["symbol"].removesuffix("()").rpartition(".")[2]
        assert re.search(rf"\b{name}\b", content(example.repository, place["path"]))


def content(repository: Path | None, path: str) -> str:
    """A file of the package that an example speaks of."""
    if repository is None:
        return (ROOT / path).read_text()
    return str(pygit2.Repository(str(repository)).revparse_single(f"HEAD:{path}").data.decode())


@pytest.mark.parametrize("example", OF_SUITE.values(), ids=OF_SUITE)
def test_there_is_a_defect_to_plant(example: Example) -> None:
    assert "defect" in defects_in(DEFECTS, example.key)
    assert example.expected == "proven"


def test_relations_name_examples_that_are_filed_before() -> None:
    order = list(EACH)
    for key, example in EACH.items():
        for relation in example.ticket.get("relations", []):
            assert order.index(relation["key"]) < order.index(key)


def test_findings_of_one_test_are_told_to_be_related() -> None:
    """Who reads one of two tickets about the same line should be led to the other."""
    linked = {
        (key, relation["key"])
        for key, example in EACH.items()
        for relation in example.ticket.get("relations", [])
    }
    reached = {key for pair in linked for key in pair}
    for path in SUITE.glob("test_*.py"):
        keys = marked_keys(path.read_text())
        assert len(keys) == 1 or keys <= reached, path.name


@pytest.mark.parametrize("key", sorted(refuted_keys()))
def test_somebody_objects_to_a_refuted_claim(key: str) -> None:
    reviews = EACH[key].reviews
    assert any((body["verdict"], body.get("claim")) == ("OBJECT", "false") for body in reviews)


def test_there_are_refuted_claims() -> None:
    assert len(set(refuted_keys())) >= 4


def test_opinions_and_severities_vary() -> None:
    severities = Counter(example.ticket["severity"] for example in EACH.values())
    assert set(severities) == set(Severity)
    reviews = [body for example in EACH.values() for body in example.reviews]
    verdicts = Counter(body["verdict"] for body in reviews)
    assert min(verdicts[word] for word in ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")) >= 8
    assert {body.get("claim") for body in reviews} >= {"true", "partly", "false", "not-checked"}
    assert {body.get("fix") for body in reviews} >= {"agree", "disagree", "other"}
    used = {word for example in EACH.values() for word in example.ticket["categories"]}
    assert used == set(Category)
