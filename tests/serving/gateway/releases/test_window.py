"""Slices of time are counted, summed up and forgotten."""

from serving.gateway.releases.window import SLICES, Window


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def filled(clock: Clock, counts: list[int]) -> Window:
    """A window of slices of a second, the newest of which is open."""
    window = Window(SLICES, clock)
    for at, count in enumerate(counts):
        if at:
            clock.now += 1
            window.move()
        window.open.candidate.requests += count
        window.open.candidate.seconds[3] += count
    return window


def test_a_slice_ends_when_its_time_is_over() -> None:
    clock = Clock()
    window = Window(SLICES, clock)
    clock.now += 0.99
    window.move()
    assert window.num_over == 0

    clock.now += 0.01
    window.move()
    window.move()
    assert window.num_over == 1


def test_the_oldest_slice_is_forgotten() -> None:
    window = filled(Clock(), [1000, *[1] * SLICES])

    assert window.total().candidate.requests == SLICES
    assert window.total().candidate.seconds[3] == SLICES
    assert window.total().stable.requests == 0


def test_slices_in_which_nobody_looked_were_empty() -> None:
    clock = Clock()
    window = filled(clock, [1, 2, 4])
    clock.now += SLICES - 1.5
    window.move()
    assert window.total().candidate.requests == 4 + 2

    clock.now += 1e9
    window.move()
    assert window.total().candidate.requests == 0


def test_a_late_look_does_not_move_the_ends_of_slices() -> None:
    clock = Clock()
    window = filled(clock, [1])
    clock.now += 1.75
    window.move()
    clock.now += 0.25
    window.move()

    assert window.num_over == 2


def test_every_two_neighbours_are_left_out_once() -> None:
    window = filled(Clock(), [1, 2, 4, 8])

    rests = list(window.without_neighbours(window.total()))

    assert [rest.candidate.requests for rest in rests] == [3, 9, 12, 14, *[15] * (SLICES - 5)]
    assert [rest.candidate.seconds[3] for rest in rests[:4]] == [3, 9, 12, 14]
