#!/usr/bin/env bash
# `sarif diff --check error` fails on a rule or message that is new, not on one finding more:
# a second error of a rule that already had one prints "+0" and the check passes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check sarif-tools==3.0.5
cd "$dir"

"$dir/venv/bin/python" - <<'PY'
import json


def result(uri, line, **more):
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    return {
        "ruleId": "R1",
        "level": "error",
        "message": {"text": "the size is not checked"},
        "locations": [{"physicalLocation": place}],
        **more,
    }


def write(name, *results):
    driver = {"name": "Scanner", "rules": [{"id": "R1"}]}
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    with open(name, "w") as file:
        json.dump(log, file)

write("before.sarif", result("app/reader.py", 10))
write("same-rule.sarif", result("app/reader.py", 10), result("app/writer.py", 400))
write("other-rule.sarif", result("app/reader.py", 10), result("app/writer.py", 400, ruleId="R2"))
PY

check() { "$dir/venv/bin/sarif" --check error diff before.sarif "$1" 2>&1 || echo "exit status $?"; }
"$dir/venv/bin/sarif" --version
echo "--- one error more, of another rule"
check other-rule.sarif | tee other.txt
echo "--- one error more, of the same rule"
check same-rule.sarif | tee same.txt

echo "expected: both checks fail, for both logs hold one error more than before"
if grep -q "exit status 1" other.txt && grep -q "occurrences 1 -> 2" same.txt \
    && grep -q "all levels: +0 +0" same.txt && ! grep -q "exit status" same.txt; then
    echo "seen:     the first fails; the second prints '+0 +0' and passes"
else
    echo "changed:  see the output above" >&2
    exit 1
fi
