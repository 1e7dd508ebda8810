"""`tfgate train` as scripts and impatient people see it: exit codes, and one sentence."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import tiny_recipes
from tfgate.cli import app

TINY_HOUSING = [f"--set={key}={value}" for key, value in tiny_recipes.TINY["housing"].items()]
data_folder = tiny_recipes.data_folder  # a fixture


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "no recipe"], "there is no recipe 'no recipe': choose from "),
        (["train", "housing", "--epochz", "3"], "there is no option 'epochz'"),
        (["train", "housing", "--epochs", "few"], "epochs cannot be 'few'"),
        (["train", "housing", "--epochs"], "--epochs wants a value"),
        (["train", "housing", "--folds", "3", "--ablations"], "do not go together"),
        (["tune", "housing", "--set", "epochs"], "--set wants key=value, not 'epochs'"),
    ],
)
def test_misuse_exits_with_2_and_says_what_is_wanted(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_failure_exits_with_1(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "housing", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "put the file there" in result.stderr


def test_an_output_folder_that_cannot_be_written_is_named_before_anything_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    for option in ("repository", "checkpoints", "reports", "tensorboard"):
        places = [f"--{option}={tmp_path}/file/inside", f"--data={tmp_path}"]
        result = CliRunner().invoke(app, ["train", "housing", *places])
        assert result.exit_code == 1
        assert result.stderr == (
            f"tfgate: {tmp_path}/file/inside cannot be written to: {tmp_path}/file is a file; "
            "name another folder\n"
        )


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_up(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "build/checkpoints/x")

    monkeypatch.setattr("training.cli.command.train", fill_up)
    result = CliRunner().invoke(app, ["train", "housing", f"--data={tmp_path}"])
    assert result.exit_code == 1
    assert result.stderr == (
        "tfgate: cannot write build/checkpoints/x: No space left on device. Make room, or name "
        "other folders with --repository, --checkpoints and --reports; then the same command with "
        "--resume goes on from the last epoch\n"
    )


def test_a_folder_of_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "housing", f"--data={tmp_path}/Häuser"])
    assert result.exit_code == 2
    said = f"--data {tmp_path}/Häuser: there is no such folder; {tmp_path} holds nothing"
    assert said in result.stderr


def test_a_model_below_its_gate_exits_with_1_and_leaves_no_version(
    data_folder: Path, tmp_path: Path
) -> None:
    places = [f"--{name}={tmp_path / name}" for name in ("repository", "checkpoints")]
    settings = [*TINY_HOUSING, "--learning-rate=1e-9"]
    arguments = ["train", "housing", *settings, f"--data={data_folder}", *places]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "nothing was exported" in result.stderr
    assert not (tmp_path / "repository").exists()


def test_hyper_parameters_are_listed_as_they_would_be() -> None:
    arguments = ["train", "image", "housing", "--show-hyper-parameters", "--batch-size", "77"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert result.stdout.count("77") == 2


def test_all_gpus_of_a_machine_without_them_goes_on_and_says_so() -> None:
    arguments = ["train", "housing", "--all-gpus", "--show-hyper-parameters"]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "--all-gpus: this machine has" in result.stdout


def test_ctrl_c_exits_with_130_and_says_how_to_go_on(data_folder: Path, tmp_path: Path) -> None:
    endless = [
        f"--set={k}={v}" for k, v in {**tiny_recipes.TINY["housing"], "epochs": 10**5}.items()
    ]
    arguments = ["train", "housing", *endless]
    places = [f"--checkpoints={tmp_path}", f"--repository={tmp_path}", f"--data={data_folder}"]
    # A process that a shell starts in the background ignores SIGINT, and so do its children.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = f"{program}; from tfgate.cli import app; app({[*arguments, *places]!r})"
    with subprocess.Popen(
        ["timeout", "--foreground", "200", sys.executable, "-c", command],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert any(line.startswith("epoch 1/") for line in running.stdout)
        running.send_signal(signal.SIGINT)
        _, last_words = running.communicate()
    assert running.returncode == 130
    assert last_words.splitlines()[-1] == (
        "tfgate: stopped; the same command with --resume goes on from the last epoch"
    )
