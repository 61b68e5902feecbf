#!/usr/bin/env bash
# With pytest-rerunfailures, every failed attempt but the last stands in pytest's JUnit file
# as a passed test case: a test that failed three times of three looks flaky.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check pytest==9.2.0 pytest-rerunfailures==16.7
cd "$dir"

cat > test_sample.py <<'PY'
calls = []


def test_never_passes():
    assert False


def test_passes_the_second_time():
    calls.append(1)
    assert len(calls) == 2
PY
"$dir/venv/bin/python" -m pytest -q --tb=no --reruns 2 --junitxml=report.xml || true

"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version
from xml.etree import ElementTree

cases = {}
for case in ElementTree.parse("report.xml").iter("testcase"):
    outcome = ",".join(child.tag for child in case) or "passed"
    cases.setdefault(case.get("name"), []).append(outcome)
suite = ElementTree.parse("report.xml").find("testsuite")
print("versions: pytest", version("pytest"), "pytest-rerunfailures", version("pytest-rerunfailures"))
print("expected: one case a test, or the failed attempts marked as failures or reruns")
print("seen:    ", cases, "with tests =", suite.get("tests"))
sys.exit(
    cases
    != {
        "test_never_passes": ["passed", "passed", "failure"],
        "test_passes_the_second_time": ["passed", "passed"],
    }
    or suite.get("tests") != "2"
)
PY
