"""A SARIF file read as it comes: first what its runs say of themselves, then result by result.

Only one result is held at a time, and of the runs what they say once: tools, rules, artifacts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from app.errors import FieldError, InvalidInput

VERSION = "2.1.0"
_RUN = "runs.item"
_RESULT = "runs.item.results.item"
_MAX_HEAD_EVENTS = 4_000_000
"""Of rules and artifacts together: far more than any tool has, and still little memory."""


_MAX_PREFIX = 2000
"""Characters of the names that a value stands in."""

_PIECE_BYTES = 4096
"""The library makes all events of a piece, each with the names it stands in, before it hands out
the first. So a piece is small: of 64 KiB, nested as deeply as it can be, that took ten GB."""


@dataclass
class RunHead:
    """What a run says beside its results."""

    said: dict[str, Any] = field(default_factory=dict)
    results: int = 0

    def part(self, name: str) -> dict[str, Any]:
        """Return a part that is an object; an empty one where it is none."""
        found = self.said.get(name)
        return found if isinstance(found, dict) else {}

    def parts(self, name: str) -> list[Any]:
        """Return a part that is a list; an empty one where it is none."""
        found = self.said.get(name)
        return found if isinstance(found, list) else []


def heads(file: IO[bytes]) -> list[RunHead]:
    """Read what the runs of a file say beside their results.

    Raises:
        InvalidInput: it is no JSON, or no SARIF 2.1.0.
    """
    # Loaded with the first report: the command and most processes never need it.
    import ijson
    from ijson.common import ObjectBuilder

    found: list[RunHead] = []
    version: Any = None
    seen_runs = False
    builder: Any = None
    name, depth, events = "", 0, 0
    try:
        parsed = ijson.parse(_from_start(file), use_float=True, buf_size=_PIECE_BYTES)
        for prefix, event, value in parsed:
            if len(prefix) > _MAX_PREFIX:
                # Each event tells all that it stands in: deeper, that alone would take for ever.
                raise _no_sarif("it is nested too deeply, or its names are too long")
            if prefix.startswith(_RESULT):
                if prefix == _RESULT and event not in ("map_key", "end_map", "end_array"):
                    if not found:
                        raise _no_sarif("a name in it stands for a path")
                    found[-1].results += 1
            elif builder is not None:
                events += 1
                if events > _MAX_HEAD_EVENTS:
                    raise _no_sarif("its rules and artifacts are more than can be held")
                builder.event(event, value)
                depth += event in ("start_map", "start_array")
                depth -= event in ("end_map", "end_array")
                if depth == 0:
                    found[-1].said[name] = builder.value
                    builder = None
            elif prefix == _RUN:
                if event == "start_map":
                    found.append(RunHead())
                elif event == "map_key":
                    name = value
                    builder = None if value == "results" else ObjectBuilder()
            elif prefix == "version" and event != "map_key":
                version = value
            elif prefix == "runs" and event == "start_array":
                seen_runs = True
            elif not prefix and event not in ("start_map", "map_key", "end_map"):
                raise _no_sarif("it is no object with version and runs")
    except ijson.JSONError as error:
        raise _no_json(error) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise _no_json(error) from None
    if version != VERSION:
        said = "states no version" if version is None else f"has version {str(version)[:20]!r}"
        raise _no_sarif(f"it {said}; write it as {VERSION}, which most tools can")
    if not seen_runs:
        raise _no_sarif("it has no list of runs")
    return found


def results(file: IO[bytes]) -> Iterator[Any]:
    """Yield the results of all runs of a file that `heads` could read, in their order."""
    import ijson

    yield from ijson.items(_from_start(file), _RESULT, use_float=True)


def _from_start(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
    return file


def _no_json(error: Exception) -> InvalidInput:
    given = error.args[0] if error.args else error
    said = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    # The first line names the fault; those behind it only point.
    said = said.strip().partition("\n")[0][:200]
    return InvalidInput(FieldError("", f"the body is no JSON in UTF-8: {said}"))


def _no_sarif(reason: str) -> InvalidInput:
    return InvalidInput(FieldError("", f"the body is no SARIF {VERSION}: {reason}"))
