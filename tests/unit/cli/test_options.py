"""Options that every command takes, and values as people write them."""

import pytest
import typer

from alphaplus_tui.cli.options import hoist, parse_duration, parse_time


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (["status", "--demo"], ["--demo", "status"]),
        (["status", "--json", "--data-dir", "/d"], ["--data-dir", "/d", "status", "--json"]),
        (
            ["export", "trades", "--config=/c", "--symbol", "A/B"],
            ["--config=/c", "export", "trades", "--symbol", "A/B"],
        ),
        (["--log-level", "debug", "status", "--demo"], ["--log-level", "debug", "--demo", "status"]),
        (["replay", "--", "--demo"], ["replay", "--", "--demo"]),
        (["status", "--config"], ["--config", "status"]),
        ([], []),
    ],
)
def test_what_every_command_takes_may_stand_before_or_after_its_name(said: list[str], understood: list[str]) -> None:
    assert hoist(said) == understood


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1.5m", 90), ("2h", 7200), ("1d", 86400), ("250ms", 0.25), ("7", 7)]
)
def test_a_duration_is_written_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-3s", "0s", "nan", "inf", "3w", "3 fortnights", "1e99h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "ts"),
    [
        ("1970-01-02", 86_400_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2024-08-08T23:55:00", 1_723_161_300_000_000_000),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, ts: int) -> None:
    assert parse_time(text) == ts


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="no time"):
        parse_time("yesterday")
