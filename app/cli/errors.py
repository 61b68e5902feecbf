"""How a command can fail, as one tree; each class is one exit code.

::

    CliError
    ├── UsageProblem     2   the command or its configuration is wrong; nothing was asked
    ├── NotAllowed       3   the account may not do what the command is made of
    ├── Unreachable      4   no service answered
    ├── Refused        1-4   the service answered with an error; `Refused.code` says which is which
    ├── OutputLost       2   what was printed could not be written
    ├── Stopped        130   the user stopped waiting
    └── PipeClosed     141   nobody reads the output any more; nothing is said

Exit code 1 is also how a command ends whose answer is no: a check that failed, a proof that did
not prove. 0 is yes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from app.cli.text import sentence

EXIT_NO = 1
EXIT_USAGE = 2
EXIT_NOT_ALLOWED = 3
EXIT_AWAY = 4
EXIT_STOPPED = 130
EXIT_PIPE = 141
"""What shells report of a program that a closed pipe ended."""


class CliError(Exception):
    """A command failed in a way that can be explained in a line."""

    exit_code: ClassVar[int] = EXIT_NO

    def __init__(self, detail: str, remedy: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (sentence(self.detail), sentence(self.remedy)) if part)

    @property
    def code(self) -> int:
        """The exit code."""
        return self.exit_code


class UsageProblem(CliError):
    """The command or its configuration is wrong; nothing was asked of the service."""

    exit_code = EXIT_USAGE


class NotAllowed(CliError):
    """The account may not do what the command is made of."""

    exit_code = EXIT_NOT_ALLOWED


class Unreachable(CliError):
    """No service answered."""

    exit_code = EXIT_AWAY


class OutputLost(CliError):
    """What was printed could not be written, as on a full disk."""

    exit_code = EXIT_USAGE


class Stopped(CliError):
    """The user stopped waiting."""

    exit_code = EXIT_STOPPED


class PipeClosed(CliError):
    """Nobody reads the output any more, as after ``| head``."""

    exit_code = EXIT_PIPE


class Refused(CliError):
    """The service answered with an error."""

    def __init__(
        self,
        detail: str,
        remedy: str,
        *,
        status: int,
        problem: Mapping[str, Any] | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(detail, remedy)
        self.status = status
        self.problem = problem
        """The service's own words (RFC 9457), or None when it sent something else."""
        self.request_id = request_id
        """Under which the service's log knows the request."""

    def __str__(self) -> str:
        # Whoever runs the service looks for it in the log; the fault of a command is not there.
        request = f" [request {self.request_id}]" if self.request_id and self.status >= 500 else ""
        return super().__str__() + request

    @property
    def code(self) -> int:
        """What the status says: no, wrong, not allowed, or away."""
        if self.status in (409, 412, 428):
            return EXIT_NO
        if self.status in (401, 403):
            return EXIT_NOT_ALLOWED
        away = self.status in (408, 429) or self.status >= 500
        return EXIT_AWAY if away else EXIT_USAGE
