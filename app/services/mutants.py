"""Mutants as clients see them: what became of each, and what people say of survivors."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from app.domain.accounts import Actor
from app.domain.runs import RunKind
from app.domain.strength import Mutant, MutantOutcome, MutantVerdict
from app.errors import Conflict, NotFound
from app.services.service import Service


class MutantService(Service):
    """Mutants of runs, and verdicts on survivors."""

    async def page(
        self, run_id: UUID, outcomes: Collection[MutantOutcome], *, after: int, limit: int
    ) -> list[tuple[int, Mutant]]:
        """Return mutants of a run with their positions, in the order in which they are run.

        Raises:
            NotFound: there is no such run, or it measures no strength.
        """
        async with self._unit.read() as stores:
            run = await stores.runs.show(run_id)
            if run is None:
                raise NotFound(f"There is no run {run_id}.")
            if run.kind is not RunKind.STRENGTH:
                raise NotFound(f"The run {run_id} is a {run.kind.value} and has no mutants.")
            return await stores.mutants.of_run(run_id, outcomes=outcomes, after=after, limit=limit)

    async def judge(self, actor: Actor, digest: str, verdict: MutantVerdict, reason: str) -> Mutant:
        """Say of a survivor that it changes nothing, or that no test is wanted for it.

        It is said of the change of the function, so it holds in later runs too, and in other
        tickets'. The strength that tickets show counts it at once.

        Raises:
            NotFound: no run has had such a mutant.
            Conflict: it did not survive the last time it was run.
        """
        async with self._unit.begin() as stores:
            found = await stores.mutants.latest(digest)
            if found is None:
                raise NotFound(f"No run has had a mutant {digest[:64]!r}.")
            _, mutant = found
            if mutant.outcome is not MutantOutcome.SURVIVED:
                ended = "" if mutant.outcome is None else mutant.outcome.value
                by = f" by {mutant.killed_by}" if mutant.killed_by else ""
                raise Conflict(
                    f"The last run of this mutant ended as {ended}{by}. A verdict is for survivors."
                )
            await stores.mutants.put_verdict(digest, verdict, reason, actor.account.id)
            for ticket_id, run_id in await stores.mutants.measured_with(digest):
                strength = await stores.mutants.strength_of(run_id)
                await stores.mutants.refigure(ticket_id, run_id, strength)
                before = None if mutant.verdict is None else mutant.verdict.value
                await stores.audit.record(
                    actor,
                    "mutant.judged",
                    ticket_id=ticket_id,
                    changes={"mutant": [None, digest[:12]], "verdict": [before, verdict.value]},
                )
            latest = await stores.mutants.latest(digest)
            assert latest is not None
            return latest[1]
