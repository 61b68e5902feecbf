"""Everything that can go wrong on purpose, as one tree.

::

    FindingsError
    ├── StartupError                 a process that cannot start; no HTTP status
    ├── InvalidInput           422   fields named by JSON pointer
    │   └── KeyReused          422   an Idempotency-Key with another body
    ├── Unauthenticated        401
    ├── Forbidden              403   says which role is needed and which one you have
    ├── NotFound               404
    ├── Conflict               409   the state of the ticket or run forbids it
    │   ├── RequestInProgress        another request with this Idempotency-Key is not done yet
    │   ├── AlreadyTaken             a key or reference is in use
    │   ├── StillInUse               a part other parts point at
    │   ├── NothingToRun             no linked test, or no usable patch
    │   ├── NotPlaced                no target covers the ticket
    │   ├── IllegalTransition        no such step from the present status
    │   ├── GateUnmet                requirements of a transition are open
    │   ├── RelationCycle            a ticket would block or repeat itself
    │   └── SandboxRefused           a layer of the cage is missing
    ├── PreconditionFailed     412   stale ETag
    ├── PayloadTooLarge        413
    ├── UnsupportedMediaType   415
    ├── UnknownHost            421   the Host header names another site
    ├── PreconditionRequired   428   If-Match is missing
    ├── TooManyRequests        429
    └── Unavailable            503
        └── TookTooLong            the database gave up over this request

Each class is one kind of failure. It is raised where the failure is found and rendered
once, in ``app.api.problems``; the class docstring explains the kind to a reader of
``/problems/<slug>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

MOST_ERRORS = 20
"""So many things wrong with one input are told; of the rest only how many they are."""


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with the input."""

    pointer: str
    """JSON pointer into the body, or ``/<name>`` of a parameter."""

    detail: str
    """What is wrong and how to mend it."""

    allowed: tuple[str, ...] | None = None
    """Every accepted value, where that is a short list."""

    did_you_mean: str | None = None
    """The accepted value nearest to what came."""

    location: str = "body"
    """Where the value stood: ``body``, ``query``, ``path`` or ``header``."""


class Remedy(Protocol):
    """A call that would mend the failure, as the one who reads it may make it."""

    def as_body(self) -> dict[str, Any]:
        """Return the call as the API shows it."""


