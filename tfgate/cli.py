"""The command `tfgate`: one program that composes the gateway, the model server and training."""
import typer
app = typer.Typer()
