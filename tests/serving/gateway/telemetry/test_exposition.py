"""Metrics on a port that is theirs alone, and the sums over what workers count in files."""

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from serving.gateway.telemetry.exposition import registry
from tests import stack
from tests.readings import reading


@pytest.mark.parametrize("workers", ["1", "2"])
def test_metrics_move_to_their_own_port(workers: str) -> None:
    port = stack.free_port()
    with stack.gateway_process(workers=workers, metrics_port=str(port)) as (_, url):
        metrics = f"http://127.0.0.1:{port}"
        for _ in range(8):
            httpx.post(f"{url}/predict/invented")

        assert reading(metrics, "tfgate_requests_total", outcome="unknown-model") == 8
        assert httpx.get(f"{url}/metrics").status_code == 404
        assert httpx.get(f"{metrics}/metrics").headers["Content-Type"].startswith("text/plain")
        paths = httpx.get(f"{url}/openapi.json").json()["paths"]
        assert "/metrics" not in paths


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_named(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = stack.refusal(exit_code=1, workers=workers, metrics_port=str(port))

    assert f"127.0.0.1:{port}" in message
    assert "TFGATE_METRICS_PORT" in message


def count(file: Path, name: str, value: float, **labels: str) -> None:
    """Count as prometheus_client does in a worker, in a file of its own."""
    values = MmapedDict(str(file))  # type: ignore[no-untyped-call]  # it has no types
    values.write_value(mmap_key(name, name, list(labels), list(labels.values()), "help"), value, 1)  # type: ignore[no-untyped-call]
    values.close()  # type: ignore[no-untyped-call]


def torn(whole: bytes) -> list[bytes]:
    """Return what may be left of a file of metrics."""
    used = struct.pack("i", 5000)
    return [
        *(b"", b"\0", b"\0" * 8, b"\xff" * 4096, b"nonsense", used, used + whole[4:3000]),
        *(whole[:9], whole[:30], whole.replace(b'"', b"\xff"), whole.replace(b"[", b"{")),
        *(whole.replace(b"counts_total", b"co\\nts_total"), b"\x10\0\0\0\xf0\xff\xff\xff" * 50),
    ]


def test_torn_files_are_left_out_and_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    count(tmp_path / "counter_1.db", "counts_total", 3, model="housing")
    count(tmp_path / "counter_2.db", "counts_total", 4, model="housing")
    whole = (tmp_path / "counter_1.db").read_bytes()
    pieces = torn(whole)
    for number, content in enumerate(pieces):
        (tmp_path / f"counter_10{number}.db").write_bytes(content)
        (tmp_path / f"gauge_livesum_10{number}.db").write_bytes(content)
    (tmp_path / "strange.db").write_bytes(whole)
    (tmp_path / "counter_99.db").mkdir()
    os.mkfifo(tmp_path / "counter_98.db")
    shown = registry(tmp_path)

    for _ in range(2):
        text = generate_latest(shown).decode()

        assert 'counts_total{model="housing"} 7.0' in text
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == len(set(told))
    for name in ("counter_100.db", "gauge_livesum_100.db", "counter_105.db", "strange.db"):
        assert sum(str(tmp_path / name) in message for message in told) == 1, name
    assert not any(str(tmp_path / "counter_1.db") in message for message in told)


def test_a_folder_that_has_gone_shows_nothing(tmp_path: Path) -> None:
    assert generate_latest(registry(tmp_path / "gone")) == b""


def test_versions_that_workers_have_dropped_are_shown_no_more(tmp_path: Path) -> None:
    for version in ("1", "2"):
        labels = {"model": "housing", "version": version}
        count(tmp_path / "counter_1.db", "counts_total", 3, **labels)
        count(tmp_path / "histogram_1.db", "counts_total", 3, **labels)
    gone = {"model": "housing", "version": "1"}
    count(tmp_path / "gauge_mostrecent_1.db", "tfgate_version_dropped", 1, **gone)

    text = generate_latest(registry(tmp_path)).decode()

    assert 'version="1"' not in text
    assert 'version="2"' in text
    assert "tfgate_version_dropped" not in text


def test_a_model_that_workers_have_forgotten_is_shown_no_more(tmp_path: Path) -> None:
    for model in ("gone", "housing"):
        count(tmp_path / "gauge_livemin_1.db", "tfgate_model_ready", 0, model=model)
        count(tmp_path / "counter_1.db", "counts_total", 3, model=model, reason="limit")
    gone = {"model": "gone", "version": "none"}
    count(tmp_path / "gauge_mostrecent_1.db", "tfgate_version_dropped", 1, **gone)

    text = generate_latest(registry(tmp_path)).decode()

    assert "gone" not in text
    assert 'tfgate_model_ready{model="housing"} 0.0' in text


def test_a_name_that_one_worker_has_forgotten_is_well_with_the_one_that_learns_it(
    tmp_path: Path,
) -> None:
    begin = (
        "from serving.gateway.telemetry import metrics;"
        "metrics.initialise_model('back'); metrics.LIMIT.labels('back').set(8);"
    )
    for end in ("metrics.forget('back')", "metrics.MODEL_READY.labels('back').set(1)"):
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        subprocess.run(
            [sys.executable, "-c", begin + end], cwd=stack.ROOT, env=environment, check=True
        )

    text = generate_latest(registry(tmp_path)).decode()

    assert 'tfgate_model_ready{model="back"} 1.0' in text
    assert 'tfgate_requests_limit{model="back"} 8.0' in text
