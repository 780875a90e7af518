"""A backup that was taken while the market went on holds what happened up to its moment."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from tests.e2e.harness import exported, pointed_at, run, started
from tests.e2e.test_headless_market import following, stop
from tests.e2e.truth import compare_trades, read_journal
from tests.support_simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("machine")]

_COMMIT_WITHIN_MS = 3000


async def test_a_backup_taken_under_load_restores_to_the_journal_up_to_its_moment(tmp_path: Path) -> None:
    journal, file, other = tmp_path / "journal.csv", tmp_path / "market.dump", tmp_path / "other"
    async with (
        running_simulator(symbols=20, rate=300, journal=journal) as market,
        started(tmp_path, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
    ):
        from_ms = await following(program)
        await asyncio.sleep(6)  # a stretch of market
        done = await run(tmp_path, "db", "backup", str(file), "--json")
        assert done.code == 0, done.stderr
        refused = await run(tmp_path, "db", "restore", str(file), "--force")
        assert refused.code == 75
        assert "another AlphaPlus" in refused.stderr
        summary = await stop(program)
    backup = done.last
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert backup["rows"]["trades"] < summary["trades_committed"]

    restored = await run(tmp_path, "--data-dir", str(other), "db", "restore", str(file), "--json", within_s=120)
    assert restored.code == 0, restored.stderr
    assert restored.last["rows"] == backup["rows"]
    rows = await exported(tmp_path, "trades", "--data-dir", str(other))
    assert len(rows) == backup["rows"]["trades"]
    taken_ms = backup["taken_at"] // 1_000_000
    compared = compare_trades(rows, read_journal(journal), from_ms=from_ms, until_ms=taken_ms - _COMMIT_WITHIN_MS)
    assert not compared.differences
    assert compared.trades > 300

    again = await run(tmp_path, "--data-dir", str(other), "db", "restore", str(file))
    assert again.code == 2
    assert "--force" in again.stderr
    for table in ("trades", "candles", "instruments"):
        assert f"{backup['rows'][table]:,} in {table}" in again.stderr
    file.write_bytes(file.read_bytes()[:-5000])
    broken = await run(tmp_path, "--data-dir", str(other), "db", "restore", str(file), "--force")
    assert broken.code == 1
    assert len(await exported(tmp_path, "trades", "--data-dir", str(other))) == len(rows)


async def test_a_backup_overwrites_nothing_and_says_where_nothing_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "there.dump"
    file.write_text("mine")
    nothing = await run(tmp_path, "--data-dir", str(tmp_path / "d"), "db", "backup", str(tmp_path / "new.dump"))
    assert nothing.code == 2
    assert "nothing was ever stored" in nothing.stderr
    assert not (tmp_path / "new.dump").exists()
    strange = await run(tmp_path, "--data-dir", str(tmp_path / "d"), "db", "restore", str(file))
    assert strange.code == 1
    assert "cannot be read as a backup" in strange.stderr
    assert file.read_text() == "mine"
    status = await run(tmp_path, "--data-dir", str(tmp_path / "d"), "db", "status", "--json")
    assert json.loads(status.stdout)["rows"] == {}
