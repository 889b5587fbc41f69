"""The alert rules and the dashboard of docs/monitoring read metrics that exist. The rules fire as their own tests say."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Process
from api.http.app import create_app
from api.root import schema
from domain.connection.call_budget import Limits
from domain.connection.traffic import Meter
from tests import make
from tests.domain.world import make_world
from xero.allowance import ReportedLimits, Traffic

FOLDER = Path(__file__).resolve().parents[3] / "docs/monitoring"
METRIC = re.compile(r"\btandem_\w+")


def rules() -> list[dict[str, str]]:
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    found: list[dict[str, str]] = group["rules"]
    return found


async def test_each_rule_reads_series_that_a_scrape_has(http: httpx.AsyncClient) -> None:
    await http.post("/graphql", json={"query": "{broken}"})
    text = (await http.get("/metrics")).text
    families = list(text_string_to_metric_families(text))
    scraped = {sample.name for family in families for sample in family.samples}
    labels = {sample.name: sample.labels.keys() for family in families for sample in family.samples}
    assert len(rules()) == 6
    for rule in rules():
        for name in METRIC.findall(rule["expr"]):
            assert name in scraped, rule["alert"]
            wanted = set(re.findall(r"(\w+)=\"", rule["expr"])) - {"job"}
            assert wanted <= set(labels[name]), rule["alert"]


async def scrape(http: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """The samples, by name and the values of their labels, in the order of the labels' names."""
    families = text_string_to_metric_families((await http.get("/metrics")).text)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_a_scrape_has_the_figures_of_all_workspaces(
    http: httpx.AsyncClient, process: Process, owner: AsyncConnection
) -> None:
    database = process.database
    before = await scrape(http)
    worlds = [await make_world(database), await make_world(database)]
    meter, limits = Meter(database.door, database.clock), Limits(database.call_door, database.clock)
    for world in worlds:
        await make.linked(world)
        await world.rows(
            """update sync_link set state = 'FAILING', failure = '{"code": "XERO_REFUSED"}' where workspace_id = :ws returning id"""
        )
        [row] = await world.rows(
            "update organisation set health = 'DEGRADED' where workspace_id = :ws returning tenant_id"
        )
        meter.note(row["tenant_id"], Traffic("Contacts", 200, 1000, 5000))
        slot = await limits.take(row["tenant_id"], "BULK")
        assert isinstance(slot, UUID)
        await limits.give(slot, ReportedLimits(200, 59, 4000 + worlds.index(world)))
    await meter.flush()
    after = await scrape(http)

    def more(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert more("tandem_failing", "XERO_REFUSED", "link") == 2
    assert more("tandem_organisations", "DEGRADED") == 2
    assert more("tandem_calls", "Contacts", "200") == 2
    assert more("tandem_bytes", "Contacts") == 2000
    assert after["tandem_calls_left",] == 4000


def expressions() -> list[str]:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def test_each_panel_of_the_dashboard_reads_a_metric_and_labels_that_a_scrape_has(process: Process) -> None:
    webhooks = process.settings.model_copy(update={"xero_webhook_keys": [SecretStr("key")]})
    metrics = create_app(replace(process, settings=webhooks), schema).state.metrics
    series = {
        sample: set(family._labelnames)
        for family, names in metrics.registry._collector_to_names.items()
        for sample in names
    }
    found = expressions()
    assert len(found) > 20
    for expression in found:
        names = METRIC.findall(expression)
        assert names or expression.startswith("sum(up{"), expression
        for name in names:
            assert name in series, expression
            used = set(re.findall(r"(\w+)=\"", expression)) - {"job"}
            for listed in re.findall(r"by \(([\w, ]+)\)", expression):
                used |= set(listed.split(", "))
            assert used - {"le"} <= series[name], expression


def test_prometheus_can_read_each_expression_of_the_dashboard(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: `apt-get install prometheus` has it")
    listed = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": listed}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: `apt-get install prometheus` has it")
    done = subprocess.run(
        [promtool, "test", "rules", str(FOLDER / "alerts_test.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
