"""Patches of strangers: read strictly, applied exactly, refused with a reason."""

from __future__ import annotations

import difflib
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import diffs
from app.domain.diffs import Applies, PatchError

FILES = {"kasmina/ops.py": "one\ntwo\nthree\nfour\nfive\n"}
PLAIN = """\
--- a/kasmina/ops.py
+++ b/kasmina/ops.py
@@ -2,3 +2,3 @@
 two
-three
+THREE
 four
"""
GIT = "diff --git a/kasmina/ops.py b/kasmina/ops.py\nindex 0123abc..4567def 100644\n" + PLAIN
ADDED = """\
diff --git a/kasmina/new.py b/kasmina/new.py
new file mode 100644
index 0000000..4567def
--- /dev/null
+++ b/kasmina/new.py
@@ -0,0 +1,2 @@
+a
+b
"""
DELETED = """\
diff --git a/kasmina/ops.py b/kasmina/ops.py
deleted file mode 100644
index 0123abc..0000000
--- a/kasmina/ops.py
+++ /dev/null
@@ -1,5 +0,0 @@
-one
-two
-three
-four
-five
"""


def git_diff(path: str = "kasmina/ops.py", header: str = "", body: str = PLAIN) -> str:
    return f"diff --git a/{path} b/{path}\n{header}{body}"


@pytest.mark.parametrize("text", [PLAIN, GIT, PLAIN.replace(" a/", " ").replace(" b/", " ")])
def test_a_change_applies_forward_and_back(text: str) -> None:
    patch = diffs.parse(text, packages=("kasmina",))

    after = diffs.apply(FILES, patch)

    assert after == {"kasmina/ops.py": "one\ntwo\nTHREE\nfour\nfive\n"}
    assert diffs.apply(after, patch, reverse=True) == FILES


@pytest.mark.parametrize("text", [ADDED, DELETED])
def test_files_are_added_and_deleted_and_that_can_be_taken_back(text: str) -> None:
    patch = diffs.parse(text, packages=("kasmina",))

    after = diffs.apply(FILES, patch)

    assert ("kasmina/new.py" in after) == (text is ADDED)
    assert ("kasmina/ops.py" in after) == (text is ADDED)
    assert diffs.apply(after, patch, reverse=True) == FILES


def test_bytes_stay_bytes_and_the_input_is_left_alone() -> None:
    files = {path: text.encode() for path, text in FILES.items()}

    after = diffs.apply(files, diffs.parse(ADDED))

    assert after["kasmina/new.py"] == b"a\nb\n"
    assert list(files) == ["kasmina/ops.py"]


def test_a_header_may_carry_a_timestamp() -> None:
    text = PLAIN.replace("ops.py\n", "ops.py\t2024-01-01 00:00:00.000000000 +0000\n")

    assert diffs.parse(text).paths == ("kasmina/ops.py",)


def test_the_digest_is_that_of_the_text() -> None:
    assert diffs.parse(PLAIN).digest == hashlib.sha256(PLAIN.encode()).hexdigest()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (FILES, Applies.FORWARD),
        ({"kasmina/ops.py": "one\ntwo\nTHREE\nfour\nfive\n"}, Applies.REVERSE),
        ({"kasmina/ops.py": "other\n"}, Applies.NO),
        ({}, Applies.NO),
    ],
)
def test_the_direction_is_found(files: dict[str, str], expected: Applies) -> None:
    assert diffs.applies(files, diffs.parse(PLAIN)) is expected


def test_no_patch_is_both_unless_it_changes_nothing_that_shows() -> None:
    """Swapping two equal halves looks the same from both sides."""
    text = "--- a/p/x.py\n+++ b/p/x.py\n@@ -1,2 +1,2 @@\n-a\n a\n+a\n"

    assert diffs.applies({"p/x.py": "a\na\n"}, diffs.parse(text)) is Applies.BOTH


