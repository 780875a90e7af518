"""Wrong settings are all named at once: source, key, value, what is allowed."""

from pathlib import Path

import pytest

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings.root import load_settings


def complaint(tmp_path: Path, text: str | bytes = "", *, exchanges: tuple[str, ...] = (), **environ: str) -> str:
    file = tmp_path / "alphaplus.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as wrong:
        load_settings(file, environ=environ, exchanges=exchanges)
    assert wrong.value.exit_code == 78
    return str(wrong.value).replace(str(file), "FILE")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ui]\nfps = 100", "file FILE: ui.fps = 100: must be a whole number from 1 to 30"),
        ("[ui]\nfps = true", "file FILE: ui.fps = True: must be a whole number from 1 to 30"),
        ("[demo]\nrate = nan", "file FILE: demo.rate = nan: must be a number above 0, up to 20000"),
        (
            "[ui]\nup_color = 'gren'",
            "ui.up_color = 'gren': must be one of 'green', 'red', 'blue'; did you mean 'green'?",
        ),
        ("[exchange]\nidd = 'x'", "file FILE: exchange.idd: unknown key; did you mean 'id'?"),
        ("[exchange]\nfps = 3", "file FILE: exchange.fps: unknown key; it belongs into [ui]"),
        ("[exchnage]\nid = 'x'", "file FILE: [exchnage]: unknown section; did you mean 'exchange'?"),
        (
            "[weather]",
            "file FILE: [weather]: unknown section; known: alerts, api, database, demo, exchange, inference, keys, ",
        ),
        ("exchange = 3", "file FILE: exchange = 3: must be a table"),
        ("[exchange]\nsymbols = ['BTCUSDT']", "exchange.symbols = 'BTCUSDT': a symbol is written BTC/USDT"),
        ("[exchange]\nsymbols = ['A/B', 'A/B']", "A/B stands there more than once"),
        ("[exchange]\ntimeframes = ['5min']", "exchange.timeframes = '5min': a timeframe is one of 1s, 1m, 3m"),
        ("[exchange]\ntimeframes = []", "exchange.timeframes = []: must be a list of at least 1"),
        ("[exchange]\nchannels = ['trades']", "'statistics', 'candle'; did you mean 'trade'?"),
        ("[exchange]\nrest_url = 'http://example.org'", "plain http:// goes only to this machine"),
        ("[exchange]\nrest_url = 'http://127.0.0.1.example.org'", "plain http:// goes only to this machine"),
        ("[exchange]\nws_url = 'https://example.org'", "must be wss://host[:port]"),
        ("[exchange]\nws_url = 'ws://localhost:99999'", "must be wss://host[:port]"),
        ("[database]\nurl = 'mysql://x'", "must be 'embedded' or postgresql://user@host:port/name"),
        ("[keys]\n'Bad Key' = 'x'", "keys.Bad Key: must be a name in lower case"),
        ("[keys]\nquit = 'q,,'", "keys.quit = 'q,,': must be a key such as 'f5'"),
        (
            '[api]\nhost = "0.0.0.0"',
            ": api: host '0.0.0.0' can be reached by other machines: set api.allow_remote = true as well",
        ),
        ('[api]\nallowed_hosts = ["a:80"]', "must be a name or an address, without a port"),
        ('[api]\nenabled = "always"', "api.enabled = 'always': must be true, false or \"headless\""),
        ("[keys]\nquit = 3", "keys.quit = 3: must be text"),
        ("[[alerts.rules]]\nwhen = 'prise'", "alerts.rules #1.when = 'prise': must be one of 'price', 'signal'"),
        ("[[alerts.rules]]\nwhen = 'disk'\nfreemb = 3", "alerts.rules #1.freemb: unknown key; did you mean 'free_mb'?"),
        ("[[alerts.rules]]\nwhen = 'gap'\npsi = 3", "alerts.rules #1: a rule for 'gap' takes no psi; it takes after_s"),
        ("[[alerts.rules]]\nwhen = 'price'\nabove = 3", "alerts.rules #1: a rule for 'price' needs symbols, and above"),
        (
            "[[alerts.rules]]\nwhen = 'gap'\n[[alerts.rules]]\nwhen = 'disk'\nfree_mb = 0",
            "alerts.rules #2.free_mb = 0: must be a whole number from 1 to 1000000000",
        ),
        ("[alerts]\nquiet_hours = '22-7'", "must be two times of day such as '22:00-07:00'"),
        ("[alerts]\nchannels = ['tgram://x']", "alerts.channels = (not shown): must be the name of a secret"),
        ("[ui]\nfps = 1\nfps = 2", "file FILE: not valid TOML"),
        ("[ui\n", "(at line 1, column 4)"),
        (b"[ui]\ntheme = '\xff'", "file FILE: line 2: not UTF-8"),
    ],
)
def test_a_wrong_file_is_answered_with_what_is_allowed(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in complaint(tmp_path, text)


def test_everything_wrong_is_said_at_once_whatever_it_came_from(tmp_path: Path) -> None:
    lines = complaint(
        tmp_path,
        "[ui]\nfps = 0\n[demo]\nsymbols = 0",
        ALPHAPLUS_LOGGING__LEVEL="loud",
        ALPHAPLUS_UI__FPZ="3",
        ALPHAPLUS_DEMO="x",
    ).splitlines()
    assert len(lines) == 5
    assert sum(line.startswith("environment ALPHAPLUS_") for line in lines) == 3
    assert any("ALPHAPLUS_LOGGING__LEVEL: logging.level = 'loud': must be one of 'debug'" in line for line in lines)


def test_the_option_is_named_when_it_was_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"command line --log-level: logging\.level = 'loud': must be one of"):
        load_settings(None, environ={}, command_line={"logging.level": ("loud", "--log-level")})


