"""A waiter that shows for how long a worker would sleep, and ends the worker."""

from __future__ import annotations

from threading import Event as Signal

from eventshop.runtime.wake_signals import Channel, Waiter


class StoppingWaiter(Waiter):
    """Does not wait, records how long it would have, and stops the worker."""

    def __init__(self, stop: Signal, *channels: Channel) -> None:
        super().__init__(*channels)
        self.stop, self.waits = stop, list[float]()

    def wait(self, seconds: float) -> bool:
        if seconds:
            self.waits.append(seconds)
            self.stop.set()
        return super().wait(0)