def test_a_hunk_whose_lines_moved_is_found_where_they_are_now() -> None:
    moved = {"kasmina/ops.py": "zero\n" + FILES["kasmina/ops.py"]}

    assert diffs.apply(moved, diffs.parse(PLAIN)) == {
        "kasmina/ops.py": "zero\none\ntwo\nTHREE\nfour\nfive\n"
    }


def test_a_hunk_that_fits_at_two_other_places_is_refused() -> None:
    twice = {"kasmina/ops.py": "zero\nzero\n" + "two\nthree\nfour\n" * 2}

    with pytest.raises(PatchError, match="at 2 other places .lines 3, 6."):
        diffs.apply(twice, diffs.parse(PLAIN))


def test_the_stated_line_wins_over_other_places() -> None:
    twice = {"kasmina/ops.py": "one\n" + "two\nthree\nfour\n" * 2}

    changed = diffs.apply(twice, diffs.parse(PLAIN))["kasmina/ops.py"]

    assert changed == "one\ntwo\nTHREE\nfour\ntwo\nthree\nfour\n"


REPEATED = """\
--- a/p/x.py
+++ b/p/x.py
@@ -1 +1 @@
-head
+HEAD
@@ -4,2 +4,2 @@
-if x:
-    y
+if z:
+    y
"""


@pytest.mark.parametrize("blocks", [2, 3, 4])
def test_a_hunk_that_fits_at_its_line_and_where_the_one_before_moved_to_is_refused(
    blocks: int,
) -> None:
    lines = ["new\n", "new\n", "head\n", *["if x:\n", "    y\n"] * blocks]

    with pytest.raises(PatchError, match=r"fits at line 4, and at 6, .* by \+2 lines"):
        diffs.apply({"p/x.py": "".join(lines)}, diffs.parse(REPEATED))


def test_so_is_one_that_fits_at_its_line_and_where_the_one_behind_moved_to() -> None:
    text = """\
--- a/p/x.py
+++ b/p/x.py
@@ -1,2 +1,2 @@
-if x:
-    y
+if z:
+    y
@@ -5 +5 @@
-tail
+TAIL
"""
    lines = ["if x:\n", "    y\n", "if x:\n", "    y\n", "z\n", "z\n", "tail\n"]

    with pytest.raises(PatchError, match="fits at line 1, and at 3, .* hunk behind it"):
        diffs.apply({"p/x.py": "".join(lines)}, diffs.parse(text))


def test_after_a_move_a_hunk_that_fits_at_its_line_alone_is_applied_there() -> None:
    lines = ["new\n", "new\n", "head\n", "if x:\n", "    y\n", "z\n"]

    changed = diffs.apply({"p/x.py": "".join(lines)}, diffs.parse(REPEATED))["p/x.py"]

    assert changed == "new\nnew\nHEAD\nif z:\n    y\nz\n"


