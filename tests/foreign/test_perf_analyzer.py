"""perf_analyzer, unmodified: a short run, of which every request is answered."""

import csv
from pathlib import Path

from tests.foreign.clients.environments import environment_of, needs_client, run_program
from tests.foreign.gateway import Addresses
from tests.programs import needs_library

pytestmark = [needs_client("perf_analyzer"), needs_library("b64", package="libb64-0d")]


def test_it_measures_tensorflow_servings_protocol(addresses: Addresses, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    [cuda] = environment_of("perf_analyzer").folder.glob("**/libcudart.so.12")

    run_program(
        *("perf_analyzer", "perf_analyzer", "--service-kind", "tfserving", "-i", "grpc"),
        *("-u", addresses.grpc, "-m", "two_ids_of_keras"),
        *("--model-signature-name", "serving_default", "--shape", "user:4", "--shape", "item:4"),
        *("--concurrency-range", "4", "--request-count", "100", "-f", str(report)),
        LD_LIBRARY_PATH=str(cuda.parent),
    )

    [measured] = csv.DictReader(report.read_text().splitlines())
    assert measured["Concurrency"] == "4"
    assert float(measured["Inferences/Second"]) > 0
