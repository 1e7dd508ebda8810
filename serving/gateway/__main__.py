"""`python -m serving.gateway`: the gateway with its settings from the environment."""

import sys

from pydantic import ValidationError

from serving.gateway.server import AddressInUse, run
from serving.gateway.settings import Settings

if __name__ == "__main__":
    try:
        run(Settings())
    except AddressInUse as error:
        sys.exit(f"tfgate: {error}")
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        sys.exit(f"tfgate: wrong settings (TFGATE_… variables): {wrong}")
