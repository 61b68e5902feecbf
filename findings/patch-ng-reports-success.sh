#!/usr/bin/env bash
# patch-ng applies git's own diff, counts no error and returns True, yet leaves out the new
# empty file and ends a file with a newline where the diff says there is none.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check patch-ng==1.19.1
cd "$dir"

git init -q repository && cd repository
printf 'VALUE = 1\n' > module.py
printf '1.0' > version.txt
git add .
mkdir package && touch package/__init__.py
printf 'VALUE = 2\n' > module.py
printf '1.1' > version.txt
git add --intent-to-add package
git diff --binary > ../change.diff
git rm -q --cached package/__init__.py
rm -r package && git checkout -q .
cp -r . ../by-git && cp -r . ../by-library && cd ..
(cd by-git && git apply ../change.diff)

"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import patch_ng

patch = patch_ng.fromfile("change.diff")
done = patch.apply(root="by-library")


def tree(top):
    files = {file.relative_to(top).as_posix(): file for file in Path(top).rglob("*.*")}
    return {name: file.read_bytes() for name, file in sorted(files.items())
            if file.is_file() and ".git" not in file.parts}


by_git, by_library = tree("by-git"), tree("by-library")
print("versions: patch-ng", version("patch-ng"))
print("expected:", by_git)
print("seen:    ", by_library, "- apply() returned", done, "with", patch.errors, "errors")
sys.exit(
    not done
    or bool(patch.errors)
    or by_git != {"module.py": b"VALUE = 2\n", "package/__init__.py": b"", "version.txt": b"1.1"}
    or by_library != {"module.py": b"VALUE = 2\n", "version.txt": b"1.1\n"}
)
PY
git --version
