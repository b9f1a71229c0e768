"""Times for people: UTC, or the zone that was asked for. Pure functions."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from typing import Optional, Union

from ..errors import ConfigurationError
from ..near_names import did_you_mean
from ..text import repr_of

Zone = Union[tzinfo, str, None]


def zone_of(tz: Zone) -> Optional[tzinfo]:
    """The zone that ``tz`` means: a ``tzinfo``, a name such as ``'Europe/Berlin'``, UTC for None;
    None for ``'local'``, this machine's own. ConfigurationError names near ones.
    """
    if tz is None:
        return timezone.utc
    if isinstance(tz, tzinfo):
        return tz
    if isinstance(tz, str):
        return None if tz == "local" else _load_zone(tz)
    raise ConfigurationError(
        f"tz is a tzinfo, a name such as 'Europe/Berlin', 'local', or None for UTC, not "
        f"{repr_of(tz)}."
    )


def _load_zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as cause:
        near = "" if name.isupper() else did_you_mean(name, available_timezones())  # CEST is no EST
        hint = near or " Use the name of a place, such as 'Europe/Berlin'."
        raise ConfigurationError(f"There is no time zone {name!r}.{hint}") from cause


def in_zone(moment: datetime, tz: Zone) -> datetime:
    """``moment`` in the zone; one without a zone of its own counts as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(zone_of(tz))


def zone_name(tz: Zone, at: datetime) -> str:
    """What the zone is called at that moment: ``UTC``, ``CEST``, ``+05:30``."""
    return in_zone(at, tz).strftime("%Z") or "UTC"
