"""The alert rules of docs/monitoring read metrics that exist, and fire as their own tests say."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

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
