"""Searches through histories of which the truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import pytest

from app.domain.bisection.course import Course, Want
from app.domain.bisection.graph import Graph, Node
from app.domain.bisection.looks import Looks
from app.domain.bisection.run import count, glance, nothing_shown, telling
from app.domain.bisection.search import (
    Answer,
    BisectionOutcome,
    Direction,
    Search,
    Seen,
    Why,
    returning,
    search,
)
from app.domain.causes import Cause
from app.domain.runs import TestOutcome, TestResult

GOOD, BAD, SKIP = Seen.GOOD, Seen.BAD, Seen.SKIP


def line(
    states: Sequence[Seen], trees: Sequence[str] | None = None
) -> tuple[Graph, dict[str, Seen]]:
    """A history without branches, the oldest first; each commit has a tree of its own."""
    names = [f"c{number:04}" for number in range(len(states))]
    nodes = [
        Node(name, (names[n - 1],) if n else (), trees[n] if trees else name)
        for n, name in enumerate(names)
    ]
    return Graph(nodes, {}), dict(zip(names, states, strict=True))


def follow(found: Search, truth: Mapping[str, Seen]) -> tuple[Answer, list[tuple[str, Why]]]:
    """Run a search to its end; return the answer and what was looked at, what is known once."""
    looked: list[tuple[str, Why]] = []
    try:
        probe = next(found)
        while True:
            looked.append((probe.commit, probe.why))
            probe = found.send(truth[probe.commit])
    except StopIteration as end:
        return end.value, looked


def introduced(graph: Graph, truth: Mapping[str, Seen], **more: object) -> Answer:
    names = list(truth)
    return follow(search(graph, names[0], names[-1], Direction.INTRODUCED, **more), truth)[0]  # type: ignore[arg-type]


def runs(looked: Sequence[tuple[str, Why]]) -> int:
    return len({commit for commit, _ in looked}) + sum(why is Why.CONFIRM for _, why in looked)


@pytest.mark.parametrize("count", [2, 3, 64, 1000])
def test_the_first_bad_commit_is_found_in_few_runs(count: int) -> None:
    for first in {1, count // 3 or 1, count // 2, count - 1}:
        graph, truth = line([GOOD] * first + [BAD] * (count - first))
        answer, looked = follow(
            search(graph, "c0000", f"c{count - 1:04}", Direction.INTRODUCED), truth
        )
        assert (answer.outcome, answer.first) == (BisectionOutcome.EXACT, f"c{first:04}")
        assert runs(looked) <= math.log2(count) + 6


def test_the_first_good_commit_is_found() -> None:
    graph, truth = line([BAD] * 40 + [GOOD] * 24)
    answer, _ = follow(search(graph, "c0000", "c0063", Direction.FIXED), truth)
    assert (answer.outcome, answer.first, answer.last) == (BisectionOutcome.EXACT, "c0040", "c0040")


def test_commits_that_leave_the_packages_alone_are_never_looked_at_nor_named() -> None:
    trees = [f"t{number // 10}" for number in range(100)]
    graph, truth = line([GOOD] * 50 + [BAD] * 50, trees)
    answer, looked = follow(search(graph, "c0000", "c0099", Direction.INTRODUCED), truth)
    assert answer.first == "c0050"
    halves = [commit for commit, why in looked if why is Why.HALF]
    assert all(commit.endswith("0") for commit in halves)
    assert len(halves) <= math.log2(10) + 1


def test_skips_beside_the_change_give_a_range_that_holds_it() -> None:
    states = [GOOD] * 30 + [SKIP] * 10 + [BAD] * 24
    graph, truth = line(states)
    answer, looked = follow(search(graph, "c0000", "c0063", Direction.INTRODUCED), truth)
    assert answer.outcome is BisectionOutcome.RANGE
    assert answer.candidates == tuple(f"c{n:04}" for n in range(30, 41))
    assert (answer.first, answer.last) == ("c0030", "c0040")
    assert len(looked) <= math.log2(64) + 6 + 10


def test_a_long_stretch_that_cannot_be_judged_is_left_quickly() -> None:
    graph, truth = line([GOOD] * 100 + [SKIP] * 500 + [GOOD] * 200 + [BAD] * 200)
    answer, looked = follow(search(graph, "c0000", "c0999", Direction.INTRODUCED), truth)
    assert answer.first == "c0800"
    assert len(looked) < 40


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([BAD, GOOD, BAD], "the tests fail at from"),
        ([GOOD, BAD, GOOD], "the tests pass at to, c0002"),
        ([GOOD, BAD, GOOD], "(--to), or look for the commit that fixed it: direction fixed"),
        ([GOOD], "the tests pass at to, c0000"),
        ([SKIP, GOOD, BAD], "from, c0000, cannot be judged"),
        ([GOOD, GOOD, SKIP], "to, c0002, cannot be judged"),
    ],
)
def test_ends_that_are_not_what_they_should_be_are_told(states: list[Seen], told: str) -> None:
    answer = introduced(*line(states))
    assert answer.outcome is BisectionOutcome.INCONCLUSIVE
    assert told in answer.reason


def test_what_came_went_and_came_back_is_told_as_stretches() -> None:
    states = [GOOD] * 20 + [BAD] * 30 + [GOOD] * 25 + [BAD] * 25
    trees = [f"t{n}" for n in range(100)]
    trees[50] = trees[19]  # taken back
    graph, truth = line(states, trees)
    suspects = returning(zip(truth, trees, strict=True))
    assert suspects == {"c0050"}
    answer = introduced(graph, truth, suspects=suspects)
    assert answer.outcome is BisectionOutcome.INTERVALS
    assert [(one.first, one.last, one.exact) for one in answer.intervals] == [
        ("c0020", "c0049", True),
        ("c0075", None, True),
    ]
    assert answer.first == "c0020"


def test_a_suspect_that_is_none_costs_no_more_than_the_coarse_points() -> None:
    graph, truth = line([GOOD] * 500 + [BAD] * 500)
    answer, looked = follow(
        search(graph, "c0000", "c0999", Direction.INTRODUCED, frozenset({"c0300"})), truth
    )
    assert answer.first == "c0500"
    assert sum(why is Why.COARSE for _, why in looked) <= 18


@pytest.mark.parametrize("seed", range(60))
def test_in_any_graph_of_merges_no_wrong_commit_is_named(seed: int) -> None:
    random_ = random.Random(seed)
    count = random_.choice([20, 80, 300])
    names = [f"c{number:04}" for number in range(count)]
    parents: list[tuple[int, ...]] = [()]
    for number in range(1, count):
        first = (
            number - 1 if random_.random() < 0.7 else random_.randrange(max(0, number - 12), number)
        )
        second = random_.randrange(max(0, number - 20), number)
        merge = random_.random() < 0.3 and second != first
        parents.append((first, second) if merge else (first,))
    # What no later commit has as a parent is merged by the last.
    used = {parent for found in parents for parent in found}
    tips = [n for n in range(count - 1) if n not in used]
    parents[-1] = tuple(dict.fromkeys((count - 2, *tips)))
    ancestors: list[set[int]] = []
    for number, found in enumerate(parents):
        ancestors.append({number}.union(*(ancestors[parent] for parent in found)))
    culprit = random_.randrange(1, count)
    untouched = {n for n in range(1, count) if n != culprit and random_.random() < 0.3}
    skips = {n for n in range(1, count - 1) if random_.random() < 0.15}
    trees: list[str] = []
    for number, found in enumerate(parents):
        plain = number in untouched and len(found) == 1
        trees.append(trees[found[0]] if plain else names[number])
    owner = {tree: number for number, tree in reversed(list(enumerate(trees)))}
    states = {
        names[n]: SKIP if owner[trees[n]] in skips else BAD if culprit in ancestors[n] else GOOD
        for n in range(count)
    }
    nodes = [Node(names[n], tuple(names[p] for p in parents[n]), trees[n]) for n in range(count)]
    if states[names[-1]] is not BAD:
        return  # the last commit has the tree of one that cannot be judged
    answer = introduced(Graph(nodes, {}), states)

    if answer.outcome is BisectionOutcome.EXACT:
        assert answer.first == names[culprit]
    else:
        assert answer.outcome is BisectionOutcome.RANGE, answer.reason
        assert names[culprit] in answer.candidates
    if not skips:
        assert answer.outcome is BisectionOutcome.EXACT


# --- tests that flip -----------------------------------------------------------------------------


def course_of(count: int, first: int, bad: float, good: float, seed: int) -> tuple[Answer, float]:
    """Search a line where tests fail at these rates; return the answer and the confidence."""
    graph, truth = line([GOOD] * first + [BAD] * (count - first))
    random_ = random.Random(seed)
    course = Course(graph, "c0000", f"c{count - 1:04}", Direction.INTRODUCED)
    while isinstance(want := course.step(), Want):
        rate = bad if truth[want.commit] is BAD else good
        fails = sum(random_.random() < rate for _ in range(want.looks))
        course.record(want, Looks(fails, want.looks - fails))
    return want, course.confidence


@pytest.mark.parametrize(
    ("bad", "good"), [(0.3, 0.0), (0.7, 0.0), (1.0, 0.3), (0.9, 0.1), (1.0, 0.0)]
)
def test_a_test_that_flips_leads_to_the_commit_and_never_to_a_wrong_one(
    bad: float, good: float
) -> None:
    exact = 0
    for seed in range(40):
        first = 1 + seed * 37 % 998
        answer, confidence = course_of(1000, first, bad, good, seed)
        if answer.outcome is BisectionOutcome.EXACT:
            assert answer.first == f"c{first:04}"
            assert confidence >= 0.9
            exact += 1
        elif answer.outcome is BisectionOutcome.RANGE:
            assert f"c{first:04}" in answer.candidates
        else:
            assert answer.outcome is BisectionOutcome.INCONCLUSIVE
    assert exact >= 36


def test_what_bounds_a_range_is_looked_at_again() -> None:
    """A test that flips on a stretch passes there by chance, beside commits that show nothing."""
    graph, truth = line([GOOD] * 45 + [BAD] * 5 + [SKIP] * 5 + [BAD] * 45)
    course = Course(graph, "c0000", "c0099", Direction.INTRODUCED)
    while isinstance(want := course.step(), Want):
        if truth[want.commit] is SKIP:
            course.record(want, Looks(others=want.looks))
        elif truth[want.commit] is GOOD or (want.looks == 1 and want.commit < "c0050"):
            course.record(want, Looks(0, want.looks))
        else:
            fails = want.looks - (want.looks // 3 if want.commit < "c0050" else 0)
            course.record(want, Looks(fails, want.looks - fails))

    assert (want.outcome, want.first) == (BisectionOutcome.EXACT, "c0045")


def test_a_test_that_flips_alike_everywhere_says_nothing() -> None:
    for seed in range(20):
        answer, _ = course_of(300, 100, 0.3, 0.3, seed)
        assert answer.outcome is BisectionOutcome.INCONCLUSIVE


def test_a_test_that_flips_only_between_the_ends_leads_to_no_wrong_commit() -> None:
    """From c0300 on it fails now and then, from c0600 on always."""
    exact = 0
    for seed in range(40):
        graph, _ = line([GOOD] * 1000)
        random_ = random.Random(seed)
        course = Course(graph, "c0000", "c0999", Direction.INTRODUCED)
        while isinstance(want := course.step(), Want):
            number = int(want.commit[1:])
            rate = 0.0 if number < 300 else 0.3 if number < 600 else 1.0
            fails = sum(random_.random() < rate for _ in range(want.looks))
            course.record(want, Looks(fails, want.looks - fails))
        if want.outcome is BisectionOutcome.EXACT:
            assert want.first == "c0300"
            exact += 1
        else:
            assert want.outcome in (BisectionOutcome.RANGE, BisectionOutcome.INCONCLUSIVE)
    assert exact >= 36


def test_what_is_known_before_the_end_holds_the_commit_also_where_it_came_and_went() -> None:
    graph, truth = line([GOOD] * 20 + [BAD] * 30 + [GOOD] * 25 + [BAD] * 25)
    for direction, new, change in (
        (Direction.INTRODUCED, "c0099", "c0020"),
        (Direction.FIXED, "c0070", "c0050"),
    ):
        old = "c0000" if direction is Direction.INTRODUCED else "c0025"
        course = Course(graph, old, new, direction, suspects={"c0050"})
        asked = 0
        while isinstance(want := course.step(), Want):
            found = course.partial("Spent.")
            if asked >= 2:
                assert change in found.candidates
            asked += 1
            is_bad = truth[want.commit] is BAD
            course.record(want, Looks(want.looks, 0) if is_bad else Looks(0, want.looks))


def test_a_course_goes_on_with_what_is_known() -> None:
    graph, truth = line([GOOD] * 700 + [BAD] * 300)

    def looked_at(known: dict[str, Looks], stop_after: int) -> tuple[list[str], Want | Answer]:
        course = Course(graph, "c0000", "c0999", Direction.INTRODUCED)
        course.recall(known)
        commits: list[str] = []
        while isinstance(want := course.step(), Want) and len(commits) < stop_after:
            looks = Looks(want.looks, 0) if truth[want.commit] is BAD else Looks(0, want.looks)
            commits.append(want.commit)
            known[want.commit] = known.get(want.commit, Looks()) + looks
            course.record(want, looks)
        return commits, want

    known: dict[str, Looks] = {}
    before, _ = looked_at(known, 7)
    after, answer = looked_at(known, 99)
    assert isinstance(answer, Answer)
    assert answer.first == "c0700"
    assert not set(before) & set(after[:-2])


def test_what_cannot_be_read_is_never_looked_at() -> None:
    nodes = [
        Node(f"c{n}", (f"c{n - 1}",) if n else (), None if 3 <= n <= 5 else f"t{n}")
        for n in range(9)
    ]
    course = Course(Graph(nodes, {}), "c0", "c8", Direction.INTRODUCED)
    while isinstance(want := course.step(), Want):
        assert want.commit not in ("c3", "c4", "c5")
        course.record(
            want, Looks(want.looks, 0) if int(want.commit[1:]) >= 5 else Looks(0, want.looks)
        )
    assert want.candidates == ("c3", "c4", "c5", "c6")


# --- what one look shows -------------------------------------------------------------------------


def failed(signature: str, cause: Cause, outcome: TestOutcome = TestOutcome.FAILED) -> TestResult:
    return TestResult("t.py::a", outcome, phase="call", signature=signature, cause=cause)


@pytest.mark.parametrize(
    ("result", "seen"),
    [
        (failed("AssertionError at t.py::a+3", Cause.ASSERTION), "AssertionError at t.py::a+3"),
        # From one revision to the next lines move and files are renamed, functions stay.
        (failed("KeyError at acme/x.py::f+9", Cause.PACKAGE), "KeyError at acme::f"),
        (failed("acme.old.Odd at acme/x.py::C.f+9", Cause.PACKAGE), "acme.Odd at acme::C.f"),
        (
            failed("E(A at acme/x.py::f+9; B at t.py::a+2; C at acme/y.py::g+1)", Cause.PACKAGE),
            "E(A at acme::f; B at t.py::a+2; C at acme::g)",
        ),
        (failed("TypeError at t.py::a+3", Cause.INTERFACE), "TypeError at t.py::a+3"),
        (failed("ImportError at t.py::a+1", Cause.INTERFACE), ""),
        (failed("ModuleNotFoundError at acme/x.py::f+1", Cause.PACKAGE), ""),
        (failed("PermissionError at t.py::a+1", Cause.ENVIRONMENT), ""),
        (failed("NameError at t.py::a+1", Cause.TEST), ""),
        (failed("", Cause.ASSERTION, TestOutcome.TIMED_OUT), ""),
        (failed("", Cause.ASSERTION, TestOutcome.XFAILED), ""),
    ],
)
def test_only_what_can_be_the_defect_is_a_failure(result: TestResult, seen: str) -> None:
    assert glance([result], ["acme"]) == (("t.py::a", seen),)


def test_what_could_not_be_run_never_counts_as_passed() -> None:
    wanted = telling([glance([failed("E at t.py::a+1", Cause.ASSERTION)], [])])
    assert wanted == {"t.py::a": "E at t.py::a+1"}

    nothing = nothing_shown(["t.py::a", "t.py::b"])
    other = glance([failed("Other at t.py::a+1", Cause.ASSERTION)], [])
    same = glance([failed("E at t.py::a+1", Cause.ASSERTION)], [])

    assert count([(), nothing, other, same, same], wanted) == Looks(fails=2, passes=1, others=2)
    assert count([nothing], {}) == Looks(others=1)
