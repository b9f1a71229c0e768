"""What all payloads carry, and how a message is accepted or refused. Declarations only."""

from __future__ import annotations

from typing import Optional

from ...schema import declarations as wire
from ...schema.element import element
from ...schema.record import Record

RESPONSE_CODE = "[0-9]{3}"


def schema_version() -> str:
    """The declaration of ``ei:schemaVersion``, which every payload carries (rule G2)."""
    return wire.attribute("ei:schemaVersion", default="2.0b", pattern=r"2\.0[ab]|x-\S.*")


@element
class EiResponse(Record):
    """Whether a request was accepted. ``response_code`` is a str of three digits; its first one
    decides (rule G9).
    """

    response_code: str = wire.text("ei:responseCode", pattern=RESPONSE_CODE)
    response_description: Optional[str] = wire.text(
        "ei:responseDescription", optional=True, default=None
    )
    request_id: str = wire.text("pyld:requestID", default="", otherwise="")

    @property
    def ok(self) -> bool:
        """Any code of class 2xx is success."""
        return self.response_code.lstrip().startswith("2")
