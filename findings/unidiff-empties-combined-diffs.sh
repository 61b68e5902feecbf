#!/usr/bin/env bash
# `git show` of a merge that resolved a conflict prints a combined diff (@@@);
# unidiff reads it without an error as a file in which nothing changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check unidiff==1.0.1
cd "$dir"

git init -q repository && cd repository
git config user.name Somebody
git config user.email somebody@example.org
git config merge.conflictStyle merge
commit() { printf 'top\n%s\nbottom\n' "$1" > file.txt && git add file.txt && git commit -qm "$1"; }
commit base
git branch side
commit ours
git checkout -q side
commit theirs
git merge -q - > /dev/null 2>&1 || commit resolved
git show --format= > ../merge.diff
cd ..
cat merge.diff

"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import unidiff

with open("merge.diff") as lines:
    text = lines.read()
assert "@@@ -1,3 -1,3 +1,3 @@@" in text and "++resolved" in text
files = unidiff.PatchSet(text)
seen = [(file.path, file.is_modified_file, len(file), file.added, file.removed) for file in files]
print("versions: unidiff", version("unidiff"))
print("expected: an error, or the changed line")
print("seen:     (path, modified, hunks, added, removed) =", seen)
sys.exit(seen != [("file.txt", True, 0, 0, 0)])
PY
git --version
