"""Faults are rows of data: read from files, on when they say, refused when they make no sense."""

from pathlib import Path

import pytest

from alphaplus_tui.simulator.faults import KINDS, Fault, FaultError, parse_faults, read_faults


def test_a_toml_file_and_a_json_file_say_the_same(tmp_path: Path) -> None:
    toml, json = tmp_path / "faults.toml", tmp_path / "faults.json"
    toml.write_text('[[faults]]\nkind = "skip"\nprobability = 0.1\nsymbols = ["BTCUSDT"]\n')
    json.write_text('{"faults": [{"kind": "skip", "probability": 0.1, "symbols": ["BTCUSDT"]}]}')
    assert read_faults(toml) == read_faults(json) == [Fault("skip", probability=0.1, symbols=("BTCUSDT",))]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('{"kind": "explode"}', "unknown kind of fault 'explode'; allowed are cut, close, half-open"),
        ('{"kind": "skip", "chance": 0.1}', "unknown field `chance`"),
        ('{"kind": "skip", "probability": 2}', "probability must be from 0 to 1, not 2"),
        ('{"kind": "mute", "start_s": -1}', "start_s must not be negative"),
        ('{"kind": "mute", "duration_s": 0}', "duration_s must be positive"),
        ('{"kind": "mute", "period_s": 5}', "period_s wants duration_s"),
        ('{"kind": "cut", "period_s": 0}', "period_s must be positive, not 0"),
        ('{"kind": "oversize", "size_bytes": 0}', "size_bytes must be from 1"),
        ('{"kind": "skip"', "expected an object with a list of faults"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_what_is_allowed(row: str, complaint: str) -> None:
    with pytest.raises(FaultError) as refused:
        parse_faults(f'{{"faults": [{row}]}}'.encode())
    assert complaint in str(refused.value)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text("[[faults]\n")
    with pytest.raises(FaultError, match=r"faults\.toml"):
        read_faults(path)


def test_a_fault_is_on_from_its_start_for_its_duration_again_each_period() -> None:
    fault = Fault("mute", start_s=2, duration_s=1, period_s=5)
    times = (0, 1.9, 2, 2.9, 3, 6.9, 7, 7.9, 8)
    assert [fault.on(time_s) for time_s in times] == [False, False, True, True, False, False, True, True, False]
    assert Fault("mute").on(1e9)


def test_cuts_strike_at_the_start_and_then_each_period_while_they_last() -> None:
    cut = Fault("cut", start_s=1, period_s=1, duration_s=3)
    assert [cut.strikes(time_s) for time_s in (0.5, 1.0, 1.5, 2.1, 3.1, 4.1, 60)] == [0, 1, 1, 2, 3, 4, 4]
    assert [Fault("cut", start_s=1).strikes(time_s) for time_s in (0.5, 1.0, 100)] == [0, 1, 1]


def test_a_fault_touches_the_streams_it_names() -> None:
    skip = Fault("skip", symbols=("BTCUSDT",))
    assert skip.touches("btcusdt@trade")
    assert not skip.touches("btcusdt@depth@100ms")
    assert not skip.touches("ethusdt@trade")
    assert Fault("skip", streams=("depth@100ms",)).touches("btcusdt@depth@100ms")
    assert Fault("mute").touches("btcusdt@kline_1m")


def test_every_kind_says_what_it_means() -> None:
    assert all(kind.meaning for kind in KINDS.values())
