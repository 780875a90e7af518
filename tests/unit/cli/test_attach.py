"""Where an attached console looks for its AlphaPlus, and with which token."""

from pathlib import Path

import pytest

from alphaplus_tui.cli.attach import elsewhere, session_url
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.errors import UsageError
from alphaplus_tui.settings.engine_lock import acquire

URL = "ws://127.0.0.1:8710"
VARIABLE = "ALPHAPLUS_SECRETS__ATTACH__TOKEN"


@pytest.fixture
def wishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wishes:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return Wishes(0.0, data_dir=tmp_path / "data")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ws://127.0.0.1:8710", "ws://127.0.0.1:8710/api/v1/session"),
        ("http://127.0.0.1:8710/", "ws://127.0.0.1:8710/api/v1/session"),
        ("https://prices.example/desk", "wss://prices.example/desk/api/v1/session"),
        ("wss://[::1]:8710/api/v1/session", "wss://[::1]:8710/api/v1/session"),
    ],
)
def test_an_address_leads_to_the_route_of_sessions(said: str, meant: str) -> None:
    assert session_url(said) == meant


@pytest.mark.parametrize(
    "said",
    ["127.0.0.1:8710", "ftp://host", "ws://", "ws://me:secret@host", "ws://host:port", "ws://host/?token=x", "[", ""],
)
def test_what_is_no_address_is_refused_with_what_is(said: str) -> None:
    with pytest.raises(UsageError):
        session_url(said)


def test_the_token_comes_from_the_file_that_is_named_before_the_secrets(
    wishes: Wishes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    monkeypatch.setenv(VARIABLE, "from-the-environment")
    assert elsewhere(wishes, URL, file).secrets == ("from-the-file",)
    assert elsewhere(wishes, URL, None).secrets == ("from-the-environment",)


@pytest.mark.parametrize("text", ["", "two words", "naïve", "a\x1bb"])
def test_a_file_without_a_token_is_named(wishes: Wishes, tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(UsageError, match="token: holds no token"):
        elsewhere(wishes, URL, file)


def test_a_file_that_is_not_there_is_named(wishes: Wishes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--token-file .*none: cannot be read"):
        elsewhere(wishes, URL, tmp_path / "none")


def test_the_alphaplus_of_this_machine_is_asked_with_its_own_token(wishes: Wishes) -> None:
    data = wishes.data_dir
    assert data is not None
    data.mkdir()
    token = "t" * 43
    (data / "api-token").write_text(token)
    with acquire(data) as lock:
        lock.publish(api="http://127.0.0.1:8710")
        assert elsewhere(wishes, URL, None).secrets == (token,)
        with pytest.raises(UsageError, match="--token-file FILE, or `alphaplus secrets set"):
            elsewhere(wishes, "ws://127.0.0.1:9999", None)
    with pytest.raises(UsageError, match="the token of that AlphaPlus is wanted"):
        elsewhere(wishes, URL, None)


def test_an_unencrypted_way_to_another_machine_is_warned_of(
    wishes: Wishes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "t")
    elsewhere(wishes, "ws://192.0.2.1:8710", None)
    assert "unencrypted" in capsys.readouterr().err
    elsewhere(wishes, "wss://192.0.2.1:8710", None)
    assert capsys.readouterr().err == ""
