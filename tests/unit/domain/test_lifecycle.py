"""The workflow: which status follows which, who may take the step, which resolutions exist."""

from __future__ import annotations

import itertools

import pytest

from app.domain import lifecycle
from app.domain.accounts import Role
from app.domain.tickets import Resolution, Status

MATRIX = {
    "open": "investigating fix-in-progress closed wont-fix",
    "investigating": "open fix-in-progress in-review closed wont-fix",
    "fix-in-progress": "open investigating in-review closed wont-fix",
    "in-review": "open investigating fix-in-progress closed wont-fix",
    "closed": "open investigating",
    "wont-fix": "open investigating",
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_a_step_exists_exactly_where_the_matrix_says(before: Status, after: Status) -> None:
    exists = lifecycle.step(before, after) is not None

    assert exists is (after.value in MATRIX[before.value].split())


@pytest.mark.parametrize("before", Status)
def test_the_allowed_ones_are_those_that_have_a_step(before: Status) -> None:
    allowed = {status.value for status in lifecycle.allowed_from(before)}

    assert allowed == set(MATRIX[before.value].split())


@pytest.mark.parametrize(
    ("before", "after", "own", "override", "role"),
    [
        ("open", "investigating", True, False, Role.REPORTER),
        ("open", "investigating", False, False, Role.REVIEWER),
        ("in-review", "open", True, False, Role.REPORTER),
        ("closed", "open", True, False, Role.REPORTER),
        ("wont-fix", "investigating", False, False, Role.REVIEWER),
        ("open", "closed", True, False, Role.MAINTAINER),
        ("in-review", "wont-fix", False, False, Role.MAINTAINER),
        ("open", "investigating", True, True, Role.MAINTAINER),
        ("open", "closed", False, True, Role.MAINTAINER),
    ],
)
def test_the_role_that_a_step_needs(
    before: str, after: str, own: bool, override: bool, role: Role
) -> None:
    step = lifecycle.step(Status(before), Status(after))
    assert step is not None

    assert lifecycle.needed_role(step, own=own, override=override) is role


@pytest.mark.parametrize(
    ("to", "given", "found"),
    [
        ("open", None, None),
        ("in-review", None, None),
        ("closed", "fixed", "fixed"),
        ("closed", "already-fixed", "already-fixed"),
        ("closed", "not-a-bug", "not-a-bug"),
        ("closed", "duplicate", "duplicate"),
        ("wont-fix", "wont-fix", "wont-fix"),
        ("wont-fix", None, "wont-fix"),
    ],
)
def test_the_resolution_that_comes_with_a_status(
    to: str, given: str | None, found: str | None
) -> None:
    resolution = lifecycle.resolution_for(Status(to), None if given is None else Resolution(given))

    assert resolution == found


@pytest.mark.parametrize(
    ("to", "given", "said"),
    [
        ("open", "fixed", "has no resolution"),
        ("closed", None, "needs a resolution"),
        ("closed", "wont-fix", "cannot have"),
        ("wont-fix", "fixed", "cannot have"),
    ],
)
def test_a_resolution_that_does_not_fit_is_refused(to: str, given: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        lifecycle.resolution_for(Status(to), None if given is None else Resolution(given))


def test_every_resolution_has_one_final_status() -> None:
    found = {resolution: lifecycle.status_for(resolution) for resolution in Resolution}

    assert all(status.is_final for status in found.values())
    assert sum(map(len, lifecycle.RESOLUTIONS.values())) == len(Resolution)


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        ("open", "investigating", "investigating"),
        ("open", "in-review", "investigating in-review"),
        ("closed", "in-review", "investigating in-review"),
        ("closed", "wont-fix", "open wont-fix"),
        ("closed", "closed", ""),
    ],
)
def test_the_way_is_the_shortest_and_passes_no_final_status(
    before: str, after: str, way: str
) -> None:
    assert " ".join(lifecycle.way(Status(before), Status(after))) == way


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(Status, 2)))
def test_every_status_can_be_reached_by_steps_that_exist(before: Status, after: Status) -> None:
    way = (before, *lifecycle.way(before, after))

    assert way[-1] is after
    assert all(lifecycle.step(a, b) for a, b in itertools.pairwise(way))
