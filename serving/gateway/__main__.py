"""`python -m serving.gateway`: the gateway with its settings from the environment."""

import sys

from serving.gateway.middleware.keys import WrongKeys
from serving.gateway.server.listener import CannotListen
from serving.gateway.server.metrics_folder import NoMetricsFolder
from serving.gateway.server.run import run
from serving.gateway.server.supervisor import WorkersDie
from serving.gateway.settings import WrongSettings, read_settings
from serving.typed_models import WrongModels


def main(options: list[str]) -> int:
    """Run the gateway; return 2 where it was set wrongly, and 1 where it cannot run."""
    try:
        if options:
            message = f"wrong options: {' '.join(options)}; only 'tfgate gateway' takes any"
            raise WrongSettings(message)
        run(read_settings())
    except (
        *(CannotListen, NoMetricsFolder, WorkersDie),
        *(WrongKeys, WrongModels, WrongSettings),
    ) as error:
        sys.stderr.write(f"tfgate: {error}\n")
        return 1 if type(error) in {CannotListen, WorkersDie} else 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
