"""What a VEN tells a Prometheus server: ``collector(client)`` for the registry of your program
(extra ``metrics``).

It reads ``status`` and ``health()`` when the server asks, on the thread that serves it, and keeps
nothing of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Callable, Union

from .errors import ConfigurationError
from .ven import Ven

if TYPE_CHECKING:
    from .runtime.status import Status

Value = Union[float, int]
GAUGES: tuple[tuple[str, str, Callable[["Status"], Value]], ...] = (
    (
        "registered",
        "1 while the VEN is registered with its VTN.",
        lambda status: int(status.state == "registered"),
    ),
    (
        "last_poll_timestamp_seconds",
        "Unix time of the last good poll; 0 before the first.",
        lambda status: status.last_poll.timestamp() if status.last_poll else 0,
    ),
    (
        "last_error_timestamp_seconds",
        "Unix time of the last error; 0 where there was none.",
        lambda status: status.last_error_at.timestamp() if status.last_error_at else 0,
    ),
    (
        "stuck",
        "Handlers, callbacks and exchanges that run for long.",
        lambda status: len(status.stuck),
    ),
    (
        "clock_offset_seconds",
        "How far the VTN's clock is ahead of this machine's.",
        lambda status: status.clock_offset.total_seconds(),
    ),
)
UP_AND_DOWN = frozenset({"report_requests"})
"""Numbers of ``status.counters`` that may fall."""


def collector(*vens: Union[Ven, Iterable[Ven]]) -> Any:
    """A collector of the metrics ``ven_sdk_*`` of clients (or of a fleet), each with the label
    ``ven``: its ven_name.

    ``prometheus_client.REGISTRY.register(collector(client))`` is all there is to do.
    ConfigurationError where prometheus-client is not installed, or something else than clients is
    given.
    """
    try:
        from prometheus_client.registry import Collector
    except ImportError as cause:
        raise ConfigurationError(
            "ven_sdk.metrics needs prometheus-client: pip install 'ven-sdk[metrics]'."
        ) from cause

    class VenCollector(Collector):  # type: ignore[misc]
        """Asks the VENs whenever it is asked."""

        def collect(self) -> Iterator[Any]:
            return iter(_families(list(_all(vens))))

        def describe(self) -> list[Any]:
            """Nothing: so that registering asks nobody, and a fleet may still grow."""
            return []

    for ven in _all(vens):
        if not isinstance(ven, Ven):
            raise ConfigurationError(f"collector() takes clients, or a Fleet, not {ven!r}.")
    return VenCollector()


def _all(given: Iterable[Union[Ven, Iterable[Ven]]]) -> Iterator[Ven]:
    """Clients, and the VENs of fleets, which come and go."""
    for one in given:
        if isinstance(one, Iterable):
            yield from one
        else:
            yield one


def _families(vens: list[Ven]) -> list[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    found = {ven.settings.ven_name: (ven.status, ven.health()) for ven in vens}
    families = []
    for name, text, read in GAUGES:
        families.append(GaugeMetricFamily(f"ven_sdk_{name}", text, labels=("ven",)))
        for ven, (status, _) in found.items():
            families[-1].add_metric((ven,), read(status))
    healthy = GaugeMetricFamily(
        "ven_sdk_healthy", "1 while health() finds no problem.", labels=("ven",)
    )
    queues = GaugeMetricFamily(
        "ven_sdk_queue", "What waits: answers, samples, jobs of a pool …", labels=("ven", "queue")
    )
    for ven, (status, health) in found.items():
        healthy.add_metric((ven,), int(health.ok))
        for queue, length in status.queues.items():
            queues.add_metric((ven, queue), length)
    numbers = dict.fromkeys(name for status, _ in found.values() for name in status.counters)
    for name in numbers:
        family = GaugeMetricFamily if name in UP_AND_DOWN else CounterMetricFamily
        families.append(family(f"ven_sdk_{name}", f"status.counters[{name!r}].", labels=("ven",)))
        for ven, (status, _) in found.items():
            families[-1].add_metric((ven,), status.counters.get(name, 0))
    return [*families, healthy, queues]
