"""Long work in threads: whose turn it is, what is told of a wrong instance, when it ends."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.contract import Tensors
from serving.errors import InvalidInput
from serving.gateway.api import slow_preprocessing
from serving.gateway.api.slow_preprocessing import SlowPreprocessing, Threads, num_threads
from serving.models import MODELS
from serving.models.sentiment import SentimentRequest

_LONG = 1e3  # seconds for any of them: each instance is a task of its own


class _Work:
    """Preprocesses texts by noting them; `gate` says when it may go on."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.begun: list[str] = []
        self.first = threading.Event()
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def __call__(self, requests: Sequence[SentimentRequest]) -> Tensors:
        [request] = requests
        self.begun.append(request.text)
        self.first.set()
        self.gate.wait(60)
        if request.text.startswith("wrong"):
            raise InvalidInput(request.text)
        return {"text": np.array([request.text.encode()], dtype=object)}


def _slow(work: _Work, *, threads: int = 1) -> SlowPreprocessing:
    model = replace(MODELS["sentiment"], preprocess=work)
    return SlowPreprocessing(model, "instances", Threads(threads))


def _texts(*texts: str) -> list[SentimentRequest]:
    return [SentimentRequest(text=text) for text in texts]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("seconds", [0.001, _LONG])
def test_the_order_is_kept(threads: int, seconds: float) -> None:
    texts = [str(number) for number in range(20)]
    slow = _slow(_Work(), threads=threads)

    tensors = asyncio.run(slow(_texts(*texts), seconds))

    assert tensors["text"].tolist() == [text.encode() for text in texts]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("seconds", [0.001, _LONG])
def test_the_first_wrong_instance_is_told(threads: int, seconds: float) -> None:
    slow = _slow(_Work(), threads=threads)

    with pytest.raises(InvalidInput, match="wrong 2") as caught:
        asyncio.run(slow(_texts("0", "1", "wrong 2", "wrong 3", "4"), seconds))

    assert "instances.2" in caught.value.detail


def test_one_caller_does_not_wait_for_all_of_another() -> None:
    work = _Work(is_open=False)
    slow = _slow(work)

    async def both() -> None:
        many = asyncio.create_task(slow(_texts(*"abcdefgh"), _LONG))
        await asyncio.to_thread(work.first.wait)
        one = asyncio.create_task(slow(_texts("one"), _LONG))
        await asyncio.sleep(0)  # for it to be in the queue
        work.gate.set()
        await asyncio.gather(many, one)

    asyncio.run(both())

    assert work.begun.index("one") == 1


def test_what_nobody_waits_for_is_not_begun() -> None:
    work = _Work(is_open=False)
    slow = _slow(work)

    async def leave() -> None:
        many = asyncio.create_task(slow(_texts(*"abcdefgh"), _LONG))
        await asyncio.to_thread(work.first.wait)
        many.cancel()
        with pytest.raises(asyncio.CancelledError):
            await many
        work.gate.set()
        await slow(_texts("next"), _LONG)

    asyncio.run(leave())

    assert work.begun == ["a", "next"]


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("", 8)]
)
def test_a_container_has_the_cores_of_its_share(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    monkeypatch.setattr(slow_preprocessing, "_CPU_QUOTA", file)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)))

    assert num_threads(1) == cores
    assert num_threads(3) == max(1, cores // 3)
    assert num_threads(100) == 1
