"""A pool that is asked for while the pools are closed takes no work and leaves no thread."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Callable

from ven_sdk.runtime.runtime import Runtime
from ven_sdk.runtime.workers import Workers


class ClosesSlowly(Workers):
    """Lets somebody ask for another pool while this one closes."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def close(self, timeout: float) -> tuple[str, ...]:
        self.meanwhile()
        return super().close(timeout)


def test_a_pool_for_another_vtn_that_is_made_while_the_others_close_is_closed_too() -> None:
    runtime = Runtime(many=True)
    runtime.start()
    ran: list[Hashable] = []
    slow = ClosesSlowly("ven_sdk-slow", 1, runtime.scheduler)
    slow.meanwhile = lambda: runtime.exchanges("vtn:80").submit("key", lambda: ran.append(1))
    runtime.pools = {"slow": slow, **runtime.pools}

    runtime.stop(1.0)

    assert ran == []
    assert not [each for each in threading.enumerate() if "vtn:80" in each.name]
