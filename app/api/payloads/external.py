"""Reported results of tests in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.api.payloads.fields import Commit, Input, Line, Moment, Output, Summary
from app.domain.external import ReportedOutcome, ReportedTest, ReportOrigin


def _web_address(text: str) -> str:
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("should begin with https:// or http://")
    return text


Source = Annotated[Line, Field(max_length=100, examples=["ci/nightly"])]
WebAddress = Annotated[Line, AfterValidator(_web_address)]


class ReportedTestIn(Input):
    """How one test ended."""

    node_id: Annotated[Line, Field(max_length=1000)] = Field(
        examples=["tests/verification/test_blend.py::test_multiply"]
    )
    outcome: ReportedOutcome = Field(
        description="; ".join(f"`{word}`: {word.meaning}" for word in ReportedOutcome)
    )
    message: Summary | None = None
    duration_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None


class ExternalResultsIn(Input):
    """How tests of a ticket ended elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "ci/nightly",
                    "commit": "4f2a9c1",
                    "results": [
                        {
                            "node_id": "tests/verification/test_blend.py::test_multiply",
                            "outcome": "failed",
                            "message": "assert 6.0 == 2.0",
                        }
                    ],
                }
            ]
        }
    )

    source: Source = Field(description="Who reports: of CI, the workflow's name.")
    commit: Commit | None = Field(None, description="At which the tests were run.")
    url: WebAddress | None = Field(None, description="Where more of it is shown.")
    ran_at: Moment | None = None
    results: list[ReportedTestIn] = Field(min_length=1, max_length=500)

    def origin(self) -> ReportOrigin:
        """Return where the results come from."""
        return ReportOrigin(self.source, self.commit, self.url, self.ran_at)

    def tests(self) -> list[ReportedTest]:
        """Return the results."""
        return [
            ReportedTest(
                one.node_id,
                one.outcome,
                one.message,
                passes=int(one.outcome in (ReportedOutcome.PASSED, ReportedOutcome.FLAKY)),
                failures=int(
                    one.outcome
                    in (ReportedOutcome.FAILED, ReportedOutcome.ERROR, ReportedOutcome.FLAKY)
                ),
                duration_s=one.duration_s,
            )
            for one in self.results
        ]


class ExternalResultOut(Output):
    """How a test ended elsewhere, as somebody reports it; it counts for no gate."""

    id: UUID
    node_id: str
    outcome: ReportedOutcome
    source: str
    commit: str | None
    url: str | None
    message: str | None
    passes: int = Field(description="More than one where it was run again.")
    failures: int
    duration_s: float | None
    ran_at: datetime | None
    reported_at: datetime
    reported_by: str


class ExternalResultsOut(Output):
    """Reported results."""

    items: list[ExternalResultOut]
    next_cursor: str | None = None
