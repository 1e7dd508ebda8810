"""nginx in the foreground, with every file of its own in one folder."""

import os
import shutil
from pathlib import Path

PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
# What is shipped to shed load in front of gateways.
IN_FRONT = Path(__file__).parents[1] / "k8s/in-front/nginx.conf"
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {http}
}}
"""


def configure(folder: Path, http: str) -> None:
    """Write the configuration; `http` is what the block of that name says of servers."""
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(http=http))


def command(folder: Path) -> list[str]:
    """Say how to run nginx with the configuration of a folder."""
    return [str(PROGRAM), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]


def in_front(*, listen: str, gateway: str, limit: int | None = None) -> str:
    """Give the shipped configuration with other addresses, and perhaps another limit."""
    text = IN_FRONT.read_text()
    text = text.replace("listen 80;", f"listen {listen};").replace("127.0.0.1:8000", gateway)
    return text if limit is None else text.replace("models 128;", f"models {limit};")
