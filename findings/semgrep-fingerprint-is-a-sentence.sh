#!/usr/bin/env bash
# Without an account, the fingerprint that semgrep's SARIF gives each result is the text
# "requires login": stable, present, and the same for every finding of every project.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check semgrep==1.185.0
cd "$dir"

cat > rule.yml <<'YAML'
rules:
  - {id: eval-call, languages: [python], severity: ERROR, message: eval is called, pattern: eval(...)}
  - {id: exec-call, languages: [python], severity: ERROR, message: exec is called, pattern: exec(...)}
YAML
printf 'eval(text)\n\n\nexec(code)\n' > sample.py
export SEMGREP_SETTINGS_FILE="$dir/settings.yml" # no account
"$dir/venv/bin/semgrep" scan --quiet --metrics off --disable-version-check --config rule.yml \
    --sarif --output report.sarif sample.py

"$dir/venv/bin/python" - <<'PY'
import json
import sys
from importlib.metadata import version

with open("report.sarif") as file:
    results = json.load(file)["runs"][0]["results"]
seen = {result["ruleId"].rsplit(".")[-1]: result["fingerprints"] for result in results}
print("versions: semgrep", version("semgrep"))
print("expected: a fingerprint that tells the two findings apart, or none")
print("seen:    ", seen)
said = {"matchBasedId/v1": "requires login"}
sys.exit(seen != {"eval-call": said, "exec-call": said})
PY
