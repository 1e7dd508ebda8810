"""`python -m tfgate`, the same as the command `tfgate`."""

from tfgate.cli import app

if __name__ == "__main__":
    app(prog_name="tfgate")
