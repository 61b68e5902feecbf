#!/usr/bin/env bash
# For a call over several lines, bandit's SARIF gives a region that ends too early
# and, as its snippet, a line of another statement.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check "bandit[sarif]==1.9.4"
cd "$dir"

cat > sample.py <<'PY'
import subprocess


def run(command):
    subprocess.call(
        command,
        shell=True,
    )
    message = (
        "the command has run: %s"
        % command
    )
    return message
PY
"$dir/venv/bin/bandit" -q -f sarif -o report.sarif sample.py || true

"$dir/venv/bin/python" - <<'PY'
import ast
import json
import sys
from importlib.metadata import version
from pathlib import Path

source = Path("sample.py").read_text()
call = next(
    node
    for node in ast.walk(ast.parse(source))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "subprocess.call"
)
results = json.loads(Path("report.sarif").read_text())["runs"][0]["results"]
(found,) = [result for result in results if result["ruleId"] == "B602"]
region = found["locations"][0]["physicalLocation"]["region"]
seen = region["startLine"], region["endLine"], region["snippet"]["text"].strip()
print("versions: bandit", version("bandit"))
print("expected: lines", call.lineno, "to", call.end_lineno, "and the text of that call")
print("seen:     lines", seen[0], "to", seen[1], "and the text", repr(seen[2]))
sys.exit((call.lineno, call.end_lineno) != (5, 8) or seen != (5, 6, "% command"))
PY
