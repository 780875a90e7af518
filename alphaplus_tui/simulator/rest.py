"""The REST front: paths, weights, rate limits and errors as on the exchange."""

from collections import Counter
from collections.abc import Awaitable, Callable
from inspect import isawaitable

import msgspec
from aiohttp import web

from alphaplus_tui.simulator.answers import Answers, Query, RequestError, limit_of
from alphaplus_tui.simulator.exchange_info import exchange_info, no_markets
from alphaplus_tui.simulator.limits import Budget, Verdict
from alphaplus_tui.simulator.market import Market

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[Query], object]
_BANNED = "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates."
_TOO_MUCH = "Too much request weight used; current limit is {} request weight per 1 MINUTE."


class Rest:
    """Routes under ``/api/v3``, and the empty derivatives' ``exchangeInfo``."""

    def __init__(
        self, market: Market, answers: Answers, budget: Budget, outage: Callable[[], web.Response | None]
    ) -> None:
        self._market, self._answers, self._budget, self._outage = market, answers, budget, outage
        self.asked: Counter[str] = Counter()
        """How often each path was asked for."""

    def routes(self) -> list[web.RouteDef]:
        answers = self._answers
        table: dict[str, tuple[Answer, Callable[[Query], int]]] = {
            "ping": (lambda _query: {}, _weighs(1)),
            "time": (lambda _query: {"serverTime": self._market.now_ms}, _weighs(1)),
            "exchangeInfo": (self._exchange_info, _weighs(20)),
            "klines": (answers.klines, _weighs(2)),
            "uiKlines": (answers.klines, _weighs(2)),
            "aggTrades": (answers.aggregate_trades, _weighs(4)),
            "trades": (lambda query: answers.trades(_without_first(query)), _weighs(25)),
            "historicalTrades": (answers.trades, _weighs(25)),
            "depth": (answers.depth, _depth_weight),
            "avgPrice": (answers.average_price, _weighs(2)),
            "ticker/24hr": (answers.day, _day_weight),
            "ticker/bookTicker": (answers.book_ticker, _price_weight),
            "ticker/price": (answers.price, _price_weight),
        }
        routes = [
            web.get(f"/api/{version}/{path}", self._handler(answer, weight))
            for version in ("v3", "v1")
            for path, (answer, weight) in table.items()
        ]
        nothing = self._handler(lambda _query: no_markets(self._market.now_ms), _weighs(1))
        return routes + [web.get(f"/{family}/v1/exchangeInfo", nothing) for family in ("fapi", "dapi", "eapi")]

    def _handler(self, answer: Answer, weight: Callable[[Query], int]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked[request.path] += 1
            outage = self._outage()
            if outage is not None:
                return outage
            query = request.query
            try:
                verdict = self._budget.spend(weight(query), self._market.now_ms / 1000)
                if verdict.status != 200:
                    return self._refusal(verdict)
                found = answer(query)
                if isawaitable(found):
                    found = await found
            except RequestError as error:
                return _json({"code": error.code, "msg": error.text}, status=400)
            return _json(found, headers=_used(verdict))

        return handle

    def _refusal(self, verdict: Verdict) -> web.Response:
        if verdict.status == 418:
            return refusal(418, verdict.retry_after_s, self._market.now_ms, used=verdict.used)
        limit = self._budget.weight_per_minute
        return refusal(429, verdict.retry_after_s, self._market.now_ms, used=verdict.used, limit=limit)

    def _exchange_info(self, query: Query) -> object:
        chosen = self._answers.instruments(query)
        instruments = self._market.instruments if chosen is None else chosen
        return exchange_info(instruments, self._market.now_ms, self._budget.weight_per_minute)


def refusal(status: int, retry_after_s: int, now_ms: int, *, used: int, limit: int = 6000) -> web.Response:
    """429 or 418 with ``Retry-After``, in the exchange's words."""
    text = _BANNED.format(now_ms + retry_after_s * 1000) if status == 418 else _TOO_MUCH.format(limit)
    headers = {"Retry-After": str(retry_after_s), **_used(Verdict(status, used))}
    return _json({"code": -1003, "msg": text}, status=status, headers=headers)


def _json(found: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = found if isinstance(found, bytes) else msgspec.json.encode(found)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="UTF-8")


def _used(verdict: Verdict) -> dict[str, str]:
    used = str(verdict.used)
    return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}


def _weighs(weight: int) -> Callable[[Query], int]:
    return lambda _query: weight


def _depth_weight(query: Query) -> int:
    limit = limit_of(query, 100, 5000)
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250)


def _day_weight(query: Query) -> int:
    if "symbol" in query:
        return 2
    count = query["symbols"].count(",") + 1 if "symbols" in query else 1000
    return 2 if count <= 20 else 40 if count <= 100 else 80


def _price_weight(query: Query) -> int:
    return 2 if "symbol" in query else 4


def _without_first(query: Query) -> Query:
    return {name: text for name, text in query.items() if name != "fromId"}
