"""Options of the whole test run; fixtures live beside the tests that need them."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--model-server",
        metavar="HOST:PORT",
        help="ask this running TensorFlow Serving (it must see this machine's files) "
        "instead of starting the embedded server",
    )
