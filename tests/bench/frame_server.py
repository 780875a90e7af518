"""Serves Binance trade frames over loopback WebSockets as fast as the client takes them; a process of its own."""

import argparse
import asyncio
import time

from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode


def trade_frames(count: int, symbols: int, *, combined: bool) -> list[bytes]:
    """Frames of ``count`` trades over ``symbols`` symbols, ids in order."""
    frames: list[bytes] = []
    now_ms = time.time_ns() // 1_000_000
    for number in range(count):
        symbol = f"S{number % symbols:03d}USDT"
        data = (
            f'{{"e":"trade","E":{now_ms},"s":"{symbol}","t":{number + 1},"p":"{61837.63 + number % 97:.8f}",'
            f'"q":"0.0{number % 89 + 1}000000","T":{now_ms},"m":{"true" if number % 2 else "false"},"M":true}}'
        )
        frame = f'{{"stream":"{symbol.lower()}@trade","data":{data}}}' if combined else data
        frames.append(Frame(Opcode.TEXT, frame.encode()).serialize(mask=False))
    return frames


async def main(count: int, symbols: int, rate: float) -> None:
    """``rate`` 0: as fast as it goes."""
    prepared = {combined: trade_frames(count, symbols, combined=combined) for combined in (True, False)}

    async def client(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('{"result":null,"id":1}')
        frames = prepared[connection.request is not None and connection.request.path.startswith("/stream")]
        step = 200 if not rate else max(1, int(rate / 100))
        began = time.monotonic()
        for start in range(0, count, step):
            connection.transport.write(b"".join(frames[start : start + step]))
            await connection.drain()
            if rate:
                await asyncio.sleep(max(0.0, began + start / rate - time.monotonic()))
        await connection.wait_closed()

    async with serve(client, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--rate", type=float, default=0.0)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.count, arguments.symbols, arguments.rate))
