"""docs/scoring.md: the lines for an engine, run as they stand there, give the gateway's answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pyarrow import parquet

from bench.workloads import WORKLOADS
from tests import stack

PAGE = (stack.ROOT / "docs/scoring.md").read_text()
[PROGRAM] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
# The engine calls home, and runs as many processes as it likes, unless it is told not to.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "TF_CPP_MIN_LOG_LEVEL": "2"}


def test_an_engine_answers_a_table_as_the_gateway_does(http: httpx.Client, tmp_path: Path) -> None:
    houses = [instances[0] for instances in WORKLOADS["house"].requests()[:50]]
    (tmp_path / "houses.jsonl").write_text("".join(json.dumps(each) + "\n" for each in houses))
    (tmp_path / "models").symlink_to(stack.ROOT / "models")
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, **QUIET, "PYTHONPATH": str(stack.ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert "50 block groups priced" in finished.stdout
    rows = parquet.read_table(tmp_path / "prices").to_pylist()
    answer = http.post("/predict/housing/batch", json={"instances": houses}).json()
    prices = {row["longitude"] + row["median_income"]: row["price_usd"] for row in rows}
    for house, told in zip(houses, answer["predictions"], strict=True):
        key = house["longitude"] + house["median_income"]
        assert prices[key] == pytest.approx(told["price_usd"], rel=1e-4)
