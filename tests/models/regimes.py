"""Ways in which a VTN goes wrong for long: each is a behaviour of a :class:`PeerVTN` for ever, or
what its polls bring for ever.
"""

from __future__ import annotations

from tests.models.peer import ANY, PeerVTN

FOR_EVER = float("inf")

REPLIES_FOR_EVER: dict[str, dict[str, str]] = {
    "EiOpt is missing": {"EiOpt": "status 404"},
    "EiOpt is not implemented": {"EiOpt": "status 501"},
    "EiOpt is busy": {"EiOpt": "status 503"},
    "EiOpt fails": {"EiOpt": "status 500"},
    "EiOpt takes anything": {"EiOpt": "plain response"},
    "EiReport is missing": {"EiReport": "status 404"},
    "EiReport is busy": {"EiReport": "status 503"},
    "EiReport fails": {"EiReport": "status 500"},
    "EiReport hangs": {"EiReport": "no answer"},
    "no catalogue": {"oadrRegisterReport": "status 404"},
    "catalogues fail": {"oadrRegisterReport": "status 500"},
    "catalogues are too many": {"oadrRegisterReport": "status 429"},
    "EiEvent is missing": {"EiEvent": "status 404"},
    "EiEvent is busy": {"EiEvent": "status 503"},
    "event answers fail": {"oadrCreatedEvent": "status 500"},
    "event answers are too many": {"oadrCreatedEvent": "status 429"},
    "no list of events": {"oadrRequestEvent": "status 500"},
    "polls are too many": {"OadrPoll": "status 429"},
    "polls are closed": {"OadrPoll": "status 403"},
    "away": {"": "refused connection"},
    "silent": {"": "no answer"},
    "answers are lost": {"": "right, but lost"},
    "a gateway answers": {"": "status 502"},
    "a web page answers": {"": "unreadable"},
    "empty": {"": "empty"},
    "oadrResponse to everything": {"": "plain response"},
    "nobody knows the VEN": {"": "code 463"},
    "polls do not know the VEN": {"oadrPoll": "code 463"},
    "event answers do not know the VEN": {"oadrCreatedEvent": "code 463"},
    "catalogues do not know the VEN": {"oadrRegisterReport": "code 463"},
    "answers do not know the VEN": {
        "oadrCreatedReport": "code 463",
        "oadrCanceledReport": "code 463",
        "oadrResponse": "code 463",
        "oadrCanceledPartyRegistration": "code 463",
    },
    "opts are not allowed": {"EiOpt": "not allowed"},
    "reports are not allowed": {"oadrUpdateReport": "not allowed"},
    "event answers are not allowed": {"oadrCreatedEvent": "not allowed"},
    "catalogues are not allowed": {"oadrRegisterReport": "not allowed"},
    "reports and opts are not allowed": {"EiOpt": "not allowed", "EiReport": "not allowed"},
    "registrations without IDs": {"oadrCreatePartyRegistration": "without IDs"},
    "registrations are busy": {"EiRegisterParty": "status 503"},
    "compliance errors": {"": "code 459"},
    "anything": {"": ANY},
    "anything of EiOpt": {"EiOpt": ANY},
    "anything of EiReport": {"EiReport": ANY},
    "anything of EiEvent": {"EiEvent": ANY},
    "anything of EiRegisterParty": {"EiRegisterParty": ANY},
    "anything of OadrPoll": {"OadrPoll": ANY},
}
POLLS_BRING = (
    "list",
    "new version",
    "reregister",
    "create report",
    "register report",
    "cancel report",
    "one report",
)
REGIMES = (*REPLIES_FOR_EVER, *(f"polls bring: {what}" for what in POLLS_BRING))


def begin(vtn: PeerVTN, regime: str) -> None:
    """The VTN goes wrong in this way too, from now on."""
    if regime in REPLIES_FOR_EVER:
        for key, reply in REPLIES_FOR_EVER[regime].items():
            vtn.behaviour[key] = reply, FOR_EVER
    else:
        vtn.endless = regime.partition(": ")[2]


def end_all(vtn: PeerVTN) -> None:
    """The VTN is right again in everything."""
    vtn.behaviour.clear()
    vtn.endless = vtn.dies = ""
