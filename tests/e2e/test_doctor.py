"""The doctor works without an engine, fails with 1, and packs nothing over what is there."""

from pathlib import Path

from tests.e2e.harness import run


async def test_without_an_engine_each_check_has_a_line_and_what_fails_has_a_fix(tmp_path: Path) -> None:
    done = await run(tmp_path, "doctor", "--demo", "--json")
    assert done.code == 0, done.stdout
    checks = {found["check"]: found["level"] for found in done.last["findings"]}
    assert checks.keys() >= {"settings", "permissions", "engine", "exchange", "database", "disk", "models", "files"}
    assert "fail" not in checks.values()
    away = {"ALPHAPLUS_EXCHANGE__REST_URL": "http://127.0.0.1:9", "ALPHAPLUS_EXCHANGE__WS_URL": "ws://127.0.0.1:9"}
    failed = await run(tmp_path, "doctor", "--data-dir", str(tmp_path / "d"), extra=away)
    assert failed.code == 1
    assert "FAIL  exchange" in failed.stdout
    assert "→ check the network" in failed.stdout


async def test_wrong_settings_are_a_finding_and_a_bundle_overwrites_nothing(tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    bundle.write_text("mine")
    wrong = await run(tmp_path, "doctor", extra={"ALPHAPLUS_UI__FPS": "900"})
    assert wrong.code == 1
    assert "FAIL  settings" in wrong.stdout
    assert "ui.fps" in wrong.stdout
    refused = await run(tmp_path, "doctor", "--demo", "--bundle", str(bundle))
    assert refused.code == 2
    assert bundle.read_text() == "mine"
