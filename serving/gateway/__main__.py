"""`python -m serving.gateway`: the gateway with its settings from the environment."""

import sys

from serving.gateway.keys import WrongKeys
from serving.gateway.listener import CannotListen
from serving.gateway.server import run
from serving.gateway.settings import WrongSettings, read_settings
from serving.gateway.supervisor import WorkersDie

if __name__ == "__main__":
    try:
        run(read_settings())
    except (CannotListen, WorkersDie, WrongKeys, WrongSettings) as error:
        sys.exit(f"tfgate: {error}")
