"""Every error of the SDK. Facts are attributes, so that callers and the engine ask the error
instead of its type.

Local faults (:class:`ConfigurationError`, :class:`StateError`, :class:`StoreError`,
:class:`HandlerError`) and remote faults (:class:`TransportError`, :class:`SecurityError`,
:class:`PayloadError`, :class:`ProtocolError`) are different classes. Third-party exceptions never
escape: they are the ``__cause__`` of one of these.

The sentences of remote faults and of :class:`HandlerError` quote what others wrote. They stand on
one line, control characters as escapes, and end after 5000 characters, so that nobody's log can be
forged or filled by them.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Callable, Optional

from .text import shorten

LONGEST = 5000
"""Characters of an error's sentence: what it quotes of others may be megabytes long."""


class VenError(Exception):
    """Base of all errors of the SDK.

    ``message`` says what happened; ``retryable`` whether doing the same again later can help;
    ``response_code`` is the OpenADR code that tells the VTN about it, where the protocol has a
    place for that.
    """

    retryable = False
    response_code = "500"

    def __init__(self, message: object = "") -> None:
        super().__init__(message)


class ConfigurationError(VenError, ValueError):
    """The user gave a wrong argument, file or record: raised in the call that received it, with a
    ``message`` that names it.
    """


class ArgumentError(ConfigurationError, TypeError):
    """An argument that a call does not have, or one that is missing. The text names the nearest."""


class NoSuchAttributeError(ConfigurationError, AttributeError):
    """An attribute that a public object does not have. The text names the nearest.

    ``hint()`` adds that to the text when it is read, for programs probe for attributes, too.
    """

    def __init__(self, text: str, hint: Callable[[], str] = str) -> None:
        super().__init__(text)
        self._hint = hint

    def __str__(self) -> str:
        return f"{self.args[0]}{self._hint()}"

    def __reduce__(self) -> tuple[type[NoSuchAttributeError], tuple[str]]:
        return type(self), (str(self),)


class NoSuchKeyError(ConfigurationError, KeyError):
    """A key that a record, or a name that a vocabulary, does not have. The text names the
    nearest.
    """

    def __str__(self) -> str:
        return str(self.args[0])


class NoSuchRowError(ConfigurationError, IndexError):
    """A row that a table does not have. The text says how many there are."""


class ReadOnlyError(ConfigurationError, FrozenInstanceError, TypeError):
    """A record was to be changed in its place. The text says how a changed copy is made."""


class StateError(VenError):
    """The call makes no sense in the state that the client is in (not registered, unknown event,
    already running). ``message`` says which.
    """


class StoreError(StateError):
    """The store cannot be used: locked by another process, of a newer version, or the disk failed.

    Attributes:
        message: what happened, and what to do.
        path: the store's file or address.
        retryable: whether room on the disk would mend it.
        may_be_written: True where a commit failed before its answer came, so that its rows may
            stand in the store or not.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Optional[str] = None,
        retryable: bool = False,
        may_be_written: bool = False,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.may_be_written = may_be_written
        self.retryable = retryable


class LeaseLostError(StoreError):
    """Another owner may have the VEN's rows, so that nothing is written or sent for it here.

    Attributes:
        message: those of :class:`StoreError`.
        path: likewise.
        retryable: likewise.
        may_be_written: likewise.
    """


class HandlerError(VenError):
    """A handler or callback raised, returned something unusable, or did not return in
    time. ``message`` says what, ``handler`` names it.
    """

    def __init__(self, message: str, *, handler: str = "") -> None:
        super().__init__(shorten(message, LONGEST))
        self.handler = handler


class TransportError(VenError):
    """An exchange did not complete: no connection, TLS failure, deadline, HTTP status other than
    200.

    Attributes:
        message: what happened, and what to do.
        status: the HTTP status, or None.
        retry_after: what the VTN asked for, in seconds, or None.
        delivered: False when the request surely never reached the VTN (refused, unresolved,
            handshake failed), None when nobody knows.
        retryable: whether the same again can help.
        opt_id: the opt that stays owed (``create_opt``).
    """

    retryable: bool = True

    def __init__(
        self,
        message: str,
        *,
        status: Optional[int] = None,
        retry_after: Optional[float] = None,
        delivered: Optional[bool] = None,
        retryable: bool = True,
        opt_id: Optional[str] = None,
    ) -> None:
        super().__init__(shorten(message, LONGEST))
        self.status = status
        self.retry_after = retry_after
        self.delivered = delivered
        self.retryable = retryable
        self.opt_id = opt_id


class SecurityError(VenError):
    """A received message is not what it should be: signature, fingerprint, freshness, nonce.

    ``message`` says what; ``expected`` and ``received`` say what was compared. It reaches no
    handler.
    """

    response_code = "459"

    def __init__(self, message: str, *, expected: object = None, received: object = None) -> None:
        super().__init__(shorten(message, LONGEST))
        self.expected = expected
        self.received = received


class PayloadError(VenError):
    """A received message cannot be understood. ``message`` says why, ``path`` is the element path,
    ``value`` what stood there (cut short).
    """

    response_code = "454"

    def __init__(self, message: str, *, path: str = "", value: Optional[str] = None) -> None:
        super().__init__(shorten(message, LONGEST))
        self.path = path
        self.value = value


class ProtocolError(VenError):
    """The VTN answered with an error, or with a payload that is no answer to what was sent.

    Attributes:
        message: what happened.
        response_code: the VTN's own.
        response_description: the VTN's own text, or None.
        received: name of the payload.
    """

    def __init__(
        self,
        message: str,
        *,
        response_code: str = "500",
        response_description: Optional[str] = None,
        received: str = "",
    ) -> None:
        super().__init__(shorten(message, LONGEST))
        self.response_code = response_code
        self.response_description = response_description
        self.received = received
