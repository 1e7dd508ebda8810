"""`python -m serving.gateway`: the gateway with its settings from the environment."""

import sys

from serving.gateway.server import AddressInUse, run
from serving.gateway.settings import Settings

if __name__ == "__main__":
    try:
        run(Settings())
    except AddressInUse as error:
        sys.exit(f"tfgate: {error}")
