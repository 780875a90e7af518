"""Alerts call the user to the console: a toast, the bell, the desktop, and a history."""

import os
from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.alerts import Alert, AlertKind, Delivery, DeliveryState, Severity
from alphaplus_tui.settings.sections import UiSettings
from alphaplus_tui.state.slices import NoticeRow
from alphaplus_tui.tui.calling import sequence
from tests.fakes.demo_rows import NOW
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import console, picture, shown, toasts, until_painted

EVIL = "a\x1b]52;c;eA==\x07b;\x9d[red]\u202ec"


def alert(title: str, **changed: object) -> Alert:
    told = (Delivery("telegram", DeliveryState.SENT, 1),)
    made = Alert("1", "high", AlertKind.PRICE, Severity.ERROR, None, "x", title, "it [is] 5", NOW, NOW + 10**9)
    return structs.replace(made, deliveries=told, **changed)


async def test_an_alert_rings_the_bell_when_that_is_wished_and_any_other_notice_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeSession()
    app = console(tmp_path, session, ui=UiSettings(bell=True))
    rung: list[bool] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(True))
    async with shown(app) as pilot:
        await until_painted(pilot)
        session.store.notices.put(1, NoticeRow(1, "error", "Database away", "gone", NOW))
        session.store.notices.put(2, NoticeRow(2, "warning", "BTC rose", "to 5", NOW, alert=True))
        await eventually(lambda: "to 5" in toasts(app))
        assert rung == [True]


async def test_the_notices_end_with_stored_alerts_and_whom_they_were_told(tmp_path: Path) -> None:
    session = FakeSession()
    session.alerts = (alert("BTC/USDT rose to [70,000]"), alert(EVIL, quiet=True, resolved_at=None))
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("ctrl+n")
        await eventually(lambda: "BTC/USDT rose to [70,000]" in "\n".join(picture(app)))
        text = "\n".join(picture(app))
        assert "telegram sent" in text
        assert "not told: quiet hours" in text
        assert not {"\x1b", "\x07", "\x9d", "\u202e"} & set(text)


async def test_without_a_database_the_notices_are_shown_all_the_same(tmp_path: Path) -> None:
    session = FakeSession()
    session.store_away = "the database is away"
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("ctrl+n")
        await eventually(lambda: "Notices" in "\n".join(picture(app)))


@pytest.mark.parametrize("way", ["osc9", "osc777"])
def test_hostile_text_cannot_leave_the_sequence_that_tells_the_desktop(way: str) -> None:
    told = sequence(way, NoticeRow(1, "error", EVIL, EVIL * 99, NOW, alert=True), tmux=False)
    assert told.startswith("\x1b]9;" if way == "osc9" else "\x1b]777;notify;")
    assert told.endswith("\x07")
    assert told[2:-1].isprintable()
    assert told.count(";") == (1 if way == "osc9" else 3)
    assert len(told) < 500


def test_tmux_hands_the_sequence_on() -> None:
    row = NoticeRow(1, "error", "a", "b", NOW, alert=True)
    assert sequence("osc9", row, tmux=True) == "\x1bPtmux;\x1b\x1b]9;a: b\x07\x1b\\"


async def test_the_desktops_own_program_is_told_where_that_is_wished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, heard = tmp_path / "notify-send", tmp_path / "heard"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {heard}\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    session = FakeSession()
    app = console(tmp_path, session, ui=UiSettings(desktop="notify-send"))
    async with shown(app) as pilot:
        await until_painted(pilot)
        session.store.notices.put(1, NoticeRow(1, "error", "--help", "to 5", NOW, alert=True))
        await eventually(lambda: heard.exists() and len(heard.read_text().splitlines()) == 5)
    assert heard.read_text().splitlines() == ["--app-name=AlphaPlus", "--urgency=critical", "--", "--help", "to 5"]
