"""Random generators of an arm: seeded before it is collected, and again in every fork.

What the arm seeds itself at module level keeps its state; Python would reseed ``random`` in each
fork, which turned a test with ``random.seed(0)`` above it into a random one. torch and numpy are
treated alike, once they are there.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from . import aside


class Seeds:
    """Seeds this process, and later its forks."""

    def __init__(self, seed: int) -> None:
        """Seed all generators that are there with `seed`, and watch what the arm does."""
        self._seed = seed
        self._seeded = False
        self._state: Any = None
        random.seed(seed)
        torch = sys.modules.get("torch")
        if torch is not None:
            # Not torch.manual_seed, which asks every backend: eight milliseconds.
            torch.default_generator.manual_seed(seed)
        _seed_numpy(seed)
        self._watch()

    def _watch(self) -> None:
        plain = random.seed

        def seed(*arguments: Any, **named: Any) -> None:
            """Seed as usual, and remember that the arm did."""
            self._seeded = True
            plain(*arguments, **named)

        self._plain = plain
        random.seed = seed

    def collected(self) -> None:
        """Note what the arm seeded while it was collected."""
        random.seed = self._plain
        if self._seeded:
            self._state = random.getstate()

    def in_fork(self, seed: int) -> None:
        """Seed this fork with `seed`, but for what the arm has seeded."""
        if self._seeded:
            random.setstate(self._state)
        else:
            random.seed(seed)
        torch = sys.modules.get("torch")
        if torch is not None and torch.initial_seed() == self._seed:
            torch.default_generator.manual_seed(seed)
        _seed_numpy(seed)


def _seed_numpy(seed: int) -> None:
    """Seed numpy's own generator, but where the arm has: then its state is kept."""
    numpy = aside.find("numpy.random")
    if numpy is None:
        return
    generator = numpy.mtrand._rand._bit_generator
    # Of one that was seeded by hand numpy does not know the sequence of seeds. Its state is set
    # from outside, so that it still tells.
    if type(generator) is numpy.MT19937 and generator.seed_seq is not None:
        generator.state = numpy.MT19937(seed).state
