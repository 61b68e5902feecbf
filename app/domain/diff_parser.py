"""The reader behind ``app.domain.diffs``: from text to file patches, or a `PatchError`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from app.domain.diff_parts import FilePatch, Hunk, Line, PatchError, Sign

_HUNK = re.compile(r"@@ -(\d{1,7})(?:,(\d{1,7}))? \+(\d{1,7})(?:,(\d{1,7}))? @@(?: .*)?")
_INDEX = re.compile(r"index [0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: (\d{6}))?")
_SIDES = "abciow12"
"""Git's prefixes: a and b, and with diff.mnemonicPrefix those of commit, index, object and work
tree, and 1 and 2; a reversed diff turns them round."""
_NO_CONTEXT = "a hunk needs lines of context; make the diff with -U3"

_REFUSED_HEADERS = {
    "GIT binary patch": "binary patches are refused; only text of .py files can be changed",
    "Binary files ": "binary patches are refused; only text of .py files can be changed",
    "old mode ": "changes of file modes are refused; take the mode lines out",
    "new mode ": "changes of file modes are refused; take the mode lines out",
    "rename ": "renames are refused; make the diff with --no-renames",
    "copy ": "copies are refused; make the diff with --no-renames",
    "similarity index ": "renames are refused; make the diff with --no-renames",
    "dissimilarity index ": "rewrites are refused; make the diff without -B",
    "Subproject commit ": "submodules are refused; only .py files can be changed",
}
_REFUSED_MODES = {
    "120000": "symbolic links are refused; only plain .py files can be changed",
    "160000": "submodules are refused; only .py files can be changed",
    "100755": "executable files are refused; use mode 100644",
}


def parse_files(text: str, packages: Sequence[str]) -> tuple[FilePatch, ...]:
    """Read all file entries of `text`."""
    for char, what in (("\0", "NUL bytes are"), ("\r", "carriage returns are")):
        if char in text:
            line = text.count("\n", 0, text.index(char)) + 1
            raise PatchError(f"{what} refused; send text with plain line feeds", line)
    files = _Reader(text.removesuffix("\n").split("\n"), packages).files()
    if not files:
        raise PatchError("the patch is empty; send a unified diff, as `git diff` prints it")
    return files


class _Reader:
    """A cursor over the lines."""

    def __init__(self, lines: list[str], packages: Sequence[str]) -> None:
        self._lines = lines
        self._at = 0
        self._packages = packages

    def files(self) -> tuple[FilePatch, ...]:
        seen: dict[str, FilePatch] = {}
        while self._at < len(self._lines):
            if not self._lines[self._at]:
                self._at += 1
                continue
            file = self._file()
            if file.path in seen:
                raise PatchError(
                    f"{file.path} occurs twice; put all its hunks below one header", file.line
                )
            seen[file.path] = file
        return tuple(seen.values())

    def _file(self) -> FilePatch:
        stated, modes = self._git_header()
        start = self._at
        old = self._path("--- ")
        new = self._path("+++ ")
        path, added, deleted = self._resolve(stated, old, new, start + 1)
        if ("new" in modes and not added) or ("deleted" in modes and not deleted):
            raise PatchError("the mode line contradicts the ---/+++ lines", start + 1)
        hunks = self._hunks()
        if not hunks:
            raise PatchError(f"{path} has no hunk; a file needs at least one line", start + 1)
        if (added or deleted) and len(hunks) > 1:
            raise PatchError("an added or deleted file has exactly one hunk", start + 1)
        if (added and hunks[0].side("-")) or (deleted and hunks[0].side("+")):
            raise PatchError("/dev/null has no lines; the hunk says it had", start + 1)
        return FilePatch(path=path, hunks=hunks, added=added, deleted=deleted, line=start + 1)

    def _git_header(self) -> tuple[str | None, set[str]]:
        stated: str | None = None
        modes: set[str] = set()
        while self._at < len(self._lines) and not self._lines[self._at].startswith("--- "):
            line, number = self._lines[self._at], self._at + 1
            for start, reason in _REFUSED_HEADERS.items():
                if line.startswith(start):
                    raise PatchError(reason, number)
            if line.startswith("diff --git ") and stated is None:
                stated = line
            elif line.startswith(("new file mode ", "deleted file mode ")) and stated:
                modes.add(line.split(" ", 1)[0])
                _check_mode(line.rsplit(" ", 1)[1], number)
            elif stated and (match := _INDEX.fullmatch(line)):
                # 100755 stands here for a file that is, and stays, executable.
                if match[1] not in (None, "100755"):
                    _check_mode(match[1], number)
            elif line.startswith("diff --git "):
                raise PatchError(_without_hunk(modes), number)
            else:
                raise PatchError(
                    f"{line[:60]!r} is not part of a unified diff; send what `git diff` prints",
                    number,
                )
            self._at += 1
        if self._at == len(self._lines):
            raise PatchError(_without_hunk(modes), self._at)
        return stated, modes

    def _path(self, start: str) -> str:
        number = self._at + 1
        line = self._lines[self._at] if self._at < len(self._lines) else ""
        if not line.startswith(start):
            raise PatchError(f"expected a line that starts with {start!r}", number)
        self._at += 1
        path = line.removeprefix(start).split("\t", 1)[0]
        if path.startswith('"'):
            raise PatchError("quoted file names are refused; use plain ASCII names", number)
        return path

    def _resolve(
        self, stated: str | None, old: str, new: str, number: int
    ) -> tuple[str, bool, bool]:
        """Return the path, and whether the file is added or deleted.

        With git's own line a prefix is one where the two sides differ in it and in nothing else;
        without it, only ``a/`` and ``b/`` are.
        """
        added, deleted = old == "/dev/null", new == "/dev/null"
        if added and deleted:
            raise PatchError("both sides are /dev/null", number)
        present = new if added else old
        sides = (present if added else old, present if deleted else new)
        if stated is not None:
            sides = _stated_sides(stated, present, sides, number)
        prefixes = _SIDES if stated is not None else "ab"
        path, other = sides
        if path[:2] != other[:2] and all(s[:1] in prefixes and s[1:2] == "/" for s in sides):
            path, other = path[2:], other[2:]
        elif stated is None and (added or deleted):
            path = other = path.removeprefix("b/" if added else "a/")
        if path != other:
            raise PatchError(
                "renames are refused: ---/+++ name different files; use --no-renames", number
            )
        check_path(path, self._packages, number)
        return path, added, deleted

    def _hunks(self) -> tuple[Hunk, ...]:
        hunks: list[Hunk] = []
        end = delta = 0
        while self._at < len(self._lines) and self._lines[self._at].startswith("@@"):
            hunk = self._hunk()
            old, new = len(hunk.side("-")), len(hunk.side("+"))
            if hunk.old_index < end:
                raise PatchError("hunks overlap or are out of order", hunk.line)
            if hunk.new_index != hunk.old_index + delta:
                raise PatchError(
                    f"the hunk says it starts at new line {hunk.new_index + 1}, by the counts it "
                    f"starts at {hunk.old_index + delta + 1}; make the diff anew",
                    hunk.line,
                )
            end = hunk.old_index + old
            delta += new - old
            hunks.append(hunk)
        return tuple(hunks)

    def _hunk(self) -> Hunk:
        number = self._at + 1
        match = _HUNK.fullmatch(self._lines[self._at])
        if match is None:
            raise PatchError("a hunk header looks like `@@ -1,7 +1,8 @@`", number)
        old_start, new_start = int(match[1]), int(match[3])
        old_count = 1 if match[2] is None else int(match[2])
        new_count = 1 if match[4] is None else int(match[4])
        self._at += 1
        lines = self._hunk_lines(old_count, new_count, number)
        if all(line.sign == " " for line in lines):
            raise PatchError("the hunk changes nothing", number)
        return Hunk(
            old_index=_index(old_start, old_count, number),
            new_index=_index(new_start, new_count, number),
            lines=tuple(lines),
            line=number,
        )

    def _hunk_lines(self, old: int, new: int, number: int) -> list[Line]:
        lines: list[Line] = []
        while old > 0 or new > 0:
            if self._at == len(self._lines):
                raise PatchError("the hunk has fewer lines than its header says", number)
            # With diff.suppressBlankEmpty git leaves out the space of an empty context line.
            text = self._lines[self._at] or " "
            sign = text[:1]
            if sign not in (" ", "-", "+"):
                raise PatchError(_odd_line(text), self._at + 1)
            old -= sign != "+"
            new -= sign != "-"
            if old < 0 or new < 0:
                raise PatchError("the hunk's lines do not add up to its header's counts", number)
            lines.append(Line(cast("Sign", sign), text[1:] + "\n"))
            self._at += 1
        self._check_after_hunk(number)
        return lines

    def _check_after_hunk(self, number: int) -> None:
        """What follows a hunk must not look like more of it: the counts would be a lie."""
        if self._at == len(self._lines):
            return
        text = self._lines[self._at]
        if text.startswith("\\"):
            raise PatchError(_odd_line(text), self._at + 1)
        following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
        header = text.startswith("--- ") and following.startswith("+++ ")
        if text[:1] in (" ", "-", "+") and not header:
            raise PatchError("the hunk has more lines than its header says", number)


def check_path(path: str, packages: Sequence[str], number: int | None = None) -> None:
    """Raise `PatchError` unless `path` is a plain relative path of a ``.py`` file."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path):
        raise PatchError(f"{path[:80]!r}: use a path relative to the project's root", number)
    if any(part in ("", ".", "..") for part in parts):
        raise PatchError(f"{path[:80]!r}: `..`, `.` and empty parts are refused", number)
    if not path.isprintable() or path != path.strip() or len(path) > 200:
        raise PatchError(f"{path[:80]!r}: use a short, printable file name", number)
    if "__pycache__" in parts:
        raise PatchError("byte code folders are refused; change the source", number)
    if not path.endswith(".py") or parts[-1] == ".py":
        raise PatchError(f"{path!r}: only .py files can be changed", number)
    if packages and not any(path == one or path.startswith(f"{one}/") for one in packages):
        where = " and ".join(one if one.endswith(".py") else f"{one}/" for one in packages)
        raise PatchError(f"{path!r} is outside {where}; only that package is patched", number)


