"""nginx as tests run it: in the foreground, with every file of its own in one folder."""

from pathlib import Path

from tests.programs import path_of

PROGRAM = path_of("nginx")
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid nginx.pid;
events {{ worker_connections 256; }}
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
