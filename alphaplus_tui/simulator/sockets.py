"""The WebSocket front: raw and combined streams, and the requests clients send on them."""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from aiohttp import WSMsgType, web

from alphaplus_tui.simulator.hub import Client, Hub

_MOST_STREAMS = 1024
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


class Request(msgspec.Struct):
    """What a client sends: {"method":"SUBSCRIBE","params":[…],"id":1}."""

    method: Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"]
    params: list[str | bool] = []
    id: int | str | None = None


class Sockets:
    """Accepts connections and answers their requests."""

    def __init__(self, hub: Hub, refuse: Callable[[], bool]) -> None:
        self._hub, self._refuse = hub, refuse
        self._requests = msgspec.json.Decoder(Request)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/ws", self._accept),
            web.get("/ws/{streams:.*}", self._accept),
            web.get("/stream", self._accept),
        ]

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        combined = request.path == "/stream"
        streams = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
        socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        client = Client(transport, combined=combined, now_s=asyncio.get_running_loop().time())
        self._hub.join(client)
        self._hub.subscribe(client, [stream for stream in streams.split("/") if "@" in stream])
        try:
            await self._listen(socket, client)
        finally:
            self._hub.leave(client)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, client: Client) -> None:
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            if client.frozen:
                continue
            match message.type:
                case WSMsgType.TEXT:
                    client.answer(self._answer(client, message.data))
                    client.flush()
                case WSMsgType.PING:
                    client.pong(bytes(message.data))
                case WSMsgType.PONG:
                    client.last_pong_s = asyncio.get_running_loop().time()
                case WSMsgType.CLOSE:
                    await socket.close(code=1000)
                    return
                case _:
                    client.close(1003)

    def _answer(self, client: Client, text: str) -> bytes:
        try:
            request = self._requests.decode(text)
        except msgspec.ValidationError:
            return _error(2, f"Invalid request: expected a method of {', '.join(_METHODS)}, params and an id", None)
        except msgspec.DecodeError as error:
            return _error(3, f"Invalid JSON: {error}", None)
        streams = [stream for stream in request.params if isinstance(stream, str)]
        match request.method:
            case "SUBSCRIBE":
                if self._refuse():
                    return _error(2, "Invalid request: subscriptions are refused", request.id)
                if len(client.streams) + len(streams) > _MOST_STREAMS:
                    return _error(2, f"Invalid request: more than {_MOST_STREAMS} streams", request.id)
                self._hub.subscribe(client, streams)
            case "UNSUBSCRIBE":
                self._hub.unsubscribe(client, streams)
            case "LIST_SUBSCRIPTIONS":
                return _result([*client.streams], request.id)
            case "GET_PROPERTY":
                return _result(client.combined, request.id)
            case "SET_PROPERTY":
                client.combined = bool(request.params[1:2] == [True])
        return _result(None, request.id)


def _result(result: object, request_id: int | str | None) -> bytes:
    return msgspec.json.encode({"result": result, "id": request_id})


def _error(code: int, text: str, request_id: int | str | None) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "msg": text}, "id": request_id})
