"""The timestamp of ReplayProtect: an xs:dateTime with any offset (rule S6), unlike the rest of a
message.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Optional

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))?", re.ASCII
)


def parse_timestamp(text: Optional[str]) -> Optional[datetime]:
    """Aware UTC; without an offset it counts as UTC. None where the text is missing or no date and
    time.
    """
    match = _FORM.fullmatch((text or "").strip())
    if match is None:
        return None
    seconds, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc)
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        moment += timedelta(microseconds=int(((fraction or "") + "000000")[:6]))
        return moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        return None