def test_an_unknown_exchange_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    said = complaint(tmp_path, "[exchange]\nid = 'binace'", exchanges=("binance", "kraken"))
    assert said == "file FILE: exchange.id = 'binace': not a known exchange; did you mean 'binance'?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[exchange]\nid='binance'\nsymbols = ['BTC/USDT', 'kraaken:BTC/USD']",
            "file FILE: exchange.symbols = 'kraaken:BTC/USD': not a known exchange; did you mean 'kraken'?",
        ),
        (
            "[exchange]\nid='binance'\n[exchange.overrides.karken]\nws_url='wss://a.b'",
            "file FILE: exchange.overrides = 'karken': not a known exchange; did you mean 'kraken'?",
        ),
    ],
)
def test_a_further_exchange_that_is_unknown_is_answered_with_the_nearest_one(
    tmp_path: Path, text: str, said: str
) -> None:
    assert complaint(tmp_path, text, exchanges=("binance", "kraken")) == said


def test_an_unknown_exchange_in_the_environment_is_named(tmp_path: Path) -> None:
    said = complaint(
        tmp_path, "[exchange]\nid='binance'", exchanges=("binance", "okx"), ALPHAPLUS_EXCHANGE__SYMBOLS="A/B, okex:A/B"
    )
    assert said == (
        "environment ALPHAPLUS_EXCHANGE__SYMBOLS: exchange.symbols = 'okex:A/B': not a known exchange; "
        "did you mean 'okx'?"
    )


def test_a_symbol_with_and_without_its_exchange_is_the_same_symbol(tmp_path: Path) -> None:
    said = complaint(tmp_path, "[exchange]\nid='binance'\nsymbols = ['BTC/USDT', 'binance:BTC/USDT']")
    assert "BTC/USDT stands there more than once" in said


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:canary7@db/x", "postgresql://me@db/x?password=canary7", "postgresql://me:canary7@db:99999999/x"],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    said = complaint(tmp_path, f"[database]\nurl = '{url}'\npassword = 'canary8'\nx = 'postgresql://a:canary9@b/'")
    assert "canary" not in said
    assert "ALPHAPLUS_DATABASE__PASSWORD" in said


def test_a_value_and_a_table_under_one_key_are_a_problem(tmp_path: Path) -> None:
    said = complaint(tmp_path, ALPHAPLUS_EXCHANGE__OVERRIDES="x", ALPHAPLUS_EXCHANGE__OVERRIDES__KRAKEN__WS_URL="x")
    assert "environment ALPHAPLUS_EXCHANGE__OVERRIDES__KRAKEN__WS_URL: exchange.overrides is a value" in said


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert load_settings(missing, environ={}).file is None
    with pytest.raises(ConfigError, match="there is no such file"):
        load_settings(missing, must_exist=True, environ={})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, environ={})


def test_control_characters_in_a_value_do_not_reach_the_terminal(tmp_path: Path) -> None:
    said = complaint(tmp_path, '[ui]\nup_color = "\\u001b[31mred"\n"\\u001b]52;x" = 1')
    assert "\x1b" not in said
