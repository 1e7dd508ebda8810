import csv
import subprocess
import sys
from pathlib import Path

from serving.models import MODELS

LOCUSTFILE = Path(__file__).with_name("locustfile.py")


def test_users_of_all_models_are_answered_without_a_failure(gateway: str, tmp_path: Path) -> None:
    results = tmp_path / "results"
    command = [
        *(sys.executable, "-m", "locust", "--headless", f"--locustfile={LOCUSTFILE}"),
        *(f"--host={gateway}", "--users=6", "--spawn-rate=6", "--run-time=5s"),
        *(f"--csv={results}", "--only-summary"),
    ]

    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    with Path(f"{results}_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    for model in MODELS:
        assert int(rows[model]["Request Count"]) > 0
        assert int(rows[model]["Failure Count"]) == 0
