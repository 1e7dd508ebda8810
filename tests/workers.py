"""The workers of a gateway that has several: which of them accept connections."""

import subprocess
from contextlib import suppress

import psutil


def listening(running: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the workers that accept connections."""
    children = psutil.Process(running.pid).children()
    return [child for child in children if ports(child)]


def ports(process: psutil.Process) -> set[int]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return {
            connection.laddr.port
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
    return set()