OLD = {"kasmina/ops.py": "".join(f"{n}\n" for n in range(9)) + "\n" * 3, "kasmina/gone.py": "x\n"}
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NEW = {"kasmina/ops.py": "".join(f"{n}\n" for n in range(9)) + "\n9\n\n", "kasmina/come.py": "y\n"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize(
    "setting", ["core.editor=x", "diff.noprefix=true", "diff.mnemonicPrefix=true"]
)
@pytest.mark.parametrize("stripped", ["true", "false"])
def test_what_git_prints_under_any_setting_is_read(
    tmp_path: Path, setting: str, staged: bool, stripped: str, reverse: bool
) -> None:
    def git(*words: str) -> str:
        config = ["-c", setting, "-c", f"diff.suppressBlankEmpty={stripped}"]
        command = ["git", *config, *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    (tmp_path / "kasmina").mkdir()
    for name, text in OLD.items():
        (tmp_path / name).write_text(text)
    git("add", "-A")
    way = ["-R"] if reverse else []
    before: dict[str, str]
    if staged:
        text = git("diff", *way, "--cached", EMPTY_TREE)
        before, after = {}, OLD
    else:
        (tmp_path / "kasmina/gone.py").unlink()
        for name, content in NEW.items():
            (tmp_path / name).write_text(content)
        git("add", "-N", "kasmina/come.py")
        text = git("diff", "--no-renames", *way)
        before, after = OLD, NEW
    if reverse:
        before, after = after, before

    patch = diffs.parse(text, packages=("kasmina",))

    assert diffs.apply(dict(before), patch) == after
    assert diffs.apply(dict(after), patch, reverse=True) == before


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_diff_without_context_says_how_to_make_one_with_it(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("a\nb\n")
    (tmp_path / "new.py").write_text("a\nx\nb\n")
    command = ["git", "diff", "--no-index", "-U0", "old.py", "new.py"]
    printed = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    ).stdout
    text = printed.replace("new.py", "old.py")

    with pytest.raises(PatchError, match="make the diff with -U3"):
        diffs.parse(text)


@pytest.mark.parametrize(
    ("files", "text", "reason"),
    [
        ({"kasmina/new.py": "x\n"}, ADDED, "exists already"),
        ({"kasmina/new.py/deep.py": "x\n"}, ADDED, "cannot be added beside"),
        ({"kasmina/ops.py": "one\n"}, PLAIN, "end of the file"),
        ({"kasmina/ops.py": FILES["kasmina/ops.py"] + "six\n"}, DELETED, "more lines"),
        ({"kasmina/ops.py": "one\ntwo\nthree\nfour"}, PLAIN, "expects 'four'"),
        ({"kasmina/ops.py": b"\xff\n"}, PLAIN, "not UTF-8"),
        ({"kasmina/ops.py": "one\ntwo\nthree\r\nfour\n"}, PLAIN, "expects 'three'"),
    ],
)
def test_what_does_not_fit_is_refused(
    files: dict[str, diffs.Content], text: str, reason: str
) -> None:
    with pytest.raises(PatchError, match=reason):
        diffs.apply(files, diffs.parse(text))


BAD = {
    "empty": ("", "empty"),
    "blank": ("\n\n", "empty"),
    "prose": ("please fix\n" + PLAIN, "not part of a unified diff"),
    "nul": (PLAIN.replace("THREE", "TH\0REE"), "NUL"),
    "cr": (PLAIN.replace("\n", "\r\n"), "carriage returns"),
    "surrogate": (PLAIN.replace("THREE", "\ud800"), "not valid Unicode"),
    "no newline": (PLAIN + "\\ No newline at end of file\n", "without a newline"),
    "no newline inside": (
        PLAIN.replace("-three\n", "-three\n\\ No newline at end of file\n"),
        "without a newline",
    ),
    "binary": (
        "diff --git a/kasmina/x.py b/kasmina/x.py\nGIT binary patch\nliteral 0\n",
        "binary",
    ),
    "binary files": ("Binary files a/x.py and b/x.py differ\n", "binary"),
    "mode": (git_diff(header="old mode 100644\nnew mode 100755\n"), "modes"),
    "symlink": (ADDED.replace("100644", "120000"), "symbolic links"),
    "symlink by index": (GIT.replace("100644", "120000"), "symbolic links"),
    "submodule": (ADDED.replace("100644", "160000"), "submodules"),
    "executable": (ADDED.replace("100644", "100755"), "executable"),
    "odd mode": (ADDED.replace("100644", "100600"), "mode 100600"),
    "rename": (
        git_diff(header="similarity index 90%\nrename from kasmina/a.py\nrename to b\n"),
        "renames",
    ),
    "rename from": (git_diff(header="rename from kasmina/a.py\n"), "renames"),
    "rename by header": (PLAIN.replace("+++ b/kasmina/ops.py", "+++ b/kasmina/o.py"), "renames"),
    "copy": (git_diff(header="copy from kasmina/a.py\n"), "copies"),
    "git line lies": ("diff --git a/kasmina/o.py b/kasmina/o.py\n" + PLAIN, "other files"),
    "mode lies": (git_diff(header="new file mode 100644\n"), "contradicts"),
    "dotdot": (PLAIN.replace("kasmina/ops", "kasmina/../app/ops"), "`..`"),
    "dotdot after prefix": (PLAIN.replace("kasmina/ops", "../kasmina/ops"), "`..`"),
    "dot": (PLAIN.replace("kasmina/ops", "kasmina/./ops"), "`..`"),
    "double slash": (PLAIN.replace("kasmina/ops", "kasmina//ops"), "`..`"),
    "absolute": (PLAIN.replace("a/kasmina", "/kasmina").replace("b/kasmina", "/kasmina"), "root"),
    "absolute behind prefix": (PLAIN.replace("/kasmina", "//kasmina"), "root"),
    "backslash": (PLAIN.replace("kasmina/ops", "kasmina\\ops"), "root"),
    "drive": (PLAIN.replace("a/kas", "C:/kas").replace("b/kas", "C:/kas"), "root"),
    "outside": (PLAIN.replace("kasmina/", "app/"), "outside kasmina/"),
    "sibling": (PLAIN.replace("kasmina/", "kasmina2/"), "outside kasmina/"),
    "not python": (PLAIN.replace(".py", ".so"), "only .py"),
    "byte code": (PLAIN.replace("ops", "__pycache__/ops"), "byte code"),
    "quoted": (PLAIN.replace("--- a/kasmina/ops.py", '--- "a/kasmina/\\303.py"'), "quoted"),
    "control character": (PLAIN.replace("ops", "o\x1bps"), "printable"),
    "both null": (
        PLAIN.replace("a/kasmina/ops.py", "/dev/null").replace("b/kasmina/ops.py", "/dev/null"),
        "both sides",
    ),
    "twice": (PLAIN + PLAIN, "occurs twice"),
    "no hunk": ("--- a/kasmina/ops.py\n+++ b/kasmina/ops.py\n", "no hunk"),
    "git's empty new file": (
        "diff --git a/kasmina/o.py b/kasmina/o.py\nnew file mode 100644\nindex 0000000..e69de29\n",
        "empty files; those cannot be added",
    ),
    "git without hunk": ("diff --git a/kasmina/o.py b/kasmina/o.py\n", "no hunk"),
    "two git lines": (
        "diff --git a/kasmina/o.py b/kasmina/o.py\nnew file mode 100644\n" + GIT,
        "no hunk",
    ),
    "no plus header": ("--- a/kasmina/ops.py\n@@ -1 +1 @@\n-a\n+b\n", "starts with '\\+\\+\\+ '"),
    "null with lines": (ADDED.replace("@@ -0,0 +1,2 @@\n", "@@ -1 +1,3 @@\n x\n"), "no lines"),
    "added in two hunks": (ADDED + "@@ -5,1 +7,2 @@\n+a\n b\n", "exactly one hunk"),
    "count too high": (PLAIN.replace("-2,3", "-2,4"), "fewer lines"),
    "count too low": (PLAIN.replace("-2,3 +2,3", "-2,2 +2,2"), "more lines"),
    "counts do not add up": (PLAIN.replace("-2,3", "-2,1"), "add up"),
    "start lies": (PLAIN.replace("+2,3", "+9,3"), "by the counts it starts at 2"),
    "start zero": (PLAIN.replace("-2,3 +2,3", "-0,3 +0,3"), "start at 1"),
    "no context": (
        "--- a/kasmina/ops.py\n+++ b/kasmina/ops.py\n@@ -2,0 +3 @@\n+x\n",
        "context",
    ),
    "bad header": (PLAIN.replace("@@ -2,3", "@@ -2;3"), "hunk header"),
    "huge number": (PLAIN.replace("-2,3", "-" + "9" * 5000 + ",3"), "hunk header"),
    "no context at a line": (
        PLAIN.split("@@")[0] + "@@ -2,0 +3 @@\n+x\n",
        "make the diff with -U3",
    ),
    "other names": (f"diff --git a/k.py b/k.py\n{PLAIN}", "other files"),
    "odd line": (PLAIN.replace(" two\n", "#two\n"), "starts with none"),
    "changes nothing": (
        "--- a/kasmina/ops.py\n+++ b/kasmina/ops.py\n@@ -1 +1 @@\n one\n",
        "changes nothing",
    ),
    "overlap": (PLAIN + "@@ -3,2 +3,2 @@\n three\n-four\n+FOUR\n", "overlap"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=list(BAD))
def test_everything_else_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(PatchError, match=reason):
        diffs.parse(text, packages=("kasmina",))


def test_the_error_names_the_line() -> None:
    with pytest.raises(PatchError) as caught:
        diffs.parse(GIT + "nonsense\n")

    assert caught.value.line == 10
    assert str(caught.value).startswith("line 10: ")


def test_fifty_megabytes_are_refused_by_their_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffs, "parse_files", lambda *_: pytest.fail("read in spite of its size"))

    with pytest.raises(PatchError, match="at most 262144"):
        diffs.parse("x" * (50 << 20))
    with pytest.raises(PatchError, match="at most 262144"):
        diffs.parse("ä" * diffs.MAX_BYTES)


def test_the_limit_itself_is_accepted() -> None:
    padding = diffs.MAX_BYTES - len(PLAIN) - 1
    text = PLAIN.replace("THREE", "THREE#" + "x" * padding)

    assert len(text) == diffs.MAX_BYTES
    assert diffs.parse(text)


LINE = st.text(alphabet="ab \t+-@\\#\f\u2028é", max_size=4)
TEXT = st.lists(LINE, max_size=14).map(lambda lines: "".join(f"{line}\n" for line in lines))


def unified(before: str, after: str, context: int = 3, name: str = "p/x.py") -> str:
    old, new = ([line + "\n" for line in text.split("\n")[:-1]] for text in (before, after))
    return "".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=context))


