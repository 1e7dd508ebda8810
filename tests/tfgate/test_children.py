"""Programs that live and die together; which ones they are does not matter."""

import os
import signal

import psutil
import pytest

from tfgate.children import ChildDied, running, stoppable, watch

SLEEP = ["sleep", "100"]


def test_one_that_dies_is_named_and_the_others_end_after_it() -> None:
    with (
        running("the first", SLEEP, os.environ) as first,
        running("the second", SLEEP, os.environ) as second,
    ):
        second.process.kill()
        with pytest.raises(ChildDied, match="the second was killed by signal 9"):
            watch([first, second], lambda: None)

    assert not psutil.pid_exists(first.process.pid)


def test_one_that_ends_by_itself_is_named_with_its_exit_code() -> None:
    program = ["sh", "-c", "exit 3"]
    with (
        running("the program", program, os.environ) as child,
        pytest.raises(ChildDied, match="the program exited with code 3"),
    ):
        watch([child], lambda: None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_no_other_cuts_the_stop_short(
    number: signal.Signals,
) -> None:
    # Under nohup, a closed terminal would be ignored.
    outside = signal.signal(number, signal.default_int_handler)
    try:
        with stoppable():
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)

        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, outside)
