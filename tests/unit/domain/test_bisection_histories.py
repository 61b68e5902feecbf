"""Searches through histories with branches of which the truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable

from app.domain.bisection.search import Answer, BisectionOutcome, Direction, Seen, search
from tests.support.histories import MadeHistory, made_history

GOOD, BAD, SKIP = Seen.GOOD, Seen.BAD, Seen.SKIP


def answer_of(
    made: MadeHistory,
    old: int,
    direction: Direction,
    state: Callable[[int], Seen],
    suspects: frozenset[str] = frozenset(),
) -> tuple[Answer, set[str]]:
    """Search from a commit to the last; return the answer and the trees that were looked at."""
    graph = made.graph(old, len(made.parents) - 1)
    looked: set[str] = set()
    found = search(graph, str(old), str(len(made.parents) - 1), direction, suspects)
    try:
        probe = next(found)
        while True:
            looked.add(graph.tree(probe.commit) or probe.commit)
            probe = found.send(state(int(probe.commit)))
    except StopIteration as end:
        return end.value, looked


def each_seed(test: Callable[[int], None]) -> Callable[[], None]:
    """Run a test with sixty histories, and name the seed of one that fails."""

    def of_all() -> None:
        for seed in range(60):
            try:
                test(seed)
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise

    return of_all


def changes_of(made: MadeHistory, choose: random.Random) -> tuple[int, int]:
    """Two commits that change the package, the second of which comes after the first."""
    last = len(made.parents) - 1
    touching = [n for n in range(1, last) if made.has(n, n)]
    brought_in = choose.choice(touching[: len(touching) // 2])
    after = [n for n in touching if n != brought_in and brought_in in made.ancestors(n)]
    return brought_in, choose.choice(after or [last])


@each_seed
def test_the_commit_is_named_although_branches_began_before_the_old_end(seed: int) -> None:
    choose = random.Random(seed)
    made = made_history(choose, choose.choice([30, 100, 300]))
    brought_in, fixed = changes_of(made, choose)

    def state(n: int) -> Seen:
        return BAD if made.has(n, brought_in) and not made.has(n, fixed) else GOOD

    bad = [n for n in made.ancestors(len(made.parents) - 1) if state(n) is BAD]
    answer, looked = answer_of(made, choose.choice(bad), Direction.FIXED, state)

    assert (answer.outcome, answer.first) == (BisectionOutcome.EXACT, str(fixed)), answer.reason
    assert len(looked) <= 3 * len(made.parents).bit_length()


@each_seed
def test_what_cannot_be_judged_never_leads_to_a_wrong_commit(seed: int) -> None:
    choose = random.Random(seed)
    made = made_history(choose, choose.choice([30, 100, 300]))
    last = len(made.parents) - 1
    brought_in, fixed = changes_of(made, choose)
    broken, mended = changes_of(made, choose)

    def state(n: int) -> Seen:
        if n != last and made.has(n, broken) and not made.has(n, mended):
            return SKIP
        return BAD if made.has(n, brought_in) and not made.has(n, fixed) else GOOD

    bad = [n for n in made.ancestors(last) if state(n) is BAD]
    if not bad:
        return
    answer, _ = answer_of(made, choose.choice(bad), Direction.FIXED, state)

    if answer.outcome is BisectionOutcome.EXACT:
        assert answer.first == str(fixed)
    else:
        assert answer.outcome is BisectionOutcome.RANGE, answer.reason
        assert str(fixed) in answer.candidates


@each_seed
def test_where_merges_throw_files_away_what_is_named_turns_the_history(seed: int) -> None:
    choose = random.Random(seed)
    made = made_history(choose, choose.choice([30, 100, 300]), thrown_away=0.5)
    last = len(made.parents) - 1
    brought_in, fixed = changes_of(made, choose)

    def state(n: int) -> Seen:
        return BAD if made.has(n, brought_in) and not made.has(n, fixed) else GOOD

    direction, wanted = (
        (Direction.FIXED, GOOD) if state(last) is GOOD else (Direction.INTRODUCED, BAD)
    )
    olds = [n for n in made.ancestors(last) if state(n) is not wanted]
    if not olds:
        return
    old = choose.choice(olds)
    answer, _ = answer_of(made, old, direction, state)

    assert answer.outcome is BisectionOutcome.EXACT, answer.reason
    named = int(str(answer.first))
    assert state(named) is wanted
    before = [parent for parent in made.parents[named] if state(parent) is not wanted]
    assert before
    # A parent that is as the commit is belongs to a line that never was otherwise since it left.
    for parent in set(made.parents[named]) - set(before):
        assert old not in made.ancestors(parent)


def test_what_a_merged_line_takes_back_is_looked_at_where_it_is_merged() -> None:
    made = MadeHistory()
    tip = 0
    for _ in range(200):
        tip = made.add(tip, made.add(tip), touches=False)

    def state(n: int) -> Seen:
        merged = (n + 1) // 2
        return BAD if 60 <= merged < 98 or merged >= 101 else GOOD

    taken_back = frozenset({str(2 * 98 - 1)})
    plain, _ = answer_of(made, 0, Direction.INTRODUCED, state)
    told, _ = answer_of(made, 0, Direction.INTRODUCED, state, taken_back)

    assert plain.outcome is BisectionOutcome.EXACT
    assert told.outcome is BisectionOutcome.INTERVALS
    assert [one.first for one in told.intervals] == [str(2 * 60 - 1), str(2 * 101 - 1)]
