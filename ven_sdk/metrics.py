"""What VENs tell a Prometheus server: ``exposition(client)`` is the text of a page of your own, and
``collector(client)`` goes into the registry of a program that has prometheus-client.

Both read ``status`` and ``health()`` when they are asked, on the thread that asks, and keep nothing
of their own. ``ven-sdk run`` serves the text at ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Callable, NamedTuple, Union

from .errors import ConfigurationError
from .near_names import missing_name
from .runtime.status import Status
from .text import repr_of
from .ven import Ven

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from .members import FleetMember

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Value = Union[float, int]
GAUGES: tuple[tuple[str, str, Callable[[Status], Value]], ...] = (
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
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        known = ("exposition", "member_exposition", "collector")
        raise missing_name(__name__, name, known)


class Family(NamedTuple):
    """A metric: its values, each with the labels' values. ``kind`` is ``gauge`` or ``counter``."""

    name: str
    text: str
    kind: str
    labels: tuple[str, ...]
    samples: Sequence[tuple[tuple[str, ...], Value]]


def exposition(*vens: Union[Ven, Iterable[Ven]]) -> str:
    """The metrics ``ven_sdk_*`` of clients (or of a fleet) as Prometheus reads them (text format
    0.0.4); needs no library. ConfigurationError for something else than clients.
    """
    _check(vens)
    return "".join(line for family in _families(vens) for line in _lines(family))


def member_exposition(member: "FleetMember") -> str:
    """The metrics ``ven_sdk_member_*`` of one member of a fleet, in the same form: slots, VENs by
    state, counters and queues added up, seconds since its leases were renewed. Tens of thousands of
    VENs cost one look at each, and no label each. ``ConfigurationError`` for anything else.
    """
    if not hasattr(member, "fleet"):
        raise ConfigurationError(f"These metrics are of a FleetMember, not of {repr_of(member)}.")
    return "".join(line for family in _member_families(member) for line in _lines(family))


def collector(*vens: Union[Ven, Iterable[Ven]]) -> "Collector":
    """A collector of the metrics ``ven_sdk_*`` of clients (or of a fleet), each with the label
    ``ven``: its ven_name.

    ``prometheus_client.REGISTRY.register(collector(client))`` is all there is to do.
    ConfigurationError where prometheus-client is not installed, or something else than clients is
    given.
    """
    try:
        from prometheus_client import core
        from prometheus_client.registry import Collector
    except ImportError as cause:
        raise ConfigurationError(
            "ven_sdk.metrics needs prometheus-client: pip install 'ven-sdk[metrics]'."
        ) from cause
    kinds = {"gauge": core.GaugeMetricFamily, "counter": core.CounterMetricFamily}

    class VenCollector(Collector):  # type: ignore[misc]  # prometheus-client has no types
        """Asks the VENs whenever it is asked."""

        def collect(self) -> Iterator[core.Metric]:
            for family in _families(vens):
                metric = kinds[family.kind](family.name, family.text, labels=family.labels)
                for labels, value in family.samples:
                    metric.add_metric(labels, value)
                yield metric

        def describe(self) -> list[core.Metric]:
            """Nothing: so that registering asks nobody, and a fleet may still grow."""
            return []

    _check(vens)
    if not vens:
        raise ConfigurationError("collector() is of clients or a Fleet: write collector(client).")
    return VenCollector()


def _check(vens: Iterable[Union[Ven, Iterable[Ven]]]) -> None:
    for ven in _each_ven(vens):
        if not isinstance(ven, Ven):
            raise ConfigurationError(
                f"Metrics are of clients, or of a Fleet, not of {repr_of(ven)}."
            )


def _each_ven(given: Iterable[Union[Ven, Iterable[Ven]]]) -> Iterator[Ven]:
    """Clients, and the VENs of fleets, which come and go."""
    for one in given:
        if isinstance(one, Iterable):
            yield from one
        else:
            yield one


def _families(vens: Iterable[Union[Ven, Iterable[Ven]]]) -> list[Family]:
    found = [(ven.settings.ven_name, ven.status, ven.health()) for ven in _each_ven(vens)]
    families = [
        Family(
            f"ven_sdk_{name}",
            text,
            "gauge",
            ("ven",),
            [((ven,), read(status)) for ven, status, _ in found],
        )
        for name, text, read in GAUGES
    ]
    for name in dict.fromkeys(name for _, status, _ in found for name in status.counters):
        kind = "gauge" if name in UP_AND_DOWN else "counter"
        counted = [((ven,), status.counters.get(name, 0)) for ven, status, _ in found]
        text = f"status.counters[{name!r}]."
        families.append(Family(f"ven_sdk_{name}", text, kind, ("ven",), counted))
    ends = [
        ((ven, role), moment.timestamp())
        for ven, status, _ in found
        for role, moment in status.certificates.items()
    ]
    healthy = [((ven,), int(health.ok)) for ven, _, health in found]
    queues = [
        ((ven, queue), length)
        for ven, status, _ in found
        for queue, length in status.queues.items()
    ]
    return [
        *families,
        Family("ven_sdk_healthy", "1 while health() finds no problem.", "gauge", ("ven",), healthy),
        Family(
            "ven_sdk_certificate_end_timestamp_seconds",
            "Unix time at which a certificate ends: own, ca_file, vtn_tls, vtn_signing.",
            "gauge",
            ("ven", "certificate"),
            ends,
        ),
        Family(
            "ven_sdk_queue",
            "What waits: answers, samples, jobs of a pool.",
            "gauge",
            ("ven", "queue"),
            queues,
        ),
    ]


def _member_families(member: "FleetMember") -> Iterator[Family]:
    status, own = member.status, (member.name,)
    single: dict[str, tuple[str, Value]] = {
        "slots": ("Slots that the member holds.", status.slots),
        "slots_running": ("Slots whose VENs run.", status.running),
        "slots_wanted": ("Slots that it should hold.", status.wanted),
        "since_renewal_seconds": ("Since the last renewal.", status.silent_for.total_seconds()),
        "may_send": ("1 while its leases allow it to send.", int(status.may_send)),
        "draining": ("1 while it gives everything away.", int(status.draining)),
        "healthy": ("1 while health() finds no problem.", int(bool(member.health()))),
    }
    for name, (text, value) in single.items():
        yield Family(f"ven_sdk_member_{name}", text, "gauge", ("member",), [(own, value)])
    for name, label, counts in (
        ("vens", "state", status.states),
        ("queue", "queue", status.queues),
    ):
        samples = [((*own, key), count) for key, count in counts.items()]
        text = f"VENs, and what waits, by {label}."
        yield Family(f"ven_sdk_member_{name}", text, "gauge", ("member", label), samples)
    for name, count in status.counters.items():
        text = f"status.counters[{name!r}]."
        yield Family(f"ven_sdk_member_{name}", text, "counter", ("member",), [(own, count)])


def _lines(family: Family) -> Iterator[str]:
    name = family.name + ("_total" if family.kind == "counter" else "")
    yield f"# HELP {name} {family.text}\n# TYPE {name} {family.kind}\n"
    for values, value in family.samples:
        labels = ",".join(
            f'{label}="{text.translate(_ESCAPES)}"'
            for label, text in sorted(zip(family.labels, values))
        )
        yield f"{name}{{{labels}}} {float(value)!r}\n"
