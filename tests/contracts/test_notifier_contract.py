"""What a notifier promises, asked of Apprise on a real local webhook and of the fake alike."""

import json
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest
from aiohttp import web
from pydantic import SecretStr

from alphaplus_tui.domain.alerts import Severity
from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.notify.channels import AppriseNotifier
from alphaplus_tui.ports.notifier import Message, Notifier
from tests.fakes.notifier import FakeNotifier

# Apprise imports it where Python still has it
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CANARY = "canary-4f1d9c-webhook"
MESSAGE = Message("BTC/USDT rose to 70,000", "the last price is 70,000.5", Severity.WARNING)


class Channel(Protocol):
    """One channel, ``ops``, seen from both ends."""

    notifier: Notifier

    def heard(self) -> list[tuple[str, str]]:
        """Title and text of what it took."""
        ...

    def close(self) -> None:
        """From now on it takes nothing."""
        ...


class FakeChannel:
    def __init__(self) -> None:
        self._fake = FakeNotifier("ops")
        self.notifier: Notifier = self._fake

    def heard(self) -> list[tuple[str, str]]:
        return [(one.title, one.text) for one in self._fake.taken["ops"]]

    def close(self) -> None:
        self._fake.away.add("ops")


class Webhook:
    """An HTTP server on this machine, as a messenger's would be."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        self.notifier: Notifier = FakeNotifier()

    async def post(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.text()))
        return web.Response(status=self.status)

    def heard(self) -> list[tuple[str, str]]:
        return [(body["title"], body["message"]) for body in self.bodies]

    def close(self) -> None:
        self.status = 500


@asynccontextmanager
async def webhook() -> AsyncGenerator[Webhook]:
    hook = Webhook()
    app = web.Application()
    app.router.add_post(f"/{CANARY}", hook.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    hook.notifier = AppriseNotifier({"ops": SecretStr(f"json://127.0.0.1:{port}/{CANARY}")})
    try:
        yield hook
    finally:
        await runner.cleanup()


@pytest.fixture(params=["fake", "apprise"])
async def channel(request: pytest.FixtureRequest) -> AsyncGenerator[Channel]:
    if request.param == "fake":
        yield FakeChannel()
        return
    async with webhook() as hook:
        yield hook


async def test_what_is_sent_arrives(channel: Channel) -> None:
    await channel.notifier.send("ops", MESSAGE)
    assert channel.heard() == [(MESSAGE.title, MESSAGE.text)]


async def test_a_channel_that_does_not_take_it_may_be_tried_again(channel: Channel) -> None:
    channel.close()
    with pytest.raises(TransientError, match="ops: "):
        await channel.notifier.send("ops", MESSAGE)


async def test_a_channel_without_an_address_is_named(channel: Channel) -> None:
    assert channel.notifier.missing(["ops", "mail"]) == ("mail",)
    with pytest.raises(FatalError, match="no secret 'mail'"):
        await channel.notifier.send("mail", MESSAGE)


async def test_hostile_text_reaches_a_real_webhook_without_control_characters() -> None:
    async with webhook() as hook:
        await hook.notifier.send("ops", Message("a\x1b]52;c;x\x07b", "<b>c</b>\u202e\x9bd", Severity.ERROR))
        [(title, text)] = hook.heard()
    assert title.isprintable()
    assert text.isprintable()
    assert "<b>c</b>" in text


async def test_neither_error_nor_log_holds_the_secret_of_a_channel(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with webhook() as hook:
        hook.close()
        with pytest.raises(TransientError) as refused:
            await hook.notifier.send("ops", MESSAGE)
    nobody = AppriseNotifier({"ops": SecretStr(f"json://{CANARY}:{CANARY}@127.0.0.1:9/{CANARY}")})
    with pytest.raises(TransientError) as away:
        await nobody.send("ops", MESSAGE)
    assert CANARY not in f"{refused.value!r} {away.value!r} {nobody!r} {caplog.text}"


async def test_a_channel_that_hangs_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections are made, and nobody answers
        slow = AppriseNotifier({"ops": SecretStr(f"json://127.0.0.1:{silent.getsockname()[1]}/x")}, within_s=0.5)
        with pytest.raises(TransientError, match=r"within 0\.5 s"):
            await slow.send("ops", MESSAGE)


@pytest.mark.parametrize(
    ("url", "said"), [("nonsense", "no URL that Apprise understands"), ("jsons://x.example/?verify=no", "verify=no")]
)
async def test_an_address_that_cannot_be_used_is_not_tried_again(url: str, said: str) -> None:
    with pytest.raises(FatalError, match=said):
        await AppriseNotifier({"ops": SecretStr(url)}).send("ops", MESSAGE)
