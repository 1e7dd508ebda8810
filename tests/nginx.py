"""nginx, as tests run it: as the benchmark does."""

from bench.nginx import IN_FRONT, PROGRAM, command, configure, in_front

__all__ = ["IN_FRONT", "PROGRAM", "command", "configure", "in_front"]