class FindingsError(Exception):
    """Something went wrong in a way the service foresaw."""

    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The service failed"

    def __init__(
        self,
        detail: str,
        *,
        remedies: Sequence[Remedy] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedies = tuple(remedies)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class StartupError(FindingsError):
    """A process cannot start; the message says what is wrong and how to mend it."""

    slug = "startup"
    title = "Cannot start"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class InvalidInput(FindingsError):
    """A field, parameter or header is unknown, missing or has a value that is not accepted.

    Every entry of ``errors`` names one of them by JSON pointer and says what would be accepted.
    Of more than twenty the first twenty are named, and ``more`` tells how many others there are.
    Nothing was stored.
    """

    slug = "invalid-input"
    status = 422
    title = "The request is not valid"

    def __init__(self, *errors: FieldError, detail: str | None = None, more: int = 0) -> None:
        """`more` counts what is wrong beside `errors`."""
        told = errors[:MOST_ERRORS]
        more += len(errors) - len(told)
        rest = f"; and {more:,} more" if more else ""
        super().__init__(detail or "; ".join(error.detail for error in told) + rest)
        self.errors = told
        self.more = more


class KeyReused(InvalidInput):
    """An ``Idempotency-Key`` came a second time with another request.

    A key stands for one request: take a new key for a new request.
    """

    slug = "idempotency-key-reused"
    title = "The idempotency key stands for another request"


class Unauthenticated(FindingsError):
    """The call needs a token, and none came or it is unknown, expired or revoked.

    Send ``Authorization: Bearer fnd_…``. An admin makes tokens with
    ``findings token create``.
    """

    slug = "unauthenticated"
    status = 401
    title = "A token is needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(FindingsError):
    """The account may not do this.

    ``needs`` names the role or specialist that may, ``you`` what the token stands for.
    """

    slug = "forbidden"
    status = 403
    title = "Not allowed for this account"

    def __init__(self, detail: str, *, needs: str, you: str) -> None:
        super().__init__(detail, extra={"needs": needs, "you": you})


class NotFound(FindingsError):
    """There is nothing under this name, or it is not well formed.

    Look at the spelling; the lists of the API show what there is.
    """

    slug = "not-found"
    status = 404
    title = "Not found"


class Conflict(FindingsError):
    """The call is well formed, but the present state forbids it.

    ``remedy``, where present, lists the calls that would mend it.
    """

    slug = "conflict"
    status = 409
    title = "The present state forbids this"


class RequestInProgress(Conflict):
    """A request with the same ``Idempotency-Key`` is being answered at this moment.

    Send it again after the seconds that ``Retry-After`` says: the answer will be the same.
    """

    slug = "request-in-progress"
    title = "The same request is being answered"


class AlreadyTaken(Conflict):
    """A key or an external reference is already in use; the detail names by what."""

    slug = "already-taken"
    title = "Already taken"


class StillInUse(Conflict):
    """A part cannot be removed while other parts point at it."""

    slug = "still-in-use"
    title = "Still in use"


class ResolutionRestsOn(Conflict):
    """A relation cannot be removed while the resolution of a ticket rests on it.

    A ticket that is closed as a duplicate says by its ``duplicate-of`` relation of which. Name
    another original first, or open the ticket again, which ``remedy`` does.
    """

    slug = "resolution-rests-on-it"
    title = "A resolution rests on the relation"


class NothingToRun(Conflict):
    """A run was asked for, but no test is linked, or a proof has no patch that applies.

    A *check* needs a linked test. A *proof* needs in addition a ``fix`` patch (it applies to the
    bundled package, or in reverse when it has landed) or a ``defect`` patch.
    """

    slug = "nothing-to-run"
    title = "Nothing to run"


class NotPlaced(Conflict):
    """The call needs to know which target the ticket belongs to, and no target covers it.

    A target covers the domains that its entry names. Give the ticket one of these domains, or have
    an operator declare a target for its code (``findings target add``).
    """

    slug = "not-placed"
    title = "No target covers the ticket"


class IllegalTransition(Conflict):
    """No step leads from the ticket's present status to the one asked for.

    ``allowed`` lists the statuses that can follow; ``remedy`` the steps that lead there.
    ``GET /api/v1/workflow`` shows the whole matrix.
    """

    slug = "illegal-transition"
    title = "No such step"


class RelationCycle(Conflict):
    """A relation would close a circle: a ticket would block itself, or be its own duplicate.

    ``path`` lists the keys around the circle, ``kind`` says of which relation.
    """

    slug = "relation-cycle"
    title = "The relations would go in a circle"


class GateUnmet(Conflict):
    """A requirement of the transition is not met.

    ``requirements`` lists each one with its state; ``remedy`` the calls that would meet them.
    A maintainer may override with a reason, which is recorded.
    """

    slug = "gate-unmet"
    title = "The gate is closed"


class SandboxRefused(Conflict):
    """Code of a client may run under the strict sandbox only, and a layer of it is missing here."""

    slug = "sandbox-refused"
    title = "The sandbox refuses to run this"


class PreconditionFailed(FindingsError):
    """The ticket changed since it was read.

    ``etag`` is the current one: read the ticket again, repeat the change on top of it and send
    that ETag in ``If-Match``.
    """

    slug = "stale-etag"
    status = 412
    title = "The ticket has changed"


class PayloadTooLarge(FindingsError):
    """The body is larger than this call accepts; the detail names the limit."""

    slug = "payload-too-large"
    status = 413
    title = "The body is too large"


class UnsupportedMediaType(FindingsError):
    """The body came with a media type that this call does not read."""

    slug = "unsupported-media-type"
    status = 415
    title = "Media type not supported"


class UnknownHost(FindingsError):
    """The request names a host that this service does not answer for.

    A page of another site could otherwise reach it under a name of its own. Open the service by
    the address it prints at start; an operator adds names with ``FINDINGS_PUBLIC_URL`` or
    ``FINDINGS_ALLOWED_HOSTS``.
    """

    slug = "unknown-host"
    status = 421
    title = "Not the host you meant"


class PreconditionRequired(FindingsError):
    """A change to a ticket needs ``If-Match`` with the ETag it was read with.

    Without it two people could overwrite each other unknowingly. ``etag`` is the current one.
    """

    slug = "precondition-required"
    status = 428
    title = "If-Match is required"


class TooManyRequests(FindingsError):
    """The account sends more than its share; ``Retry-After`` says when to come again."""

    slug = "too-many-requests"
    status = 429
    title = "Too many requests"


class Unavailable(FindingsError):
    """A part that the service depends on does not answer at present; try again shortly."""

    slug = "unavailable"
    status = 503
    title = "Temporarily unavailable"


class TookTooLong(Unavailable):
    """The database gave up over this request, which asks for more than it can give in time.

    The same request would take as long again. Narrow the search: rarer words instead of frequent
    ones, a filter more, fewer tickets at once.
    """

    slug = "took-too-long"
    title = "This takes too long"
