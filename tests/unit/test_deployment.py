"""The files that containers are made from: valid, without secrets, and saying what they should."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

import app
from app.config import Settings
from app.domain.monitoring import RUN_SECONDS, RUNS_FINISHED, SWEPT, Readings, TargetReading
from app.metrics import Metrics

ROOT = Path(app.__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def stage(name: str) -> str:
    """The instructions of one stage, those it builds on first."""
    found = re.search(rf"^FROM (\S+) AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.M | re.S)
    assert found, name
    base = "" if ":" in found[1] else stage(found[1])
    return base + found[2]


def test_the_compose_file_obeys_its_schema() -> None:
    schemas = resources.files("check_jsonschema.builtin_schemas.vendor")
    schema = json.loads((schemas / "compose-spec.json").read_text())

    jsonschema.validate(COMPOSE, schema)


def test_services_start_in_order_of_health() -> None:
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in COMPOSE["services"].items()
    }

    ready = {"migrate": "service_completed_successfully", "database": "service_healthy"}
    assert waits == {
        "database": {},
        "migrate": {"database": "service_healthy"},
        "web": ready,
        "worker": ready,
    }
    assert COMPOSE["services"]["migrate"]["restart"] == "no"
    assert "healthcheck" in COMPOSE["services"]["database"]


def test_workers_can_be_scaled() -> None:
    worker = COMPOSE["services"]["worker"]

    assert {"container_name", "ports", "volumes"}.isdisjoint(worker)


def test_only_the_web_host_can_be_reached_and_only_from_this_machine() -> None:
    published = {n: s["ports"] for n, s in COMPOSE["services"].items() if "ports" in s}

    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert COMPOSE["services"]["worker"]["networks"] == ["inside"]


def values(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [value for part in found.values() for value in values(part)]
    if isinstance(found, list):
        return [value for part in found for value in values(part)]
    return [str(found)]


def test_the_password_is_in_a_file_and_in_no_environment() -> None:
    services = COMPOSE["services"].values()
    environments = [value for s in services for value in values(s.get("environment", {}))]

    assert all("database-password" in service["secrets"] for service in services)
    assert not [value for value in environments if re.search(r"://[^/@]*:[^/@]*@", value)]
    for service in services:
        for name in service.get("environment", {}):
            assert "PASSWORD" not in name or name.endswith("_FILE")
    assert "PASSWORD" not in DOCKERFILE
    assert {".env", "database-password"} <= set((ROOT / ".gitignore").read_text().split())


def test_every_container_is_bounded_and_writes_where_it_should() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["mem_limit"], name
        assert service["pids_limit"] <= 2048, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert all(":size=" in mount for mount in service["tmpfs"]), name


def test_images_of_others_have_an_exact_version() -> None:
    given = [s["image"] for s in COMPOSE["services"].values() if "build" not in s]
    given += re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.M)

    assert len(given) == 2
    for image in given:
        assert re.search(r":\d+\.\d+(\.\d+)?(-[\w-]+)?$", image), image
    assert re.search(r"python:3\.11\.\d+-", DOCKERFILE)


def test_every_setting_that_is_given_exists() -> None:
    given = {
        name
        for service in COMPOSE["services"].values()
        for name in service.get("environment", {})
        if name.startswith("FINDINGS_")
    }
    given |= set(re.findall(r"\b(FINDINGS_\w+)=", DOCKERFILE))
    known = {f"FINDINGS_{name.upper()}" for name in Settings.model_fields}

    assert given <= known


@pytest.mark.parametrize("name", ["web", "worker"])
def test_images_run_as_an_ordinary_user(name: str) -> None:
    users = re.findall(r"^USER (\S+)", stage(name), re.M)

    assert users == ["10001:10001"]


def test_only_the_worker_image_carries_torch() -> None:
    assert "COPY --from=build-web /opt/findings" in stage("web")
    assert not re.search(r"torch|worker", stage("build-web"))
    assert "whl/cpu" in stage("build-worker")
    assert "'.[otel,worker]'" in stage("build-worker")


def test_the_web_image_is_the_default_and_is_watched() -> None:
    assert re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.M)[-1] == "web"
    assert re.search(r"^HEALTHCHECK .*\n\s+CMD .*/readyz", stage("web"), re.M)


def test_nothing_but_what_is_listed_goes_to_the_builder() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] not in ("", "#")
    ]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    sources = {name.split("/")[0] for line in copied for name in line.split()}

    assert lines[0] == "*"
    assert sources == {line[1:] for line in lines if line.startswith("!") and "/" not in line}


def known_series() -> set[str]:
    metrics = Metrics()
    metrics.count_request("GET", "/", 200, 0.1)
    ended = {
        RUNS_FINISHED: {("check", "passed"): 1.0},
        RUN_SECONDS: {("check",): 1.0},
        SWEPT: {("leases",): 1.0},
    }
    targets = {"kasmina": TargetReading(runnable=True, tests=1, tickets=1, queued=0)}
    text = metrics.render(Readings(counters=ended, targets=targets), {"most": 1}).decode()
    return {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }


@pytest.mark.parametrize("name", ["alerts.yml", "grafana-dashboard.json"])
def test_alerts_and_dashboard_ask_for_metrics_that_exist(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    asked = set(re.findall(r"\b((?:findings|process)_[a-z_]+)\b", text))

    assert asked
    assert asked <= known_series()


def test_every_alert_is_explained() -> None:
    rules = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"][0]["rules"]
    explained = re.findall(r"^\| (Findings\w+) \|", (ROOT / "docs/operating.md").read_text(), re.M)

    assert explained == [rule["alert"] for rule in rules]


@pytest.mark.parametrize("name", ["operating.md", "upgrading.md"])
def test_settings_and_files_that_the_manual_names_exist(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    known = {f"FINDINGS_{field.upper()}" for field in Settings.model_fields}

    assert set(re.findall(r"FINDINGS_[A-Z_]+", text)) <= known
    for linked in re.findall(r"\]\(([\w.-]+)\)", text):
        assert (ROOT / "docs" / linked).is_file(), linked
