"""The rules of the gate, one file for each: what it asks for, when, and what meets it."""

from __future__ import annotations

from app.domain.gate import (
    commit,
    endorsement,
    evidence,
    objections,
    reason,
    refutation,
    relation,
    strength,
    waiver,
)

RULES = tuple(
    rule.RULE
    for rule in (
        evidence,
        strength,
        endorsement,
        objections,
        commit,
        waiver,
        reason,
        refutation,
        relation,
    )
)
"""In the order in which a gate lists them."""
