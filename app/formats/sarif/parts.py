"""Parts of a result and of its rule, each read by itself."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from app.domain import keys
from app.domain.scanning import Home, Suppressed, Suppression
from app.domain.traces import digest
from app.formats.sarif.values import listed, mapping, text_of, whole
from app.formats.texts import cleaned

_MAX_ABOUT = 4000
_LEVELS = frozenset({"none", "note", "warning", "error"})
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def level_of(result: dict[str, Any], rule: dict[str, Any], kind: str) -> str:
    """Return how grave a result is; by its rule, or by the standard, where it does not say."""
    level = result.get("level")
    if level in _LEVELS:
        return str(level)
    if kind != "fail":
        return "none"
    level = mapping(rule.get("defaultConfiguration")).get("level")
    return str(level) if level in _LEVELS else "warning"


def about_rule(rule: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return what a rule says of itself, and where more is said."""
    text = (
        cleaned(mapping(rule.get("help")).get("markdown"), _MAX_ABOUT)
        or cleaned(text_of(rule, "fullDescription"), _MAX_ABOUT)
        or cleaned(text_of(rule, "shortDescription"), _MAX_ABOUT)
    )
    link = cleaned(rule.get("helpUri"), 500)
    if link and (urlsplit(link).scheme not in ("http", "https") or re.search(r"[\s<>]", link)):
        link = None
    return text, link and f"<{link}>"


def suppressions_of(result: dict[str, Any]) -> tuple[Suppression, ...] | None:
    """Return who silenced a result; None where the tool says nothing of it."""
    given = result.get("suppressions")
    if not isinstance(given, list):
        return None
    found = []
    for item in map(mapping, given[:20]):
        status = item.get("status", Suppressed.ACCEPTED)
        known = status if status in list(Suppressed) else Suppressed.UNDER_REVIEW
        why = cleaned(item.get("justification"), 4000)
        kind = cleaned(item.get("kind"), 40) or "external"
        found.append(Suppression(Suppressed(known), why, kind))
    return tuple(found)


def prints_of(result: dict[str, Any]) -> list[str]:
    """Return digests of the tool's own fingerprints, with their names."""
    return [
        digest(kind, name, value)
        for kind in ("fingerprints", "partialFingerprints")
        for name, value in list(mapping(result.get(kind)).items())[:20]
        if isinstance(value, str) and value
    ]


def own_key(result: dict[str, Any], home: Home) -> tuple[str | None, str | None]:
    """Return the key of a ticket of this installation that a result states.

    Exports of older versions say not of which installation they are. For those the ticket's title
    is returned too: only where it is the same is that ticket meant.
    """
    if "properties" not in result and "workItemUris" not in result:
        return None, None
    properties = mapping(result.get("properties"))
    installation = properties.get("findings/installation")
    if installation is not None and installation not in home.installations:
        return None, None
    pages = f"{home.url}/tickets/"
    named = [properties.get("findings/key")]
    named += [
        uri.removeprefix(pages)
        for uri in listed(result.get("workItemUris"))[:20]
        if isinstance(uri, str) and uri.startswith(pages)
    ]
    for name in named:
        if isinstance(name, str) and keys.is_key(name, allow_copy=True):
            title = properties.get("findings/title") if installation is None else None
            return name, title if isinstance(title, str) else None
    return None, None


def symbol_of(item: dict[str, Any]) -> str | None:
    """Return the name of what a location lies in."""
    for logical in map(mapping, listed(item.get("logicalLocations"))):
        name = cleaned(logical.get("fullyQualifiedName"), 500) or cleaned(logical.get("name"), 500)
        if name:
            return " ".join(name.split())
    return None


def symbol_name(symbol: str | None) -> str | None:
    """Return a symbol without the brackets that some write behind functions."""
    return None if symbol is None else symbol.removesuffix("()")


def slug(name: str) -> str:
    """Return a name of lower-case letters, digits and hyphens."""
    return _NO_SLUG.sub("-", name.lower()).strip("-")[:40].strip("-") or "unknown"


def encloses(around: dict[str, Any], line: int) -> bool:
    """Tell whether a context region, where there is one, has the line that it is around.

    Where it has not, region and snippet are of different statements, as in bandit 1.9.4.
    """
    first = whole(around.get("startLine"))
    return first is None or first <= line
