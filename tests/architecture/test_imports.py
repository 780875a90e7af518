"""What a static graph of imports cannot show: which libraries are really loaded, and when."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    *("aiohttp", "asyncpg", "catboost", "ccxt", "fastapi", "lightgbm", "numpy", "onnxruntime", "pandas"),
    *("prometheus_client", "pyarrow", "starlette", "talib", "textual", "uvicorn", "websockets", "xgboost"),
)


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that are loaded after ``statement`` in a fresh interpreter."""
    script = (
        f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_builder_loads_no_heavy_library() -> None:
    assert loaded_after("import alphaplus_tui.runtime.build").isdisjoint(HEAVY)


def test_help_loads_no_heavy_library_and_no_settings() -> None:
    statement = (
        "import sys\n"
        "from alphaplus_tui.__main__ import main\n"
        "sys.argv = ['alphaplus', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
    )
    assert loaded_after(statement).isdisjoint({*HEAVY, "pydantic"})


@pytest.mark.parametrize("module", ["alphaplus_tui.tui.app"])
def test_of_the_heavy_libraries_the_console_loads_textual_alone_before_the_first_paint(module: str) -> None:
    assert loaded_after(f"import {module}") & set(HEAVY) == {"textual"}


MODEL_LIBRARIES = {"catboost", "lightgbm", "onnx", "onnxruntime", "sklearn", "talib", "xgboost"}


def test_what_serves_models_from_the_console_process_loads_none_of_their_libraries() -> None:
    modules = (
        *("models.client", "models.explain", "models.registry", "models.shelf", "runtime.judging"),
        *("services.inference", "services.model_watch", "services.outcomes", "services.signals"),
    )
    loaded = loaded_after("import " + ", ".join(f"alphaplus_tui.{module}" for module in modules))
    assert "numpy" in loaded
    assert loaded.isdisjoint(MODEL_LIBRARIES)


def test_the_process_that_serves_loads_no_boosting_library_and_no_pandas() -> None:
    loaded = loaded_after(
        "import sys; sys.modules['pandas'] = None\nimport alphaplus_tui.models.server, talib, onnxruntime"
    )
    assert loaded.isdisjoint({"catboost", "lightgbm", "xgboost", "sklearn", "asyncpg", "textual"})


def test_only_the_console_knows_textual() -> None:
    assert "textual" not in loaded_after("import alphaplus_tui.headless.runner, alphaplus_tui.runtime.build")


def test_a_native_exchange_does_not_load_ccxt_and_any_other_only_when_it_is_asked() -> None:
    registry = "from alphaplus_tui.exchanges.registry import exchange_factory"
    assert "ccxt" not in loaded_after(f"{registry}\nexchange_factory('binance')")
    make = (
        "from pathlib import Path\nfrom alphaplus_tui.kernel.meters import Meters\n"
        "from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock\n"
        "exchange_factory('okx')('okx', rest_url=None, ws_url=None, cache_dir=Path(), clock=SystemClock(),"
        " market=WallMarketClock(), meters=Meters())"
    )
    assert "ccxt" not in loaded_after(f"{registry}\n{make}")
