"""A VEN whose store does not say that it runs here waits, and looks again now and then."""

from __future__ import annotations

from tests.durability.fake_world import World
from ven_sdk.state.memory import MemoryStore


class Lease(MemoryStore):
    """A store whose lease a test holds. Who asks for it all the time gets it in the end."""

    is_leased = True

    def __init__(self) -> None:
        super().__init__()
        self.is_held, self.asked = True, 0

    def holds(self, ven: str) -> bool:
        self.asked += 1
        return self.is_held or self.asked > 1000


def test_a_ven_without_its_lease_sends_nothing_asks_seldom_and_goes_on_when_it_is_back() -> None:
    lease = Lease()
    world = World(store=lease).start()
    world.run(30)
    polls = world.vtn.counts["oadrPoll"]
    lease.is_held, lease.asked = False, 0

    world.run(60)

    assert lease.asked < 60
    assert world.vtn.counts["oadrPoll"] == polls
    lease.is_held = True
    world.until(lambda: world.vtn.counts["oadrPoll"] > polls, 6)
