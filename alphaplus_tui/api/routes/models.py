"""The registry of models, and training."""

from fastapi import APIRouter

from alphaplus_tui.api.door import Door, Visited
from alphaplus_tui.api.openapi import problems
from alphaplus_tui.api.paging import After, Limit, by_name
from alphaplus_tui.api.problems import NotHere
from alphaplus_tui.api.schemas.common import Page
from alphaplus_tui.api.schemas.models import ModelAnswer, Training, TrainingWish
from alphaplus_tui.api.schemas.system import Accepted
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.session.commands import CancelTraining, PinModel, PromoteModel, RollBackModel, Train
from alphaplus_tui.state.view import ONLY

router = APIRouter(prefix="/api/v1", tags=["models"])

_REFUSALS = problems(not_found="there is no such model", conflict="it cannot be done now; the problem says why")
_NO_WAY_BACK = problems(conflict="there is none to go back to")
_TRAINING = problems(not_found="there is no such training", conflict="it cannot be done now; the problem says why")


@router.get("/models", summary="The registry")
async def models(door: Visited, limit: Limit = 100, after: After = None) -> Page[ModelAnswer]:
    """In the order of their ids."""
    rows, following = by_name(door.state.models.values(), lambda row: row.id, limit=limit, after=after)
    return Page(items=[ModelAnswer.of(row) for row in rows], next=following)


@router.post("/models/rollback", summary="The champion before this one serves again", responses=_NO_WAY_BACK)
async def roll_back(door: Visited) -> Accepted:
    """And is pinned."""
    await door.send(RollBackModel())
    return Accepted()


@router.post("/models/{model}/promote", summary="Make a model the champion", responses=_REFUSALS)
async def promote(door: Visited, model: str) -> Accepted:
    _check_model(door, model)
    await door.send(PromoteModel(model))
    return Accepted()


@router.post("/models/{model}/pin", summary="Make a model the champion for good", responses=_REFUSALS)
async def pin(door: Visited, model: str) -> Accepted:
    """Nobody but the user changes a pinned champion."""
    _check_model(door, model)
    await door.send(PinModel(model))
    return Accepted()


@router.get("/training", summary="The training that runs or ran last")
async def training(door: Visited) -> Training | None:
    """null where none has run since the start."""
    row = door.state.training.get(ONLY)
    return None if row is None else Training.of(row)


@router.post("/training", summary="Train a candidate", status_code=202, responses=_TRAINING)
async def train(door: Visited, wish: TrainingWish | None = None) -> Accepted:
    """On stored history, in a process of its own; how far it is shows in the training."""
    wish = wish or TrainingWish()
    await door.send(Train(tuple(dict.fromkeys(wish.symbols)), wish.timeframe, tuple(wish.engines)))
    return Accepted()


@router.delete("/training/{training}", summary="Cancel a training", status_code=202, responses=_TRAINING)
async def cancel(door: Visited, training: str) -> Accepted:
    row = door.state.training.get(ONLY)
    if row is None or row.id != training:
        raise NotHere(f"no training {training!r} runs" + (f"; the last one is {row.id!r}" if row else ""))
    await door.send(CancelTraining())
    return Accepted()


def _check_model(door: Door, model: str) -> None:
    if model not in door.state.models:
        raise UnknownName("model", model, door.state.models)
