"""`python -m serving.gateway`: the gateway with its settings from the environment."""

import sys

from serving.gateway.middleware.keys import WrongKeys
from serving.gateway.server.listener import CannotListen
from serving.gateway.server.run import run
from serving.gateway.server.supervisor import WorkersDie
from serving.gateway.settings import WrongSettings, read_settings

if __name__ == "__main__":
    try:
        run(read_settings())
    except (CannotListen, WorkersDie, WrongKeys, WrongSettings) as error:
        sys.exit(f"tfgate: {error}")
