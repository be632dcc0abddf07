"""A stop is never lost, wherever in the program the signal finds it."""

import gc
import signal
import time

import pytest

from purifyjax.commands.signals import Stopped, stoppable


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """A suite under nohup, or in the background of a script, hands down that some are ignored, and so they stay."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def wait():
    """Run bytecode for a while: handlers are called between instructions."""
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_program(number):
    with pytest.raises(Stopped) as stopped, stoppable():
        signal.raise_signal(number)
    assert stopped.value.signal == number and stopped.value.status == 128 + number


@pytest.mark.parametrize(("number", "stop"), [(signal.SIGTERM, Stopped), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_in_a_callback_of_the_collector_stops_it_after_the_callback(number, stop):
    called = []

    def callback(phase, info):
        if not called:
            called.append(phase)
            signal.raise_signal(number)

    gc.callbacks.append(callback)
    try:
        with pytest.raises(stop), stoppable():
            gc.collect()
            assert called
            wait()
    finally:
        gc.callbacks.remove(callback)


def test_a_signal_while_an_object_ends_stops_it_afterwards():
    class Ends:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped), stoppable():
        ending = Ends()
        del ending
        wait()
