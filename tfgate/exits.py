"""Ends the command line with one sentence, and the exit code that scripts expect."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

INTERRUPTED = 130  # what shells give for a program that Ctrl-C ended


@contextmanager
def reported(*errors: type[Exception], exit_code: int = 1) -> Iterator[None]:
    """End the program with one sentence for the errors that a user can do something about."""
    try:
        yield
    except errors as error:
        typer.echo(f"tfgate: {error}", err=True)
        raise typer.Exit(exit_code) from error


@contextmanager
def needing(extra: str, *, exit_code: int = 1) -> Iterator[None]:
    """End the program with one sentence if a package of an optional extra is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        remedy = f"{sys.executable} -m pip install 'tfgate[{extra}]'"
        typer.echo(
            f"tfgate: this command needs {error.name}, not installed here: {remedy}", err=True
        )
        raise typer.Exit(exit_code) from error


@contextmanager
def interruptible(remedy: str) -> Iterator[None]:
    """End the program at Ctrl-C with a sentence that says how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        typer.echo(f"tfgate: stopped; {remedy}", err=True)
        raise typer.Exit(INTERRUPTED) from interrupt
