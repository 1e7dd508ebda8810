"""The commands `tfgate train` and `tfgate tune`: what they take, and what they exit with.

Options that they do not know are hyper-parameters, which only the recipes know.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tfgate.exits import interruptible, needing, reported

# Click leaves unknown options, and what follows each, among the arguments.
TAKES_HYPER_PARAMETERS = {"ignore_unknown_options": True}

Data = Annotated[
    Path | None, typer.Option(help="folder with the data sets; downloaded if left out")
]
Seed = Annotated[int, typer.Option(min=0, help="of every random choice but the splits")]
Checkpoints = Annotated[Path, typer.Option(help="where trainings keep their state")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="a hyper-parameter; may be repeated"),
]
ModelsPath = Annotated[
    Path | None,
    typer.Option(
        envvar="TFGATE_MODELS_PATH",
        help="folder of typed models of your own, and of their recipes",
    ),
]
AllGpus = Annotated[bool, typer.Option("--all-gpus", help="let all GPUs share each batch")]
DEFAULT_REPOSITORY = Path("models")
DEFAULT_CHECKPOINTS = Path("build/checkpoints")
DEFAULT_REPORTS = Path("build/reports")
DEFAULT_STUDY = Path("build/tuning")
NOT_STORED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)
LEARNING_RATES = Path("build/learning-rates")


def train(  # noqa: PLR0913, PLR0917  # a command's options
    names: Annotated[
        list[str], typer.Argument(help="models, or all; and hyper-parameters, as --epochs 3")
    ],
    data: Data = None,
    repository: Annotated[
        Path, typer.Option(help="folder of models, each a folder of versions")
    ] = DEFAULT_REPOSITORY,
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(min=1, help="how many networks, from that seed on")] = 1,
    checkpoints: Checkpoints = DEFAULT_CHECKPOINTS,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with what the checkpoints hold")
    ] = False,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="also train the recipe less one ingredient each")
    ] = False,
    reports: Annotated[
        Path, typer.Option(help="where each version's report is written")
    ] = DEFAULT_REPORTS,
    tensorboard: Annotated[
        Path | None, typer.Option(help="where TensorBoard finds what a network learns")
    ] = None,
    assignments: Assignments = None,
    models_path: ModelsPath = None,
    all_gpus: AllGpus = False,
    folds: Annotated[
        int | None, typer.Option(min=2, help="cross-validate on so many folds; publish nothing")
    ] = None,
    find_learning_rate: Annotated[
        bool, typer.Option("--find-learning-rate", help="test which rates work; publish nothing")
    ] = False,
    show_hyper_parameters: Annotated[
        bool, typer.Option("--show-hyper-parameters", help="list what --set can change")
    ] = False,
) -> None:
    """Train models and publish each as the next version in the repository."""
    with _trainable(how_to_go_on="the same command with --resume goes on from the last epoch"):
        from training.cli import command, hyper_parameters
        from training.pipeline import TrainingOptions

        hyper_parameters.refuse_together(
            ablations=ablations,
            folds=folds,
            find_learning_rate=find_learning_rate,
            show_hyper_parameters=show_hyper_parameters,
        )
        models, changes = hyper_parameters.read(names, assignments or ())
        options = TrainingOptions(
            data, repository, checkpoints, range(seed, seed + seeds), resume, ablations
        )
        devices = _gpus() if all_gpus else ()
        options = replace(
            options,
            devices=devices,
            reports=reports,
            tensorboard=tensorboard,
            models_path=models_path,
        )
        if show_hyper_parameters:
            command.show_hyper_parameters(models, options, changes)
        elif find_learning_rate:
            command.find_learning_rates(models, options, changes, LEARNING_RATES)
        elif folds:
            command.cross_validate(models, options, changes, folds)
        else:
            command.train(models, options, changes)


def tune(  # noqa: PLR0913, PLR0917  # a command's options
    names: Annotated[
        list[str],
        typer.Argument(help="models; and hyper-parameters to keep fixed, as --epochs 3"),
    ],
    trials: Annotated[int, typer.Option(min=1, help="how many in all, earlier ones included")] = 20,
    study: Annotated[Path, typer.Option(help="where the search keeps its state")] = DEFAULT_STUDY,
    data: Data = None,
    seed: Seed = 0,
    checkpoints: Checkpoints = DEFAULT_CHECKPOINTS,
    assignments: Assignments = None,
    models_path: ModelsPath = None,
    all_gpus: AllGpus = False,
) -> None:
    """Search for better hyper-parameters; an interrupted search goes on where it was."""
    with _trainable(how_to_go_on="the same command goes on from the last epoch"):
        from training.cli import command, hyper_parameters
        from training.pipeline import TrainingOptions

        models, changes = hyper_parameters.read(names, assignments or ())
        options = TrainingOptions(data, DEFAULT_REPOSITORY, checkpoints, [seed])
        devices = _gpus() if all_gpus else ()
        options = replace(options, devices=devices, models_path=models_path)
        command.tune(models, options, changes, study, trials)


@contextmanager
def _trainable(*, how_to_go_on: str) -> Iterator[None]:
    """End with 2 for misuse, with 1 for other failures, with 130 for Ctrl-C."""
    with interruptible(how_to_go_on):
        with needing("training"):
            import training.cli.command  # noqa: F401  # which needs all of it
            from training.errors import Misuse, TrainingError

        from serving.typed_models import WrongModels

        with (
            reported(TrainingError),
            reported(Misuse, WrongModels, exit_code=2),
            _storing(how_to_go_on),
        ):
            yield


@contextmanager
def _storing(how_to_go_on: str) -> Iterator[None]:
    """End with 1 when a file cannot be written, as on a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in NOT_STORED:
            raise
        where = f" {error.filename}" if error.filename else ""
        typer.echo(
            f"tfgate: cannot write{where}: {os.strerror(error.errno)}. Make room, or name other "
            "folders with --repository, --checkpoints and --reports; then "
            f"{how_to_go_on}",
            err=True,
        )
        raise typer.Exit(1) from error


def _gpus() -> Sequence[str]:
    from training.fit.devices import gpus

    found = gpus()
    if len(found) < 2:
        number, place = ("one GPU", "it") if found else ("no GPU", "the processor")
        Console().print(f"--all-gpus: this machine has {number}, so the training runs on {place}")
    return found
