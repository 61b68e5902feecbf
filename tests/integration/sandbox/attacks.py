"""Attacks as source text, each with one aim: it returns what it got, or raises when it got nothing.

The same source runs without a cage, where it must succeed - or it would prove nothing - and in the
cage, where it must not.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from app.domain.runs import TestOutcome
from app.sandbox.interface import Limits
from tests.integration.sandbox.lab import Lab, only

TEMPLATE = '''
import ctypes, os, pathlib, signal, socket, subprocess, sys, threading, time

class Stopped(Exception):
    """The attack got nothing."""

def attack():
{body}

def test_attack():
    try:
        got = attack()
    except (OSError, Stopped, MemoryError, subprocess.SubprocessError) as stopped:
        print("stopped by", type(stopped).__name__, stopped)
        return
    raise AssertionError(f"the attack got {{got!r}}")
'''


@dataclass(frozen=True)
class Outcome:
    """How an attack ended."""

    succeeded: bool
    told: str


def attack(lab: Lab, body: str, limits: Limits | None = None) -> Outcome:
    """Run the body of an attack as the test of an arm."""
    source = TEMPLATE.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    "))
    result = only(lab.run(source, limits=limits))
    told = f"{result.message} {result.stdout}"
    if result.outcome is TestOutcome.PASSED:
        return Outcome(False, told)
    assert "the attack got" in told, result
    return Outcome(True, told)


@contextmanager
def with_only(lab: Lab, *layers: str) -> Iterator[Lab]:
    """The same sandbox with these layers alone."""
    sandbox = lab.sandbox
    statuses = tuple(sandbox.layers())
    sandbox._layers = tuple(replace(s, works=s.name in layers) for s in statuses)
    try:
        yield lab
    finally:
        sandbox._layers = statuses


def without_cage(lab: Lab) -> AbstractContextManager[Lab]:
    """The same sandbox with no layer at all."""
    return with_only(lab)
