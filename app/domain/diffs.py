"""Unified diffs of Python files, read strictly and applied exactly. Pure: no disk, no git.

A patch that comes from a stranger is data to be judged, so what is not plainly a change of text
in ``.py`` files is refused, and every refusal says how to mend it.

What is accepted: ``---``/``+++`` headers with or without the ``a/`` and ``b/`` of git or its other
prefixes (``diff.noprefix``, ``diff.mnemonicPrefix``, ``-R``), files added and deleted
(``/dev/null``), an empty line for an empty line of context, and git's ``diff --git``, ``index``,
``new file mode 100644`` and ``deleted file mode 100644`` lines.

How it is applied: each hunk with its context and removed lines equal to the file's, byte for byte:
at the line it states, or, when lines above it have come or gone since, at the only other place that
holds them. There is no fuzz and no choice between places, so that the same patch and the same files
always give the same result. A hunk that fits at its line, and as well where the hunk before or
behind it has moved to, is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.diff_parser import parse_files
from app.domain.diff_parts import FilePatch, Hunk, Line, PatchError

__all__ = [
    "MAX_BYTES",
    "Applies",
    "Content",
    "FilePatch",
    "Hunk",
    "Line",
    "Patch",
    "PatchError",
    "applies",
    "apply",
    "digest",
    "parse",
    "read_stored",
]

MAX_BYTES = 256 << 10
"""The largest patch that is read."""

Content = str | bytes


class Applies(StrEnum):
    """In which direction a patch applies to a set of files."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BOTH = "both"
    NO = "no"


@dataclass(frozen=True)
class Patch:
    """A patch that was read and found well formed."""

    files: tuple[FilePatch, ...]
    digest: str
    """SHA-256 of the text as it came."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files it touches, in the order of the text."""
        return tuple(file.path for file in self.files)


