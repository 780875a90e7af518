"""All settings together, and how they are read: command line over environment over file over defaults."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings.alerts import AlertSettings
from alphaplus_tui.settings.api import ApiSettings
from alphaplus_tui.settings.complaints import complain, invented_beside_real, unknown_exchange
from alphaplus_tui.settings.exchange import DEMO, DemoSettings, ExchangeSettings
from alphaplus_tui.settings.layers import Layer, environment_layer, file_layer, flatten, merge
from alphaplus_tui.settings.learning import InferenceSettings, SignalSettings, TrainingSettings
from alphaplus_tui.settings.section import Section
from alphaplus_tui.settings.sections import ActionId, DatabaseSettings, Keys, LoggingSettings, UiSettings
from alphaplus_tui.settings.sentiment import SentimentSettings
from alphaplus_tui.settings.sharding import ShardingSettings


class Settings(Section):
    """Every setting; frozen. A service takes its own section and nothing else."""

    exchange: ExchangeSettings = ExchangeSettings()
    demo: DemoSettings = DemoSettings()
    database: DatabaseSettings = DatabaseSettings()
    sharding: ShardingSettings = ShardingSettings()
    inference: InferenceSettings = InferenceSettings()
    signals: SignalSettings = SignalSettings()
    training: TrainingSettings = TrainingSettings()
    sentiment: SentimentSettings = SentimentSettings()
    api: ApiSettings = ApiSettings()
    alerts: AlertSettings = AlertSettings()
    ui: UiSettings = UiSettings()
    keys: dict[ActionId, Keys] = Field(default_factory=dict)
    """Action id to keys: ``quit = "f10"``; several with commas between."""
    logging: LoggingSettings = LoggingSettings()


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each value came from."""

    settings: Settings
    origins: Mapping[str, str]
    """Dotted key → ``default``, ``file /path``, ``environment NAME`` or ``command line --option``."""
    file: Path | None
    """The file that was read; None when there is none."""

    def origin(self, key: str) -> str:
        return self.origins.get(key, "default")


_WRITTEN_FOR_ANOTHER_EXCHANGE = (
    ("exchange", "symbols"),
    ("exchange", "rest_url"),
    ("exchange", "ws_url"),
    ("exchange", "overrides"),
    ("database", "url"),
    ("database", "password"),
    ("alerts", "channels"),
    ("alerts", "rules"),
)


def load_settings(
    file: Path | None,
    *,
    must_exist: bool = False,
    command_line: Mapping[str, tuple[object, str]] | None = None,
    environ: Mapping[str, str] | None = None,
    exchanges: Iterable[str] = (),
) -> Loaded:
    """The settings; ``ConfigError`` with a line for each thing that is wrong.

    file: the configuration; it may be missing unless ``must_exist``.
    command_line: dotted key → (value, option), as ``{"exchange.id": ("demo", "--demo")}``.
    exchanges: the names that exchanges may have; empty leaves that to whoever connects.

    An exchange chosen on the command line drops the addresses, symbols, database and alerts that file and
    environment have for another one: invented prices never reach a real database, nor a telephone.
    """
    problems: list[str] = []
    below: Layer = {}
    found = file_layer(file, must_exist=must_exist, problems=problems) if file else None
    below.update(found or {})
    below.update(environment_layer(os.environ if environ is None else environ, Settings, problems))
    above: Layer = {
        tuple(key.split(".")): (value, f"command line {option}")
        for key, (value, option) in (command_line or {}).items()
    }
    chosen = above.get(("exchange", "id"))
    if chosen and chosen[0] != below.get(("exchange", "id"), (DEMO, ""))[0]:
        below = {path: leaf for path, leaf in below.items() if path[:2] not in _WRITTEN_FOR_ANOTHER_EXCHANGE}
    leaves = {**below, **above}
    try:
        settings = Settings.model_validate(merge(leaves, problems))
    except ValidationError as error:
        problems.extend(complain(error, leaves, Settings))
        settings = None
    else:
        problems.extend(invented_beside_real(settings.exchange, leaves))
    if exchanges:
        problems.extend(unknown_exchange({*exchanges, DEMO}, leaves))
    if problems or settings is None:
        raise ConfigError("\n".join(problems))
    origins = {path: leaves[path][1] if path in leaves else "default" for path in flatten(settings.model_dump())}
    return Loaded(
        settings,
        {".".join(path): origin for path, origin in origins.items()},
        file if found is not None else None,
    )
