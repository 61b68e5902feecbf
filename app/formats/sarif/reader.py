"""Results of a SARIF run in the words of this service.

Nothing of a file is trusted to be there or to be of its type: what is missing has the value that
the standard gives it, and what is wrong is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

from app.domain.scanning import Home, Reported, ScannerRun, Trace
from app.domain.tickets import Location
from app.domain.traces import Source, code_digest, digest
from app.formats.sarif.columns import code_point
from app.formats.sarif.parts import (
    about_rule,
    encloses,
    level_of,
    own_key,
    prints_of,
    slug,
    suppressions_of,
    symbol_name,
    symbol_of,
)
from app.formats.sarif.stream import RunHead
from app.formats.sarif.uris import Paths
from app.formats.sarif.values import listed, mapping, number, text_of, whole
from app.formats.texts import cleaned, visible

MAX_LOCATIONS = 200
_MAX_CODE = 8000
_MAX_TITLE = 200
_MAX_NAME = 300
_MAX_RELATED = 20
_MAX_NOTICES = 20
_MOST_NAMED = 2000

_NUMBERS = re.compile(r"\d+")
_PLACE = re.compile(r"\{(\d{1,3})\}")
_KINDS = frozenset({"pass", "open", "informational", "notApplicable", "review", "fail"})
_KEPT = frozenset(
    {"rank", "guid", "correlationGuid", "baselineState", "hostedViewerUri", "occurrenceCount"}
)

Look = Callable[[str], Source | None]
"""Returns the source at a path of the target, where there is one."""


class RunReader:
    """Reads the results of one run.

    Args:
        head: what the run says beside its results.
        root: the folder that the code lay in.
        known: paths of the target.
        look: returns the source at one of them.
        home: tells which tickets are of this installation.
    """

    def __init__(
        self, head: RunHead, root: str | None, known: frozenset[str], look: Look, home: Home
    ) -> None:
        self._head, self._look, self._home = head, look, home
        bases = mapping(head.said.get("originalUriBaseIds"))
        self._paths = Paths(bases, head.parts("artifacts"), root, known)
        tool = head.part("tool")
        driver = mapping(tool.get("driver"))
        self._components = [driver, *map(mapping, listed(tool.get("extensions")))]
        self._rules = {
            rule["id"]: rule
            for component in reversed(self._components)
            for rule in listed(component.get("rules"))
            if isinstance(rule, dict) and isinstance(rule.get("id"), str)
        }
        self._abouts: dict[int, tuple[str | None, str | None]] = {}
        self._named: dict[tuple[str, Any], tuple[str, dict[str, Any]]] = {}
        columns = head.said.get("columnKind")
        self._columns = columns if isinstance(columns, str) else None
        name = cleaned(driver.get("name"), 100) or "unknown"
        version = cleaned(driver.get("version"), 60) or cleaned(driver.get("semanticVersion"), 60)
        self.run = ScannerRun(
            scanner=slug(name),
            tool=f"{name} {version}" if version else name,
            rules=frozenset(self._rules),
            succeeded=self._succeeded(),
            results=head.results,
            notices=tuple(self._notices()),
        )

    def _succeeded(self) -> bool:
        runs = [mapping(item).get("executionSuccessful") for item in self._invocations()]
        return bool(runs) and all(value is True for value in runs)

    def _invocations(self) -> list[Any]:
        return self._head.parts("invocations")

    def _notices(self) -> list[str]:
        found = []
        for invocation in map(mapping, self._invocations()):
            if invocation.get("executionSuccessful") is False:
                why = cleaned(invocation.get("exitCodeDescription"), 200)
                found.append(f"the tool says that it did not succeed{f': {why}' if why else ''}")
            for name in ("toolExecutionNotifications", "toolConfigurationNotifications"):
                for notice in map(mapping, listed(invocation.get(name))):
                    if notice.get("level", "warning") in ("warning", "error"):
                        where = self._where(notice)
                        text = cleaned(mapping(notice.get("message")).get("text"), 500)
                        found.append(f"{where}{text or 'something went wrong'}")
        more = len(found) - _MAX_NOTICES
        return found[:_MAX_NOTICES] + ([f"and {more} more"] if more > 0 else [])

    def _where(self, notice: dict[str, Any]) -> str:
        for place in map(mapping, listed(notice.get("locations"))):
            physical = mapping(place.get("physicalLocation"))
            path, _ = self._paths.of(physical.get("artifactLocation"))
            line = whole(mapping(physical.get("region")).get("startLine"))
            if path:
                return f"{path}:{line}: " if line else f"{path}: "
        return ""

    def read(self, result: Any) -> Reported | None:
        """Read a result; None where it is no object."""
        if not isinstance(result, dict):
            return None
        warnings: list[str] = []
        rule_id, rule = self._rule_of(result, warnings)
        kind = result.get("kind") if result.get("kind") in _KINDS else "fail"
        about = cleaned(text_of(rule, "shortDescription"))
        message = self._message(result, rule) or about or rule_id
        locations = self._locations(result, warnings)
        main = mapping(next(iter(listed(result.get("locations"))), None))
        physical = mapping(main.get("physicalLocation"))
        first = locations[0] if locations else Location(note="no place")
        code, trace = self._trace(result, rule_id, message, first, physical)
        if trace.symbol and locations and not first.symbol:
            locations[0] = Location(
                first.path, first.start_line, first.end_line, trace.symbol, first.note
            )
        properties, of_rule = mapping(result.get("properties")), mapping(rule.get("properties"))
        tags = [t for p in (of_rule, properties) for t in listed(p.get("tags")) if cleaned(t, 100)]
        security = number(properties.get("security-severity"))
        if security is None:
            security = number(of_rule.get("security-severity"))
        return Reported(
            rule=rule_id,
            level=level_of(result, rule, str(kind)),
            kind=str(kind),
            title=cleaned(" ".join(f"{rule_id}: {message}".split()), _MAX_TITLE) or rule_id,
            message=message,
            locations=tuple(locations),
            trace=trace,
            code=code,
            about_rule=self._about(rule, message),
            tags=tuple(dict.fromkeys(map(str, tags)))[:50],
            security=security,
            suppressions=suppressions_of(result),
            kept=self._kept(result, physical),
            warnings=tuple(warnings),
        )

    def _about(self, rule: dict[str, Any], message: str) -> str | None:
        """Return what the tool says of a rule, beside the message; it is read once for all."""
        if not rule:
            return None
        if id(rule) not in self._abouts:
            self._abouts[id(rule)] = about_rule(rule)
        return "\n\n".join(p for p in self._abouts[id(rule)] if p and p != message) or None

    def _rule_of(self, result: dict[str, Any], warnings: list[str]) -> tuple[str, dict[str, Any]]:
        """Return the id of a result's rule and what the tool says of it, which may be nothing."""
        told, index = result.get("ruleId"), result.get("ruleIndex")
        if "rule" in result or not isinstance(told, str) or not isinstance(index, int | None):
            return self._rule_meant(result, warnings)
        if (told, index) in self._named:  # most results have a rule that others have too
            return self._named[told, index]
        odd: list[str] = []
        found = self._rule_meant(result, odd)
        if odd:
            warnings += odd
        elif len(self._named) < _MOST_NAMED:
            self._named[told, index] = found
        return found

    def _rule_meant(
        self, result: dict[str, Any], warnings: list[str]
    ) -> tuple[str, dict[str, Any]]:
        named = mapping(result.get("rule"))
        rule_id = cleaned(result.get("ruleId"), _MAX_NAME) or cleaned(named.get("id"), _MAX_NAME)
        component = mapping(named.get("toolComponent")).get("index")
        at = component + 1 if isinstance(component, int) and component >= 0 else 0
        rules = listed(self._components[at].get("rules")) if at < len(self._components) else []
        index = result.get("ruleIndex", named.get("index"))
        by_index: dict[str, Any] = {}
        if isinstance(index, int) and not isinstance(index, bool) and index >= 0:
            if index < len(rules):
                by_index = mapping(rules[index])
            else:
                warnings.append(f"its ruleIndex {index} names none of {len(rules)} rules")
        if rule_id is None:
            rule_id = cleaned(by_index.get("id"), _MAX_NAME) or "unnamed-rule"
            return rule_id, by_index
        if rule_id in self._rules:
            return rule_id, self._rules[rule_id]
        general = self._rules.get(rule_id.rpartition("/")[0])
        return rule_id, general or (by_index if not by_index.get("id") else {})

    def _message(self, result: dict[str, Any], rule: dict[str, Any]) -> str | None:
        message = mapping(result.get("message"))
        text = cleaned(message.get("text")) or cleaned(message.get("markdown"))
        if text is None and isinstance(message.get("id"), str):
            strings = mapping(rule.get("messageStrings"))
            text = cleaned(mapping(strings.get(message["id"])).get("text"))
        if text is None:
            return None
        given = listed(message.get("arguments"))

        def filled(found: re.Match[str]) -> str:
            n = int(found[1])
            return (cleaned(given[n], 500) or "") if n < len(given) else found[0]

        return cleaned(_PLACE.sub(filled, text)) if given else text

    def _locations(self, result: dict[str, Any], warnings: list[str]) -> list[Location]:
        given = listed(result.get("locations"))
        found = [self._location(mapping(item), warnings) for item in given[:MAX_LOCATIONS]]
        if len(given) > MAX_LOCATIONS:
            warnings.append(f"it has {len(given)} locations; the first {MAX_LOCATIONS} are kept")
        room = min(_MAX_RELATED, MAX_LOCATIONS - len(found))
        related = listed(result.get("relatedLocations"))[:room]
        found += [self._location(mapping(item), [], "related") for item in related]
        return [place for place in found if place is not None]

    def _location(
        self, item: dict[str, Any], warnings: list[str], note: str | None = None
    ) -> Location | None:
        physical = mapping(item.get("physicalLocation"))
        path, odd = self._paths.of(physical.get("artifactLocation"))
        if odd and odd not in warnings:
            warnings.append(odd)
        path = cleaned(path, 1000)
        region = mapping(physical.get("region"))
        start = whole(region.get("startLine"))
        end = whole(region.get("endLine"))
        if start is None or (end is not None and end < start):
            end = None
        told = text_of(item, "message")
        note = (cleaned(" ".join(told.split()), 500) if told else None) or note
        if not path:
            start = end = None
        place = Location(path, start, end, symbol_of(item), note)
        return None if place.problem else place

    def _trace(
        self,
        result: dict[str, Any],
        rule_id: str,
        message: str,
        place: Location,
        physical: dict[str, Any],
    ) -> tuple[str | None, Trace]:
        """Return the code of a result, and what it is known again by.

        The source itself has the first word: some tools show another statement as the snippet.
        """
        region, around = mapping(physical.get("region")), mapping(physical.get("contextRegion"))
        start, end = place.start_line, place.end_line or place.start_line
        source, offset = self._look(place.path) if place.path else None, 0
        if source is None and (text := text_of(around, "snippet")) is not None:
            first = whole(around.get("startLine"))
            if first is not None and start is not None and first <= start:
                source, offset = Source(text), first - 1
        code = before = after = symbol = None
        if source is not None and start is not None and end is not None:
            lines = source.between(start - offset, end - offset)
            code = "\n".join(lines) or None
            before, after = source.before(start - offset), source.after(end - offset)
            symbol = source.symbol_at(start) if offset == 0 else None
        if code is None and (start is None or encloses(around, start)):
            code = text_of(region, "snippet")
        key, title = own_key(result, self._home)
        trace = Trace(
            rule=rule_id,
            path=place.path,
            line=start,
            symbol=symbol_name(place.symbol or symbol),
            code=code_digest(code.splitlines()) if code else None,
            before=before,
            after=after,
            says=digest(_NUMBERS.sub("0", message), *self._token(region, source, offset)),
            prints=tuple(prints_of(result)),
            key=key,
            title=title,
        )
        shown = visible(code.expandtabs(4)[:_MAX_CODE]).strip("\n") if code else None
        return shown, trace

    def _token(self, region: dict[str, Any], source: Source | None, offset: int) -> list[str]:
        """Return the words that the columns of a region on one line enclose."""
        start, end = whole(region.get("startColumn")), whole(region.get("endColumn"))
        line = whole(region.get("startLine"))
        if source is None or None in (start, end, line):
            return []
        assert start is not None and end is not None and line is not None
        if region.get("endLine", line) != line:
            return []
        text = "".join(source.between(line - offset, line - offset))
        first, last = (code_point(text, column, self._columns) for column in (start, end))
        return [" ".join(text[first - 1 : last - 1].split())]

    def _kept(self, result: dict[str, Any], physical: dict[str, Any]) -> dict[str, Any]:
        """Return what goes out again as it came."""
        kept: dict[str, Any] = {}
        for name in _KEPT & result.keys():
            value = result[name]
            if isinstance(value, (int, float)) or cleaned(value, 500):
                kept[name] = visible(value) if isinstance(value, str) else value
        for name in ("fingerprints", "partialFingerprints"):
            given = result.get(name)
            if isinstance(given, dict) and given:
                stamps = ((k, v) for k, v in given.items() if cleaned(k, 200) and cleaned(v, 2000))
                kept[name] = {visible(k): visible(v) for k, v in islice(stamps, 20)}
        region = mapping(physical.get("region"))
        columns = {n: region[n] for n in ("startColumn", "endColumn") if whole(region.get(n))}
        if columns:
            kept["columns"] = columns
            if self._columns in ("utf16CodeUnits", "unicodeCodePoints"):
                kept["columnKind"] = self._columns
        return kept