def digest(text: str) -> str:
    """SHA-256 of the text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str, *, packages: Sequence[str] = ()) -> Patch:
    """Read `text`; raise `PatchError` for everything that is not a plain change of Python files.

    With `packages` (``kasmina``), paths outside these folders are refused too.
    """
    if len(text) > MAX_BYTES:
        raise PatchError(_too_large(len(text)))
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise PatchError("the text is not valid Unicode; send it as UTF-8", line) from None
    if size > MAX_BYTES:
        raise PatchError(_too_large(size))
    return Patch(files=parse_files(text, packages), digest=digest(text))


def apply(
    files: Mapping[str, Content], patch: Patch, *, reverse: bool = False
) -> dict[str, Content]:
    """Return `files` with `patch` applied (or taken back); raise `PatchError` if it does not fit.

    Keys are paths as the patch names them. A changed file keeps its type; an added one is bytes
    when any of `files` is. `files` itself is left as it is.
    """
    result = dict(files)
    as_bytes = any(isinstance(content, bytes) for content in files.values())
    for file in patch.files:
        change = file.reversed() if reverse else file
        before = result.pop(change.path, None)
        if change.added:
            _require_room(result, before, change)
            before = b"" if as_bytes else ""
        elif before is None:
            raise PatchError(f"{change.path} is not there to be changed", change.line)
        after = _rewrite(before, change)
        if not change.deleted:
            result[change.path] = after
        elif after:
            raise PatchError(
                f"{change.path} is to be deleted but has more lines than the patch removes",
                change.line,
            )
    return result


def applies(files: Mapping[str, Content], patch: Patch) -> Applies:
    """Tell in which direction `patch` applies to `files`."""
    match _fits(files, patch, reverse=False), _fits(files, patch, reverse=True):
        case True, True:
            return Applies.BOTH
        case True, False:
            return Applies.FORWARD
        case False, True:
            return Applies.REVERSE
    return Applies.NO


def read_stored(
    text: str, files: Mapping[str, Content], *, packages: Sequence[str]
) -> tuple[Patch, Applies]:
    """Read a patch that was taken in once, and tell in which direction it applies to `files`.

    One about the package of another target, to which its ticket belonged then, applies to nothing.
    """
    try:
        patch = parse(text, packages=packages)
    except PatchError:
        return Patch((), digest(text)), Applies.NO
    return patch, applies(files, patch)


def _fits(files: Mapping[str, Content], patch: Patch, *, reverse: bool) -> bool:
    try:
        apply(files, patch, reverse=reverse)
    except PatchError:
        return False
    return True


def _require_room(files: Mapping[str, Content], before: Content | None, file: FilePatch) -> None:
    if before is not None:
        raise PatchError(f"{file.path} is to be added but exists already", file.line)
    inside = f"{file.path}/"
    for path in files:
        if path.startswith(inside) or file.path.startswith(f"{path}/"):
            raise PatchError(f"{file.path} cannot be added beside {path}", file.line)


def _rewrite(before: Content, file: FilePatch) -> Content:
    if isinstance(before, str):
        return _patched(before, file)
    try:
        text = before.decode()
    except UnicodeDecodeError:
        raise PatchError(f"{file.path} is not UTF-8, so no patch applies", file.line) from None
    return _patched(text, file).encode()


def _patched(text: str, file: FilePatch) -> str:
    # Only "\n" ends a line here: str.splitlines would also split at form feeds and the like.
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    places = _placed(file, lines)
    result: list[str] = []
    taken = 0
    for hunk, index in zip(file.hunks, places, strict=True):
        result += lines[taken:index]
        result += hunk.side("+")
        taken = index + len(hunk.side("-"))
    return "".join(result + lines[taken:])


def _placed(file: FilePatch, lines: list[str]) -> list[int]:
    """Return where the hunks belong, from 0."""
    places: list[int] = []
    taken = 0
    for hunk in file.hunks:
        old = hunk.side("-")
        if not old and lines:
            raise PatchError(
                f"{file.path} is not empty, as the hunk without context expects; make the diff "
                "with -U3",
                hunk.line,
            )
        places.append(_place(file.path, lines, hunk, old, taken))
        taken = places[-1] + len(old)
    moves = [place - hunk.old_index for hunk, place in zip(file.hunks, places, strict=True)]
    _require_one_way(file, lines, places, moves)
    _require_one_way(file, lines, places, moves, backwards=True)
    return places


def _require_one_way(
    file: FilePatch,
    lines: list[str],
    places: list[int],
    moves: list[int],
    *,
    backwards: bool = False,
) -> None:
    """Refuse a hunk at its stated line that fits as well where its moved neighbour would put it."""
    neighbour = 0
    order = range(len(places))
    for number in reversed(order) if backwards else order:
        if moves[number]:
            neighbour = moves[number]
            continue
        hunk = file.hunks[number]
        old, moved = hunk.side("-"), hunk.old_index + neighbour
        begin = places[number - 1] + len(file.hunks[number - 1].side("-")) if number else 0
        end = places[number + 1] if number + 1 < len(places) else len(lines)
        room = begin <= moved <= end - len(old)
        if neighbour and room and lines[moved : moved + len(old)] == old:
            beside = "behind" if backwards else "before"
            raise PatchError(
                f"{file.path}: the hunk fits at line {hunk.old_index + 1}, and at {moved + 1}, "
                f"where it is if it has moved as the hunk {beside} it, by {neighbour:+d} lines; "
                "make the patch anew against the present file",
                hunk.line,
            )


def _place(path: str, lines: list[str], hunk: Hunk, old: list[str], taken: int) -> int:
    """Return where a hunk belongs: at its stated line, or at the only other place that fits."""
    stated = hunk.old_index
    if stated >= taken and lines[stated : stated + len(old)] == old:
        return stated
    last = len(lines) - len(old)
    places = [n for n in range(taken, last + 1) if lines[n : n + len(old)] == old]
    if len(places) == 1:
        return places[0]
    if places:
        found = ", ".join(str(n + 1) for n in places[:5])
        raise PatchError(
            f"{path}: the hunk does not fit at line {stated + 1}, but at {len(places)} other "
            f"places (lines {found}); make the patch anew against the present file",
            hunk.line,
        )
    raise PatchError(_mismatch(path, lines, hunk, old), hunk.line)


def _mismatch(path: str, lines: list[str], hunk: Hunk, old: list[str]) -> str:
    for offset, expected in enumerate(old):
        index = hunk.old_index + offset
        found = lines[index] if index < len(lines) else None
        if found != expected:
            there = "the end of the file" if found is None else repr(_short(found))
            return (
                f"{path} line {index + 1} is {there}, the patch expects {_short(expected)!r}; "
                "make the patch anew against the present file"
            )
    raise AssertionError("the hunk matches")


def _short(line: str, limit: int = 80) -> str:
    line = line.removesuffix("\n")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _too_large(size: int) -> str:
    return f"the patch has {size} bytes, at most {MAX_BYTES} are accepted; split it"
