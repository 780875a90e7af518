"""What Prometheus learns of a running AlphaPlus: every metric, every query of the dashboards, every rule."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from alphaplus_tui.resources import resource
from tests.e2e.harness import started
from tests.e2e.prometheus import Prometheus, scraping
from tests.support import need_tool

PROMISED = (
    *("feed_messages_total", "feed_last_message_age_seconds", "feed_reconnects_total", "gaps_open"),
    *("trades_backfilled_total", "wire_to_state_seconds_bucket", "wire_to_commit_seconds_bucket"),
    *("db_query_seconds_bucket", "db_write_rows_total", "spool_bytes", "bus_dropped_total", "service_state"),
    *("service_restarts_total", "inference_seconds_bucket", "predictions_total", "decisions_total", "signals_total"),
    *("model_brier", "model_drift_psi", "event_loop_lag_seconds_bucket", "stream_seconds_total", "db_size_bytes"),
    *("disk_free_bytes", "process_resident_memory_bytes"),
)
"""INTERFACE 4."""
LABELS = {
    "feed_messages_total": {"exchange", "channel"},
    "db_query_seconds_bucket": {"query", "le"},
    "db_write_rows_total": {"table"},
    "bus_dropped_total": {"subscriber"},
    "service_state": {"service", "state"},
    "service_restarts_total": {"service"},
    "inference_seconds_bucket": {"model", "le"},
    "decisions_total": {"reason"},
    "signals_total": {"direction"},
    "model_drift_psi": {"model", "feature"},
    "stream_seconds_total": {"state"},
}
DASHBOARDS = ("market-data", "database", "models-and-signals", "services")


def queries(dashboard: str) -> list[str]:
    """Every expression of a dashboard, as Grafana would send it."""
    panels = json.loads(resource(f"assets/grafana/{dashboard}.json").read_text())["panels"]
    return [target["expr"].replace("$__rate_interval", "10s") for panel in panels for target in panel["targets"]]


@pytest.mark.slow
@pytest.mark.xdist_group("prometheus")
async def test_prometheus_has_every_metric_and_answers_every_query_of_the_dashboards(tmp_path: Path) -> None:
    need_tool("prometheus", package="prometheus")
    async with started(tmp_path, "--demo", "--headless") as program:
        ready = await program.line("ready", within_s=90)
        folder = tmp_path / "prometheus"
        folder.mkdir()
        async with scraping(folder, ready["api"], program.data / "api-token") as prometheus:
            await prometheus.until('count_over_time(up{job="alphaplus"}[1m]) >= 5')
            await prometheus.until("alphaplus_inference_seconds_count > 0", within_s=90)
            for name in PROMISED:
                await _is_there(prometheus, name)
            for dashboard in DASHBOARDS:
                for expression in queries(dashboard):
                    assert await prometheus.query(expression), f"{dashboard}: {expression} gives nothing"
            rules = [rule for group in (await prometheus.get("rules"))["groups"] for rule in group["rules"]]
            assert len(rules) >= 20
            assert {rule["health"] for rule in rules} == {"ok"}, [rule for rule in rules if rule["health"] != "ok"]
            assert not [rule["name"] for rule in rules if rule["state"] == "firing"]


async def _is_there(prometheus: Prometheus, name: str) -> None:
    found = await prometheus.query(f"alphaplus_{name}")
    assert found, f"{name} is not told"
    missing = LABELS.get(name, set[str]()) - set(found[0]["metric"])
    assert not missing, f"{name} lacks {missing}"


def test_promtool_accepts_the_example_and_the_rules(tmp_path: Path) -> None:
    promtool = need_tool("promtool", package="prometheus")
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_text(resource(f"assets/prometheus/{name}").read_text())
    (tmp_path / "api-token").write_text("t" * 43)
    done = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"SUCCESS: 2\d rules found", done.stdout)


RULE_TESTS = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'alphaplus_stream_seconds_total{instance="a",state="LIVE"}', values: '0+48x120'}
      - {series: 'alphaplus_stream_seconds_total{instance="a",state="STALE"}', values: '0+12x120'}
      - {series: 'alphaplus_stream_seconds_total{instance="b",state="LIVE"}', values: '0+60x120'}
      - {series: 'alphaplus_stream_seconds_total{instance="b",state="STALE"}', values: '0+0x120'}
      - {series: 'alphaplus_feed_last_message_age_seconds{exchange="demo",symbol="A/B"}', values: '1x60 90x60'}
      - {series: 'alphaplus_gaps_open{instance="a"}', values: '0x10 2x110'}
      - {series: 'alphaplus_service_restarts_total{service="candles"}', values: '0x100 2 4 6 8 10 12'}
      - {series: 'alphaplus_model_drift_psi{model="m",feature="f"}', values: '0.1x20 0.3x100'}
    alert_rule_test:
      - {eval_time: 90m, alertname: LiveBudgetBurnsFast, exp_alerts: [{exp_labels: {instance: a, severity: critical},
          exp_annotations: {summary: "Streams are not live so often that a month's budget is gone in two days",
          description: "20% of the stream-seconds of the last hour were not LIVE."}}]}
      - {eval_time: 30m, alertname: FeedStale, exp_alerts: []}
      - {eval_time: 70m, alertname: FeedStale, exp_alerts: [{
          exp_labels: {exchange: demo, symbol: A/B, severity: warning},
          exp_annotations: {summary: "Nothing is heard of A/B on demo",
          description: "The last message came 1m 30s ago; no signal is made from stale data."}}]}
      - {eval_time: 20m, alertname: GapOpen, exp_alerts: []}
      - {eval_time: 40m, alertname: GapOpen, exp_alerts: [{exp_labels: {instance: a, severity: warning},
          exp_annotations: {summary: "Trades have been missing for 15 minutes",
          description: "2 gaps are open; GET /api/v1/coverage names them, with the reason."}}]}
      - {eval_time: 90m, alertname: ServiceRestarts, exp_alerts: []}
      - {eval_time: 70m, alertname: ModelDrift, exp_alerts: []}
      - {eval_time: 119m, alertname: ModelDrift, exp_alerts: [{exp_labels: {model: m, feature: f, severity: warning},
          exp_annotations: {summary: "The market is no longer what m was trained on",
          description: "f has moved: PSI 0.30. A training is worth its time."}}]}
"""


def test_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    promtool = need_tool("promtool", package="prometheus")
    (tmp_path / "alerts.yml").write_text(resource("assets/prometheus/alerts.yml").read_text())
    (tmp_path / "tests.yml").write_text(RULE_TESTS)
    done = subprocess.run(
        [promtool, "test", "rules", "tests.yml"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
