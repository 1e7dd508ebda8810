"""Where a gateway is found; knows nothing of what is asked there."""

DEFAULT_URL = "http://127.0.0.1:8000"


def url_of(host: str, port: int) -> str:
    """Say where people on this machine find a gateway that listens on an address."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
