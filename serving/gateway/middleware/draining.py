"""What changes while the gateway winds down; knows neither signals nor for how long."""

from collections.abc import Mapping
from typing import Any

from serving.errors import ShuttingDown

# Under this name the state that a server gives each request says that it winds down.
DRAINING = "draining"


def is_draining(scope: Mapping[str, Any]) -> bool:
    """Tell whether the gateway was winding down when a request began."""
    return bool(scope.get("state", {}).get(DRAINING))


def refuse_while_draining(scope: Mapping[str, Any]) -> None:
    """See that the gateway does not wind down.

    Raises:
        ShuttingDown: it does.
    """
    if is_draining(scope):
        raise ShuttingDown("the gateway is shutting down")
