"""docs/prediction-log.md: its lines read what the log has written, also what a crash has left."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from serving.gateway.prediction_log.files import Files, Format
from tests import stack
from tests.serving.gateway.prediction_log.answers import answered, records

PAGE = (stack.ROOT / "docs/prediction-log.md").read_text()


def test_the_lines_of_the_page_read_both_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    forms: list[tuple[str, Format]] = [("log", "jsonl"), ("tables", "parquet")]
    for folder, form in forms:
        files = Files(Path(folder), form, 1_000_000)
        files.write(records(answered(y=np.arange(3))))
        files.close()
    [lines] = Path("log").iterdir()
    with lines.open("a") as file:
        file.write('{"time": "2026-0')
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    Path("read.py").write_text(code)
    runpy.run_path("read.py")
    told = capsys.readouterr().out
    assert re.search(r"^m +3 +3\.0 ", told, re.MULTILINE)
    assert "{'y': 2}" in told
