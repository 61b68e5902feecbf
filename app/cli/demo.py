"""The main job end to end, against a fresh service: file, cross-review, run, read *proven*.

It types what a user would type. Every command is printed before it runs, and the service that it
starts for itself is stopped in the end, whatever happens.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from types import FrameType
from typing import Any

from app.cli.demo_service import (
    PROJECT,
    DemoError,
    DemoService,
    clean_environment,
    command,
    running_service,
)

KEY = "B2-DRL-10"
EXAMPLE = f"examples/tickets/{KEY}.toml"
DOCUMENTS = "examples/markdown"

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class User:
    """Somebody at a shell who types ``findings`` commands."""

    def __init__(self, service: DemoService) -> None:
        self._environment = clean_environment() | {"FINDINGS_URL": service.url}
        self.tokens = {"admin": service.admin_token}

    def types(self, *words: str, account: str = "admin") -> None:
        """Print a command and run it.

        Raises:
            DemoError: it failed.
        """
        self._print(words, account)
        done = subprocess.run(  # our own command
            [*command(), *words], env=self._as(account), cwd=PROJECT, check=False
        )
        if done.returncode != 0:
            raise DemoError(f"`findings {shlex.join(words)}` ended with code {done.returncode}.")

    def keeps(self, *words: str) -> str:
        """Print a command, run it and return what it printed.

        Raises:
            DemoError: it failed.
        """
        done = subprocess.run(  # our own command
            [*command(), *words],
            env=self._as("admin"),
            cwd=PROJECT,
            check=False,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        if done.returncode != 0:
            raise DemoError(f"`findings {shlex.join(words)}` ended with code {done.returncode}.")
        return done.stdout.strip()

    def gets_token_of(self, account: str) -> None:
        """Make a token of `account` and keep it."""
        words = ("token", "create", account, "--label", "demo", "--expires", "1")
        say(f"$ {account.upper()}=$(findings {shlex.join(words)})")
        self.tokens[account] = self.keeps(*words)

    def _as(self, account: str) -> dict[str, str]:
        return self._environment | {"FINDINGS_TOKEN": self.tokens[account]}

    def _print(self, words: tuple[str, ...], account: str) -> None:
        who = "" if account == "admin" else f"FINDINGS_TOKEN=${account.upper()} "
        say(f"\n$ {who}findings {shlex.join(words)}")


def say(text: str) -> None:
    """Print a line at once, so that it stands before what the next command prints."""
    print(text, flush=True)


def demonstrate(service: DemoService) -> str:
    """Do the main job and return the state of the evidence in the end."""
    user = User(service)
    say("$ findings serve &")
    say(f"$ export FINDINGS_URL={service.url}")
    say(f"$ export FINDINGS_TOKEN=$(cat {service.data_dir}/admin-token)")
    user.types("whoami")

    say("\n# Findings that lie in folders of Markdown come in whole.")
    user.types("import", DOCUMENTS)

    say("\n# Three specialists get accounts and tokens of their own.")
    reviewers = [review["specialist"] for review in reviews()]
    for name in reviewers:
        user.types("account", "create", name, "--role", "reviewer", "--speaks-for", name)
        user.gets_token_of(name)

    say("\n# An auditor files the finding; each specialist says what it makes of it.")
    user.types("ticket", "file", EXAMPLE)
    for name in reviewers:
        words = ("review", "add", KEY, "--from", EXAMPLE, "--specialist", name)
        user.types(*words, account=name)

    say("\n# The suite's tests are linked by their markers. Do they pass on the package?")
    user.types("test", "list", KEY)
    user.types("verify", KEY)

    say("\n# And would they notice? The proof plants the defect, where they must fail.")
    user.types("load-patches", KEY)
    user.types("verify", KEY, "--proof")

    say("\n# What the ticket says now.")
    user.types("ticket", "show", KEY)
    ticket: dict[str, Any] = json.loads(user.keeps("--json", "ticket", "show", KEY))
    return str(ticket["evidence"]["state"])


def reviews() -> list[dict[str, Any]]:
    """Return the cross-reviews of the example."""
    found: list[dict[str, Any]] = tomllib.loads((PROJECT / EXAMPLE).read_text("utf-8"))["reviews"]
    return found


def main() -> int:
    """Run the demonstration; 0 only when the finding ends up proven."""
    for number in _ENDING:
        signal.signal(number, _interrupt)
    started = time.monotonic()
    try:
        with running_service() as service:
            say(f"# A fresh service is up after {time.monotonic() - started:.1f} s.")
            state = demonstrate(service)
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped.", file=sys.stderr)
        return 130
    say(f"\n# {KEY} is {state}, after {time.monotonic() - started:.1f} s in all.")
    return 0 if state == "proven" else 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Once only: a second one must not keep the service from being stopped.
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.chdir(PROJECT)
    sys.exit(main())
