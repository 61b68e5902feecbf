"""How the work for what strangers send grows with its size: doubling inputs for each reader.

    python benchmarks/hostile.py [--most 200] [--seconds 2] [--only render]

Each family of inputs is made of so many bytes and given to each reader that it may meet. The figure
is processor time; the growth is its exponent over the last doublings: 1 is linear, 2 quadratic. A
reader stops at its own limit and then costs nothing more, so that its growth falls below 1. Exit
code 1 when one of 200 KB takes longer than `--seconds`, which is when a reader needs a limit.

The inputs are harmless: they cost time in this program's own readers and nowhere else.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic import ValidationError

from app.api.payloads.tickets import TicketIn
from app.api.problems import invalid_input
from app.domain import diffs
from app.domain.scopes import scopes
from app.domain.search import search_texts
from app.domain.similarity import features
from app.domain.tickets import Section
from app.formats import csv, html, markdown
from app.formats.junit.writer import xml_text
from app.formats.layouts.scan import scan
from app.web import diffs as shown
from app.web.room import Room

KB = 1024
SMALLEST = 12 * KB + 512


def repeated(piece: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Return a maker of texts of one piece again and again."""
    return lambda size: before + piece * (size // len(piece)) + after


def ragged_table(size: int) -> str:
    """Return a table of few characters and many cells."""
    side = max(2, math.isqrt(size) // 2)
    rows = max(1, (size - 4 * side) // 2)
    return "|".join(["a"] * side) + "\n" + "|".join(["-"] * side) + "\n" + "x\n" * rows


def stairs(size: int) -> str:
    """Return lists in lists."""
    steps = math.isqrt(size)
    return "\n".join(" " * n + "- a" for n in range(steps))


def changed(size: int) -> str:
    """Return a patch of many hunks."""
    hunk = "@@ -{n},1 +{n},1 @@\n-a\n+b\n"
    return "--- a/kasmina/x.py\n+++ b/kasmina/x.py\n" + "".join(
        hunk.format(n=2 * n + 1) for n in range(size // len(hunk))
    )


def files(size: int) -> str:
    """Return a patch of many files."""
    one = "--- a/kasmina/x{n}.py\n+++ b/kasmina/x{n}.py\n@@ -1,1 +1,1 @@\n-a\n+b\n"
    return "".join(one.format(n=n) for n in range(size // len(one)))


TEXTS: Mapping[str, Callable[[int], str]] = {
    "words": repeated("word "),
    "one word": repeated("a"),
    "words tied by marks": repeated("a.b-c/d_e@f:"),
    "humps": repeated("aB"),
    "blank lines": repeated("\n"),
    "spaces": repeated(" ", after="x"),
    "quotes": repeated(">", after="x"),
    "items": repeated("- a\n"),
    "stairs": stairs,
    "nested items": repeated("- ", after="x"),
    "numbers": repeated("1. "),
    "headings": repeated("## a\n\n"),
    "underlines": repeated("a\n=\n"),
    "brackets": repeated("["),
    "closed brackets": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "links": repeated("[a]("),
    "definitions": repeated("[a]: b\n"),
    "stars": repeated("*a "),
    "open stars": repeated("**a *b "),
    "underscores": repeated("_a__"),
    "backticks": lambda size: "".join("`" * n + " " for n in range(math.isqrt(2 * size))),
    "fences": repeated("```\n"),
    "code": repeated("(1,", before="```python\n"),
    "angles": repeated("<a "),
    "comments": repeated("<!-- "),
    "entities": repeated("&a"),
    "backslashes": repeated("\\"),
    "a ragged table": ragged_table,
    "tables": repeated("|a|\n|-|\n|b|\n\n"),
    "bars": repeated("|"),
    "delimiters": repeated("|-"),
    "marks that grow when escaped": repeated("\"'<&>"),
    "returns": repeated("\r"),
    "combining marks": repeated("e\u0301"),
    "formulas": repeated(";=1"),
}
PATCHES: Mapping[str, Callable[[int], str]] = {
    "hunks": changed,
    "files": files,
    "headers": repeated("--- a/x\n+++ b/x\n"),
    "one hunk": repeated("+a\n", before="--- a/kasmina/x.py\n+++ b/kasmina/x.py\n@@ -1 +1 @@\n"),
    **{name: TEXTS[name] for name in ("words", "blank lines", "spaces", "returns")},
}


def _ticket(body: str) -> bytes:
    table = "| Field | Value |\n|---|---|\n| **Ticket ID** | B1-DRL-01 |\n"
    return f"# Finding Ticket: t\n\n## Ticket Metadata\n\n{table}\n## Summary\n\n{body}\n".encode()


def _scanned(data: bytes) -> None:
    with contextlib.suppress(markdown.FormatError):
        scan(data)


def _read(data: bytes) -> None:
    with contextlib.suppress(markdown.FormatError):
        markdown.parse(data)


def _patch(text: str) -> None:
    with contextlib.suppress(diffs.PatchError):
        patch = diffs.parse(text, packages=("kasmina",))
        diffs.applies({f.path: "a\nb\n" * 5000 for f in patch.files}, patch)


def _body(value: object) -> None:
    try:
        TicketIn.model_validate(value)
    except ValidationError as error:
        items = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        invalid_input(items, TicketIn, value)


def _page(text: str) -> None:
    room, piece = Room(), max(1, len(text) // 100)
    for n in range(0, len(text), piece):
        room.markdown(text[n : n + piece], 2)


@dataclass(frozen=True)
class Reader:
    """What reads or shows a text of strangers."""

    use: Callable[[str], object]
    inputs: Mapping[str, Callable[[int], str]]


READERS: Mapping[str, Reader] = {
    "render a text": Reader(html.render, TEXTS),
    "render a page of a hundred": Reader(_page, TEXTS),
    **{
        f"highlight {language}": Reader(
            lambda text, language=language: html.code(text, f"x.{language}"),  # type: ignore[misc]
            {
                name: TEXTS[name]
                for name in (
                    "quotes",
                    "brackets",
                    "code",
                    "backslashes",
                    "spaces",
                    "marks that grow when escaped",
                    "angles",
                    "comments",
                )
            },
        )
        for language in sorted(html.LANGUAGES)
    },
    "read a document": Reader(lambda text: _read(text.encode()), TEXTS),
    "look for a layout": Reader(lambda text: _scanned(text.encode()), TEXTS),
    "read a ticket": Reader(lambda text: _read(_ticket(text)), TEXTS),
    "read a patch": Reader(_patch, PATCHES),
    "find scopes of code": Reader(scopes, TEXTS),
    "prepare for search": Reader(
        lambda text: search_texts("B1-DRL-01", text[:300], text[:4000], (), [Section("h", text)]),
        TEXTS,
    ),
    "look for alike": Reader(lambda text: features(text[:300], text, ()), TEXTS),
    "compare two texts": Reader(
        lambda text: shown.change("summary", text, text.replace("a", "b") + "\nx"), TEXTS
    ),
    "put beside each other": Reader(
        lambda text: shown.side_by_side(text, text.replace("a", "b") + "\nx"), TEXTS
    ),
    "refuse a body": Reader(
        _body,
        {
            "unknown keys": lambda size: {f"k{n}": 1 for n in range(size // 10)},  # type: ignore
            "wrong parts": lambda size: {"checklist": [{}] * (size // 3)},  # type: ignore
            "unknown keys of parts": lambda size: {  # type: ignore
                "sections": [{f"k{n}": 1 for n in range(size // 1000)} for _ in range(100)]
            },
        },
    ),
    "write a cell": Reader(csv.cell, TEXTS),
    "write XML": Reader(xml_text, TEXTS),
}


@dataclass(frozen=True)
class Figures:
    """What one reader does with one family."""

    reader: str
    family: str
    seconds: Mapping[int, float]
    """Of processor time, by size in bytes."""

    @property
    def growth(self) -> float:
        """The exponent over the last two doublings; 0 where there is too little to tell."""
        sizes = sorted(self.seconds)[-3:]
        first, last = self.seconds[sizes[0]], self.seconds[sizes[-1]]
        if last < 0.005 or first <= 0 or len(sizes) < 2:
            return 0.0
        return math.log(last / first) / math.log(sizes[-1] / sizes[0])


def measure(most: int, enough_s: float, only: str = "") -> Iterator[Figures]:
    """Yield the figures of each reader and family, up to `most` bytes or `enough_s` seconds."""
    for name, reader in READERS.items():
        for family, make in reader.inputs.items():
            if only not in f"{name} {family}":
                continue
            seconds: dict[int, float] = {}
            size = SMALLEST
            while size <= most and max(seconds.values(), default=0) < enough_s:
                given = make(size)
                begin = time.process_time()
                reader.use(given)
                seconds[size] = time.process_time() - begin
                size *= 2
            yield Figures(name, family, seconds)


def main() -> int:
    """Print the worst family of each reader, and every one that is too slow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--most", type=int, default=200, metavar="KB")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="", help="readers and families with this in their name")
    given = parser.parse_args()
    print(f"{'reader':26} {'slowest family':28} {'KB':>5} {'s':>7} {'growth':>7}")
    slow = 0
    for _, group in groupby(
        measure(given.most * KB, given.seconds, given.only), lambda one: one.reader
    ):
        all_of = list(group)
        worst = max(all_of, key=lambda one: max(one.seconds.values()))
        for one in all_of:
            size = max(one.seconds, key=lambda size: one.seconds[size])
            too_slow = one.seconds[size] >= given.seconds
            slow += too_slow
            if one is worst or too_slow:
                print(
                    f"{one.reader:26} {one.family:28} {size / KB:5.0f} {one.seconds[size]:7.3f} "
                    f"{one.growth:7.1f}{'  TOO SLOW' if too_slow else ''}",
                    flush=True,
                )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
