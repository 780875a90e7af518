"""What settings come to, and where they come from."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.resources import read_resource
from alphaplus_tui.settings.layers import flatten
from alphaplus_tui.settings.root import Loaded, Settings, load_settings


def write(folder: Path, text: str) -> Path:
    file = folder / "alphaplus.toml"
    file.write_text(text)
    return file


def load(file: Path | None = None, **environ: str) -> Loaded:
    return load_settings(file, environ=environ)


def test_with_nothing_said_the_demo_market_is_opened() -> None:
    loaded = load()
    assert loaded.settings.exchange.id == "demo"
    assert loaded.settings.exchange.symbols == ()
    assert loaded.settings.exchange.timeframes == ("1m", "5m")
    assert set(loaded.origins.values()) == {"default"}


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = write(tmp_path, '[ui]\nfps = 5\ntheme = "nord"\nup_color = "blue"\n')
    loaded = load_settings(
        file,
        environ={"ALPHAPLUS_UI__FPS": "6", "ALPHAPLUS_UI__THEME": "gruvbox"},
        command_line={"ui.fps": (7, "--fps")},
    )
    ui = loaded.settings.ui
    assert (ui.fps, ui.theme, ui.up_color, ui.symbols) == (7, "gruvbox", "blue", "braille")
    assert [loaded.origin(f"ui.{key}") for key in ("fps", "theme", "up_color", "symbols")] == [
        "command line --fps",
        "environment ALPHAPLUS_UI__THEME",
        f"file {file}",
        "default",
    ]


def test_an_environment_variable_holds_a_list_with_commas() -> None:
    settings = load(ALPHAPLUS_EXCHANGE__ID="binance", ALPHAPLUS_EXCHANGE__SYMBOLS="BTC/USDT, kraken:ETH/USD").settings
    assert settings.exchange.symbols == ("BTC/USDT", "kraken:ETH/USD")


def test_several_exchanges_are_followed_in_one_list() -> None:
    symbols = "kraken:BTC/USD,BTC/USDT,kraken:ETH/USD:USD,binance:SOL/USDT"
    exchange = load(ALPHAPLUS_EXCHANGE__ID="binance", ALPHAPLUS_EXCHANGE__SYMBOLS=symbols).settings.exchange
    assert exchange.followed() == {"binance": ("BTC/USDT", "SOL/USDT"), "kraken": ("BTC/USD", "ETH/USD:USD")}
    assert list(exchange.followed()) == ["binance", "kraken"]
    assert [f"{name}:{symbol}" for name, symbol in exchange.watchlist()] == [
        *("kraken:BTC/USD", "binance:BTC/USDT", "kraken:ETH/USD:USD", "binance:SOL/USDT")
    ]
    only = load(ALPHAPLUS_EXCHANGE__ID="binance", ALPHAPLUS_EXCHANGE__SYMBOLS="kraken:BTC/USD").settings.exchange
    assert only.followed() == {"kraken": ("BTC/USD",)}
    assert load().settings.exchange.followed() == {"demo": ()}


def test_a_demo_exchange_of_ones_own_may_stand_beside_a_real_one() -> None:
    symbols = {"ALPHAPLUS_EXCHANGE__ID": "kraken", "ALPHAPLUS_EXCHANGE__SYMBOLS": "BTC/USD,demo:BTC/USDT"}
    with pytest.raises(
        ConfigError, match=r"the demo market cannot stand beside kraken: .*\[exchange\.overrides\.demo\]"
    ):
        load(None, **symbols)
    settings = load(
        None,
        **symbols,
        ALPHAPLUS_EXCHANGE__OVERRIDES__DEMO__REST_URL="http://127.0.0.1:1",
        ALPHAPLUS_EXCHANGE__OVERRIDES__DEMO__WS_URL="ws://127.0.0.1:1",
    ).settings
    assert settings.exchange.followed() == {"kraken": ("BTC/USD",), "demo": ("BTC/USDT",)}


@pytest.mark.parametrize(
    ("exchange", "first"), [("binance", "BTC/USDT"), ("binanceusdm", "BTC/USDT:USDT"), ("kraken", "BTC/USDT")]
)
def test_a_real_exchange_without_symbols_gets_the_usual_three(exchange: str, first: str) -> None:
    symbols = load(ALPHAPLUS_EXCHANGE__ID=exchange).settings.exchange.symbols
    assert len(symbols) == 3
    assert symbols[0] == first


def test_choosing_the_demo_drops_what_was_said_about_a_real_exchange(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '[exchange]\nid = "kraken"\nsymbols = ["BTC/USD"]\nrest_url = "https://example.org"\ntimeframes = ["1h"]\n'
        '[database]\nurl = "postgresql://me@db/prices"\n',
    )
    settings = load_settings(file, environ={}, command_line={"exchange.id": ("demo", "--demo")}).settings
    assert (settings.exchange.id, settings.exchange.symbols, settings.exchange.rest_url) == ("demo", (), "")
    assert settings.database.embedded
    assert settings.exchange.timeframes == ("1h",)


def test_choosing_the_demo_keeps_what_was_said_about_the_demo() -> None:
    loaded = load_settings(
        None,
        environ={"ALPHAPLUS_EXCHANGE__WS_URL": "ws://127.0.0.1:9000"},
        command_line={"exchange.id": ("demo", "--demo")},
    )
    assert loaded.settings.exchange.endpoints("demo") == ("", "ws://127.0.0.1:9000")


def test_a_further_exchange_has_addresses_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path, '[exchange.overrides.kraken]\nws_url = "ws://localhost:1"\n')
    exchange = load(file, ALPHAPLUS_EXCHANGE__OVERRIDES__KRAKEN__REST_URL="http://[::1]:2").settings.exchange
    assert exchange.endpoints("kraken") == ("http://[::1]:2", "ws://localhost:1")
    assert exchange.endpoints("coinbase") == ("", "")


def test_settings_cannot_be_changed() -> None:
    settings = load().settings
    with pytest.raises(ValidationError):
        settings.ui.fps = 3


def test_other_variables_of_the_same_prefix_are_none_of_our_business() -> None:
    assert load(ALPHAPLUS_TEST_DATA="/x", ALPHAPLUS="1").settings == Settings()


def test_a_password_in_the_environment_shows_nowhere() -> None:
    loaded = load(ALPHAPLUS_DATABASE__PASSWORD="canary-7")
    password = loaded.settings.database.password
    assert password is not None
    assert password.get_secret_value() == "canary-7"
    assert "canary" not in repr(loaded)
    assert "canary" not in loaded.settings.model_dump_json()


def test_the_documented_file_is_valid_and_shows_every_key_with_its_default(tmp_path: Path) -> None:
    text = read_resource("config/alphaplus.toml")
    assert load(write(tmp_path, text)).settings == Settings()
    lines = (line.removeprefix("# ") for line in text.splitlines())
    spoken = "\n".join(line for line in lines if line.startswith("[") or (" = " in line and line[0].islower()))
    shown = flatten(tomllib.loads(spoken))
    del shown["keys", "quit"]
    for path in list(shown):
        if path[:2] == ("exchange", "overrides"):
            assert shown.pop(path) == ""
    expected = flatten(Settings().model_dump(mode="json"))
    for secret_or_free in (("database", "password"), ("keys",), ("exchange", "overrides")):
        del expected[secret_or_free]
    assert shown == expected
