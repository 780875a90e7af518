"""Secrets are kept in the keyring, or in a file that is ours alone; the environment goes before both."""

import json
import stat
from collections.abc import Generator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyringAtAll

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings import vault as module
from alphaplus_tui.settings.vault import NoKeyring, Vault
from tests.fakes.keyring_backend import HangingKeyring, LockedKeyring, MemoryKeyring


@pytest.fixture
def ring() -> Generator[MemoryKeyring]:
    yield from using(MemoryKeyring())


def using(ring: KeyringBackend) -> Generator[MemoryKeyring]:
    before = keyring.get_keyring()
    keyring.set_keyring(ring)
    yield ring  # pyright: ignore[reportReturnType] - who asks for another kind ignores it
    keyring.set_keyring(before)


@pytest.fixture
def no_ring() -> Generator[None]:
    for _ in using(NoKeyringAtAll()):
        yield


def value(vault: Vault, name: str = "ops") -> tuple[str, str] | None:
    found = vault.find(name)
    return (found.value.get_secret_value(), found.origin) if found else None


def test_a_secret_is_kept_in_the_keyring_and_only_its_name_in_the_file(tmp_path: Path, ring: MemoryKeyring) -> None:
    vault = Vault(tmp_path / "secrets.json", environ={})
    assert vault.keep("ops", "canary", in_file=False) == "keyring"
    assert value(vault) == ("canary", "keyring")
    assert "canary" not in vault.file.read_text()
    assert vault.names() == {"ops": "keyring"}
    assert vault.forget("ops") == ("keyring",)
    assert value(vault) is None
    assert ring.kept == {}


def test_a_secret_that_another_program_put_into_the_keyring_is_found(tmp_path: Path, ring: MemoryKeyring) -> None:
    ring.kept["alphaplus/ops"] = "canary"
    assert value(Vault(tmp_path / "secrets.json", environ={})) == ("canary", "keyring")


def test_the_environment_goes_before_the_keyring_and_the_keyring_before_the_file(
    tmp_path: Path, ring: MemoryKeyring
) -> None:
    vault = Vault(tmp_path / "secrets.json", environ={})
    vault.keep("ops", "of the file", in_file=True)
    assert value(vault) == ("of the file", f"file {vault.file}")
    vault.keep("ops", "of the keyring", in_file=False)
    assert value(vault) == ("of the keyring", "keyring")
    environ = {"ALPHAPLUS_SECRETS__OPS": "of the environment", "ALPHAPLUS_DATABASE__PASSWORD": "p"}
    spoken = Vault(vault.file, environ=environ)
    assert value(spoken) == ("of the environment", "environment ALPHAPLUS_SECRETS__OPS")
    assert value(spoken, "database.password") == ("p", "environment ALPHAPLUS_DATABASE__PASSWORD")


def test_without_a_keyring_the_file_must_be_asked_for_and_is_ours_alone(tmp_path: Path, no_ring: None) -> None:
    vault = Vault(tmp_path / "folder" / "secrets.json", environ={})
    with pytest.raises(NoKeyring, match="this machine has none that works"):
        vault.keep("ops", "canary", in_file=False)
    assert not vault.file.exists()
    vault.keep("ops", "canary", in_file=True)
    assert stat.S_IMODE(vault.file.stat().st_mode) == 0o600
    assert value(vault) == ("canary", f"file {vault.file}")
    assert value(vault, "other") is None
    assert vault.forget("ops") == (f"file {vault.file}",)
    assert vault.forget("ops") == ()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused_with_the_way_out(tmp_path: Path, no_ring: None, mode: int) -> None:
    vault = Vault(tmp_path / "secrets.json", environ={})
    vault.keep("ops", "canary", in_file=True)
    vault.file.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600") as refused:
        vault.find("ops")
    assert refused.value.exit_code == 78


@pytest.mark.parametrize("text", ["", "[]", '{"values": 3, "in_keyring": []}', "canary=1"])
def test_a_file_of_something_else_is_named_and_not_repeated(tmp_path: Path, no_ring: None, text: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="no file of secrets") as refused:
        Vault(file, environ={}).find("ops")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("ring_class", [LockedKeyring, HangingKeyring])
def test_a_locked_or_hanging_keyring_costs_a_moment_and_says_so(
    tmp_path: Path, ring_class: type[MemoryKeyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEYRING_WITHIN_S", 0.2)
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"values": {}, "in_keyring": ["ops"]}))
    file.chmod(0o600)
    HangingKeyring.over.clear()
    for _ in using(ring_class()):
        with pytest.raises(NoKeyring, match="locked"):
            Vault(file, environ={}).find("ops")
        assert value(Vault(file, environ={}), "another") is None
    HangingKeyring.over.set()


@pytest.mark.parametrize("name", ["Ops", "tgram://canary", "a b", "", "x" * 65, "../x", "a..b"])
def test_a_name_is_a_name_and_a_secret_given_as_one_is_not_repeated(tmp_path: Path, no_ring: None, name: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a secret") as wrong:
        Vault(tmp_path / "secrets.json", environ={}).keep(name, "v", in_file=True)
    assert "canary" not in str(wrong.value)
