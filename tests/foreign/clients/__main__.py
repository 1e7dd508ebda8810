"""`python -m tests.foreign.clients [NAME ...]`: install clients for which there is a release."""

import sys

from tests.foreign.clients.environments import NAMES, install, runs_here

install([name for name in sys.argv[1:] or NAMES if runs_here(name)])
