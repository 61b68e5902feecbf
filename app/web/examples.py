"""The examples: one button that fills an empty service, and how far it has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.payloads.reviews import ReviewIn
from app.api.payloads.tickets import TicketIn
from app.api.payloads.workflow import TransitionIn
from app.api.responses import event_bytes, events_answer
from app.domain.examples import ExampleDraft, ExampleTest, Progress
from app.domain.runs import RunKind, RunOutcome
from app.domain.targets import EXAMPLE
from app.errors import NotFound
from app.factory import Factory
from app.formats.examples import read_examples
from app.web.forms import parse
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Maintainer

router = new_router()


@router.get("/examples")
async def show_examples(request: Request, _: Maintainer, services: Services) -> Response:
    """Show how far the examples have come."""
    examples = await shipped(services)
    progress = await services.examples.progress(examples)
    context = {
        "examples": examples,
        "progress": progress,
        "line": _line(progress),
        "folder": _folder(services),
        "workers": await services.worker_states.all(),
    }
    return page(request, "home/examples.html", context)


@router.post("/examples")
async def load_examples(visitor: Maintainer, services: Services) -> Response:
    """Begin to load what is missing of them."""
    examples = await shipped(services)
    if not examples:
        raise NotFound(
            f"No example lies in {_folder(services)}. They come with the source of the service; "
            "`findings load-examples --from DIR` takes them from any folder."
        )
    services.examples.start(visitor.actor, examples)
    return see_other("/examples", flash="loading")


@router.get("/examples/events")
async def watch_examples(_: Maintainer, services: Services) -> Response:
    """Watch the loading as server-sent events: `progress` each time, and `end`."""
    stream = _events(services, await shipped(services))
    return events_answer(stream)


async def _events(services: Factory, examples: list[ExampleDraft]) -> AsyncGenerator[bytes]:
    async for progress in services.examples.watch(examples):
        done = {"ended": progress.ended, "total": progress.total, "line": _line(progress)}
        yield event_bytes("progress", done)
    yield event_bytes("end", {})


def _line(progress: Progress) -> str:
    """Say in a sentence how far it is."""
    if not progress.filed and not progress.live:
        return "None of them is loaded."
    return (
        f"{progress.filed} of {progress.total} filed, "
        f"{progress.ended} done, {progress.proven} of them with a proof that holds."
    )


async def shipped(services: Factory) -> list[ExampleDraft]:
    """Return the examples that lie beside the package under test, and can be run.

    A target of their own is declared for the workers of this process only.
    """
    found = await asyncio.to_thread(_drafts, services.settings.target_root)
    declares = services.settings.workers > 0 or EXAMPLE in services.declared.names
    return [example for example in found if declares or example.repository is None]


def _folder(services: Factory) -> Path:
    return services.settings.target_root / "examples" / "tickets"


@lru_cache(maxsize=4)
def _drafts(root: Path) -> list[ExampleDraft]:
    """Read the examples; they come with an installation and do not change while it runs."""
    return [
        ExampleDraft(
            key=file.key,
            ticket=parse(TicketIn, file.ticket).draft(),
            reviews=[parse(ReviewIn, review).draft() for review in file.reviews],
            patches=file.patches,
            expected=RunOutcome(file.expected),
            run=None if file.run == "none" else RunKind(file.run),
            tests=tuple(ExampleTest(**test) for test in file.tests),
            not_testable=file.not_testable,
            step=None if file.step is None else parse(TransitionIn, dict(file.step)).transition(),
            repository=file.repository,
            after=file.after,
        )
        for file in read_examples(
            root / "examples" / "tickets", root / "tests" / "verification" / "defects"
        )
    ]
