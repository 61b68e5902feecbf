#!/usr/bin/env bash
# sarif-tools counts a result whose suppression was accepted, and one that is absent since the
# baseline, as errors like any other, and `--check error` fails on them.
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

accepted = [{"kind": "external", "status": "accepted", "justification": "bounded by the caller"}]
write("suppressed.sarif", result("app/reader.py", 10, suppressions=accepted))
write("absent.sarif", result("app/reader.py", 10, baselineState="absent"))
PY

"$dir/venv/bin/sarif" --version
for name in suppressed absent; do
    echo "--- $name"
    "$dir/venv/bin/sarif" --check error summary "$name.sarif" > "$name.txt" 2>&1 \
        || echo "exit status $?" >> "$name.txt"
    cat "$name.txt"
done

echo "expected: no error, for neither result is a live finding"
if grep -q "^error: 1" suppressed.txt && grep -q "exit status 1" suppressed.txt \
    && grep -q "^error: 1" absent.txt && grep -q "exit status 1" absent.txt; then
    echo "seen:     one error in each log, and the check fails"
else
    echo "changed:  see the output above" >&2
    exit 1
fi