def _stated_sides(
    stated: str, present: str, sides: tuple[str, str], number: int
) -> tuple[str, str]:
    """Return both names as the `diff --git` line has them, which has one also of /dev/null."""
    names = stated.removeprefix("diff --git ")
    half = len(names) // 2
    found = names[:half], names[half + 1 :]
    if present not in found or (sides[0] != sides[1] and sides != found):
        raise PatchError("the `diff --git` line names other files than ---/+++", number)
    return found


def _without_hunk(modes: set[str]) -> str:
    if modes:
        return (
            "an entry has no hunk, as git writes empty files; those cannot be added or deleted: "
            "put a line into the file, or take the entry out"
        )
    return "an entry has no hunk; a file needs at least one line"


def _check_mode(mode: str, number: int) -> None:
    if mode != "100644":
        raise PatchError(_REFUSED_MODES.get(mode, f"mode {mode} is refused; use 100644"), number)


def _index(start: int, count: int, number: int) -> int:
    if count > 0 and start > 0:
        return start - 1
    if count == 0 and start == 0:
        return 0
    if count == 0:
        raise PatchError(_NO_CONTEXT, number)
    raise PatchError("line numbers start at 1", number)


def _odd_line(text: str) -> str:
    if text.startswith("\\"):
        return "files without a newline at their end are refused; end the file with one"
    return f"{text[:60]!r} inside a hunk starts with none of space, - and +"
