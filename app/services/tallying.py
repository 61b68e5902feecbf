"""What a run saw of tests, as tallies and evidence take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import flakes
from app.domain.arms import ships
from app.domain.catalogue import TargetState
from app.domain.causes import Cause
from app.domain.environment import environment_digest
from app.domain.runs import ArmResult, RunPlan
from app.storage.tallies import Seen, TallyKey
from app.storage.unit import Stores


def seen(plan: RunPlan, arms: Sequence[ArmResult], target: TargetState) -> dict[TallyKey, Seen]:
    """Return what a run saw of each test whose text is known, by arm."""
    digests = {test.node_id: test.digest for test in plan.tests if test.digest}
    linked = [test.node_id for test in plan.tests]
    # The catalogue speaks of the suite that ran only while it is the same.
    files = target.test_files if target.suite_digest == plan.suite_digest else {}
    found: dict[TallyKey, Seen] = {}
    for arm in arms:
        for node_id, endings in flakes.endings(arm, linked).items():
            digest = digests.get(node_id) or files.get(node_id.partition("::")[0])
            if digest is not None:
                key = TallyKey(node_id, arm.package_digest, digest)
                before = found[key].endings if key in found else ()
                found[key] = Seen(
                    (*before, *endings), bundled=ships(arm, plan), linked=node_id in digests
                )
    return found


def used_test_files(
    plan: RunPlan, arms: Sequence[ArmResult], target: TargetState
) -> tuple[str, ...]:
    """Return the test files that linked tests import, beside those that they stand in.

    All other files of the suite belong to every test's digest as it is.
    """
    own = {test.node_id.partition("::")[0] for test in plan.tests}
    used = {path for arm in arms for path in arm.uses}
    return tuple(sorted((used - own) & target.test_files.keys()))


def fails_by_interface(arms: Sequence[ArmResult]) -> set[str]:
    """Return the tests of which a result has to be set against other packages."""
    return {
        result.node_id for arm in arms for result in arm.results if result.cause is Cause.INTERFACE
    }


async def passed_before(
    stores: Stores, plan: RunPlan, arms: Sequence[ArmResult], environment: Mapping[str, Any]
) -> set[str]:
    """Return which of the tests that fail by their interface passed on another package."""
    wanted = fails_by_interface(arms)
    tests = [(test.node_id, test.digest) for test in plan.tests if test.node_id in wanted]
    here = arms[0].package_digest if len(arms) == 1 else plan.package_digest
    return await stores.tallies.passed_elsewhere(tests, here, environment_digest(environment))


async def any_flips(
    stores: Stores, plan: RunPlan, arms: Sequence[ArmResult], environment: Mapping[str, Any]
) -> bool:
    """Tell whether a test of the run is not to be believed on one of its packages."""
    found = await stores.tallies.flipping(
        [(test.node_id, test.digest) for test in plan.tests],
        {arm.package_digest for arm in arms},
        [environment_digest(environment)],
    )
    return bool(flakes.flaky_tests(found))
