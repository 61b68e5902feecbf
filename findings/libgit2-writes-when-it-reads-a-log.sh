#!/usr/bin/env bash
# Asking pygit2 for the reflog of a branch that has none makes an empty log in the repository, and
# from then on git itself writes one there: reading has changed what a bare repository records.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check pygit2==1.21.0
cd "$dir"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a
export GIT_COMMITTER_EMAIL=a@example.org GIT_CONFIG_GLOBAL=/dev/null
git init -q --bare -b main repo.git
tree=$(git -C repo.git mktree </dev/null)
first=$(git -C repo.git commit-tree "$tree" -m first)
git -C repo.git update-ref refs/heads/main "$first"
before=$(find repo.git -path '*logs*' -type f | sort)

"$dir/venv/bin/python" - <<'PY'
import pygit2

repository = pygit2.Repository("repo.git")
print("versions: pygit2", pygit2.__version__, "libgit2", pygit2.LIBGIT2_VERSION)
print("entries read:", len(list(repository.references["refs/heads/main"].log())))
PY
after=$(find repo.git -path '*logs*' -type f | sort)
second=$(git -C repo.git commit-tree "$tree" -p "$first" -m second)
git -C repo.git update-ref refs/heads/main "$second"
echo "expected: no log, before and after; git writes none in a bare repository"
echo "seen:     before '$before', after '$after', then $(wc -l <repo.git/logs/refs/heads/main || echo 0) entries by git"
[ -z "$before" ] && [ -n "$after" ] && [ "$(wc -l <repo.git/logs/refs/heads/main)" = 1 ]
