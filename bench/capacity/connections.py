"""What a connection between a gateway and a model server takes: many are opened, and counted.

`python -m bench.capacity.connections` is the model server's end, a gRPC server as TensorFlow
Serving's is: in C, below Python.
"""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import psutil

from bench.capacity.measured import Connections
from bench.stack import ROOT
from serving.gateway.inference.channel import open_channel

_NUM = 1000


def measure_connections() -> Connections:
    """Open a thousand connections to one server, each by an address of its own."""
    command = [sys.executable, "-m", "bench.capacity.connections"]
    with psutil.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            return asyncio.run(_open(port, server))
        finally:
            server.terminate()


async def _open(port: int, away: psutil.Popen) -> Connections:
    own = psutil.Process()
    # The first one brings what is there once.
    async with open_channel(f"ipv4:127.0.0.1:{port}", None) as first:
        await first.channel_ready()
        before, before_away, files = own.memory_info().rss, away.memory_info().rss, own.num_fds()
        addresses = [f"127.1.{number // 250}.{number % 250 + 1}:{port}" for number in range(_NUM)]
        async with open_channel(f"ipv4:{','.join(addresses)}", None) as channel:
            await channel.channel_ready()
            while own.num_fds() - files < _NUM:  # ready is one of them; these are all
                await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            return Connections(
                gateway_bytes=round((own.memory_info().rss - before) / _NUM),
                server_bytes=round((away.memory_info().rss - before_away) / _NUM),
                gateway_descriptors=round((own.num_fds() - files) / _NUM, 2),
            )


def _serve() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("0.0.0.0:0")
    server.start()
    print(port, flush=True)  # noqa: T201  # to whoever has started this
    server.wait_for_termination()


if __name__ == "__main__":
    _serve()
