"""The account: this AlphaPlus keeps none, and its routes say so."""

from typing import NoReturn

from fastapi import APIRouter, Response

from alphaplus_tui.api.openapi import problem_response
from alphaplus_tui.api.problems import NotHere

_NONE = "no account is kept"
_PATHS = {"/portfolio": "The account's balances and positions", "/orders": "Its orders", "/fills": "Its fills"}


async def no_account() -> NoReturn:
    """Always 404: AlphaPlus does not trade yet, not even on paper."""
    raise NotHere(_NONE)


router = APIRouter(prefix="/api/v1", tags=["account"])
for _path, _summary in _PATHS.items():
    router.add_api_route(
        _path,
        no_account,
        name=_path.strip("/"),
        summary=_summary,
        status_code=404,
        response_class=Response,
        response_model=None,
        responses={404: problem_response(_NONE)},
    )