@given(TEXT, TEXT, st.integers(1, 4))
def test_what_difflib_writes_applies_both_ways(before: str, after: str, context: int) -> None:
    text = unified(before, after, context)
    if not text:
        return
    patch = diffs.parse(text, packages=("p",))

    assert diffs.apply({"p/x.py": before}, patch) == {"p/x.py": after}
    assert diffs.apply({"p/x.py": after}, patch, reverse=True) == {"p/x.py": before}


@given(st.text(max_size=400))
def test_noise_is_refused_and_nothing_else_is_raised(noise: str) -> None:
    for text in (noise, PLAIN + noise, PLAIN[:60] + noise):
        try:
            diffs.parse(text)
        except PatchError:
            pass


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nX\nd\ne\nf\ng\nh\n"),
        ("".join(f"{n}\n" for n in range(40)), "".join(f"{n}\n" for n in range(40) if n % 13)),
        ("", "new\n"),
        ("--- a\n+++ b\n", "--- a\n++ c\n"),
        ("\n\n\n", "\n\n"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_git_apply_agrees(tmp_path: Path, before: str, after: str, reverse: bool) -> None:
    text = unified(before, after)
    file = tmp_path / "p" / "x.py"
    file.parent.mkdir()
    file.write_text(after if reverse else before)
    command = ["git", "apply", *(["-R"] if reverse else []), "-"]
    subprocess.run(command, input=text, text=True, cwd=tmp_path, check=True)

    start = {"p/x.py": after if reverse else before}
    assert diffs.apply(start, diffs.parse(text), reverse=reverse) == {"p/x.py": file.read_text()}
