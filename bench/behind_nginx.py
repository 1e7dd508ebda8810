"""A gateway behind nginx, which sheds load in front of it: one program of two processes."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import nginx


def main() -> None:
    """Run both, nginx on PORT and the gateway on TFGATE_PORT, until one of them ends."""
    gateway = f"127.0.0.1:{os.environ['TFGATE_PORT']}"
    with TemporaryDirectory() as folder:
        listen = f"127.0.0.1:{os.environ['PORT']} backlog=1024"
        nginx.configure(Path(folder), nginx.in_front(listen=listen, gateway=gateway))
        with (
            subprocess.Popen([sys.executable, "-m", "serving.gateway"]) as serving,
            subprocess.Popen(nginx.command(Path(folder))) as before,
        ):
            os.wait()
            for process in (serving, before):
                process.terminate()


if __name__ == "__main__":
    main()
