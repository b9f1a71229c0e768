"""The way to a PostgreSQL database: its address, a pool of connections, and our errors.

Every statement is one transaction, and comes back within seconds or fails: also from a
server that hangs, or behind a network that swallows everything. Any thread may call it.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from ...errors import ConfigurationError, StoreError
from ...text import is_xml, one_line
from ...threads import daemon_thread

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

    Connection = psycopg.Connection[tuple[Any, ...]]

logger: logging.Logger = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
"""How long a statement may take at the most, and how long connecting may."""
CONNECTIONS = 4
POOL = "ven_sdk-store"
"""What the pool is called in its log lines."""
TRIES = 3
"""How often a statement is tried whose connection broke: all statements may be repeated."""
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_PASSING = ("starting up", "shutting down", "in recovery mode", "too many", "remaining connection")
_KEEP_ALIVE = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?")
Values = Mapping[str, object]
Wait = Generator[object, object, object]
"""How psycopg waits for the server: it is told what to wait for, and sends what is ready."""
Rows = list[tuple[Any, ...]]
"""Rows as the database gives them: the statement says of which types."""


class Address:
    """A store's address: ``postgresql://user@host/database?schema=name``, and libpq's parameters.

    ``schema`` is where the tables are (``ven_sdk`` unless it is given); ``name`` is the address
    without a password. ConfigurationError where no connection can be made of it.
    """

    def __init__(self, url: str) -> None:
        parts = _parts(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        self.schema: str = dict(query).get("schema", "ven_sdk")
        if not _SCHEMA.fullmatch(self.schema):
            raise ConfigurationError(
                f"The schema of a store must be small letters, digits and underscores, not "
                f"{self.schema!r}."
            )
        rest = [(key, value) for key, value in query if key != "schema"]
        self.conninfo: str = _conninfo(urlunsplit(parts._replace(query=urlencode(rest))))
        shown = [(key, value) for key, value in query if "pass" not in key]
        host = parts.netloc.rpartition("@")[2]
        user = parts.username or ""
        self.name: str = urlunsplit(
            ("postgresql", f"{user}@{host}" if user else host, parts.path, urlencode(shown), "")
        )


def _conninfo(url: str) -> str:
    psycopg = library()
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = conninfo_to_dict(url)
        return make_conninfo(url, **{k: v for k, v in _KEEP_ALIVE.items() if k not in given})
    except psycopg.Error as cause:
        is_open = "@" not in url and "pass" not in url  # libpq's own words would show a secret
        why = f": {one_line(str(cause).strip())}" if is_open else ""
        raise ConfigurationError(
            f"The store's address is not understood{why}. Expected is "
            "postgresql://user@host/database."
        ) from (cause if is_open else None)


def _parts(url: str) -> SplitResult:
    """The parts of ``url``. A user name or password that is not escaped would stand in the wrong
    one, and be shown: ConfigurationError, as for what is no URL.
    """
    try:
        parts = urlsplit(url)
        is_right = is_xml(url) and "@" not in parts.path + parts.fragment
        hosts = parts.netloc.rpartition("@")[2].split(",")
        is_right = is_right and all(map(_HOST.fullmatch, hosts))
    except ValueError:  # its text may hold the password
        is_right = False
    if not is_right:
        raise ConfigurationError(
            "The store's address is not understood. Expected is postgresql://user@host/database, "
            "with %40 for @, %2F for / and %23 for # in a user name or a password."
        )
    return parts


def library() -> ModuleType:
    """psycopg, or ConfigurationError that says how to get it."""
    try:
        import psycopg
        import psycopg_pool  # noqa: F401
    except ImportError as cause:
        raise ConfigurationError(
            f"A store on PostgreSQL needs psycopg and its pool ({cause}): pip install "
            "'ven-sdk[postgresql]'."
        ) from cause
    return psycopg


class Link:
    """Connections to the database at ``address``. ``run`` is the one way to use them.

    After a failure everything fails at once until ``run(..., probe=True)`` has succeeded: so that
    thousands of callers do not wait for the same silence. Somebody must call that now and then.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._seconds = ANSWER_SECONDS
        self._pool: Optional[ConnectionPool[Connection]] = None
        self._trouble: Optional[StoreError] = None
        self._opening = threading.Lock()
        self._reading = threading.BoundedSemaphore(CONNECTIONS - 2)

    def open(self, lease: float) -> None:
        """Connect. An answer may take a third of ``lease``, and 5 s at the most, so that a renewal
        that failed leaves time for others. StoreError where the database cannot be reached, or
        ConfigurationError where it refuses for good.
        """
        self._seconds = max(1.0, min(ANSWER_SECONDS, lease / 3))
        with self.single():
            pass
        with self._opening:
            self._pool, self._trouble = self._fresh_pool(), None

    def _fresh_pool(self) -> ConnectionPool[Connection]:
        from psycopg_pool import ConnectionPool

        logging.getLogger("psycopg.pool").addFilter(_POOL_LINES)  # once, however often it is added
        return ConnectionPool(
            self._address.conninfo,
            connection_class=_connection_class(self._seconds),
            kwargs={"autocommit": True, "connect_timeout": math.ceil(self._seconds)},
            configure=partial(_configure, seconds=self._seconds),
            min_size=1,
            max_size=CONNECTIONS,
            timeout=self._seconds,
            reconnect_timeout=self._seconds,
            name=POOL,
            open=True,
        )

    def close(self) -> None:
        """End all connections."""
        with self._opening:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @property
    def is_open(self) -> bool:
        """Whether there are connections, or attempts to get them."""
        return self._pool is not None

    @contextlib.contextmanager
    def single(self) -> Iterator[Connection]:
        """A connection of its own, for what needs no pool: a look, a migration."""
        psycopg = library()
        try:
            connection = _connection_class(self._seconds).connect(
                self._address.conninfo, autocommit=True, connect_timeout=math.ceil(self._seconds)
            )
            try:
                _configure(connection, self._seconds)
                yield connection
            finally:
                connection.close()
        except psycopg.Error as cause:
            raise self.failure(cause) from cause

    def text(self, statement: str) -> str:
        """``statement`` with the name of the schema."""
        return statement.format(schema=f'"{self._address.schema}"')

    def run(self, statement: str, values: Optional[Values] = None, *, probe: bool = False) -> Rows:
        """The rows that ``statement`` gives. StoreError, retryable where the database is away."""
        pool, trouble = self._pool, self._trouble
        if pool is None:
            raise StoreError(
                f"The store {self._address.name!r} is not open. Call open() first.",
                path=self._address.name,
            )
        if trouble is not None:
            if not probe:
                raise StoreError(str(trouble), path=trouble.path, retryable=True) from trouble
            return self._recover(pool, statement, values)
        try:
            rows = self._try_run(pool, self.text(statement), values)
        except library().Error as cause:
            error = self.failure(cause)
            if isinstance(error, ConfigurationError):  # it was right when the store was opened
                error = StoreError(str(error), path=self._address.name, retryable=True)
            error.may_be_written = error.retryable
            if error.retryable and self._pool is pool:
                self._trouble = error
            raise error from cause
        return rows

    def read(self, statement: str, values: Optional[Values] = None) -> Rows:
        """``run`` for what may come from many threads at once: they leave two connections to
        commits and renewals.
        """
        with self._reading:
            return self.run(statement, values)

    def _recover(
        self, pool: ConnectionPool[Connection], statement: str, values: Optional[Values]
    ) -> Rows:
        """``run`` on a connection of its own; when that works, the pool is made anew."""
        try:
            with self.single() as connection:
                cursor = connection.execute(self.text(statement), values)
                rows = cursor.fetchall() if cursor.description else []
        except ConfigurationError as error:  # it was right when the store was opened
            raise StoreError(str(error), path=self._address.name, retryable=True) from error
        with self._opening:
            if self._pool is pool:
                self._pool, self._trouble = self._fresh_pool(), None
        # Its threads may still be waiting for a connection: nobody waits for them.
        daemon_thread("ven_sdk-store-close", pool.close).start()
        return rows

    def _try_run(
        self, pool: ConnectionPool[Connection], statement: str, values: Optional[Values]
    ) -> Rows:
        psycopg = library()
        deadline = monotonic() + self._seconds
        for attempt in range(1, TRIES + 1):
            with pool.connection(max(0.1, deadline - monotonic())) as connection:
                try:
                    cursor = connection.execute(statement, values, prepare=True)
                    return cursor.fetchall() if cursor.description else []
                except psycopg.OperationalError:
                    if attempt == TRIES or monotonic() > deadline or not connection.closed:
                        raise
            pool.check()  # the server went: what else is idle in the pool is as dead
        raise AssertionError("the last try returns or raises")

    def failure(self, cause: Exception) -> StoreError | ConfigurationError:
        """Our error for what psycopg raised."""
        psycopg = library()
        text = " ".join(str(cause).split())
        name = self._address.name
        if "FATAL:" in text and not any(word in text for word in _PASSING):
            if "terminating connection" not in text:
                return ConfigurationError(f"The store {name!r} refuses: {text}.")
        if isinstance(cause, (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)):
            sentence = text if text.endswith(("?", ".")) else f"{text}."
            return StoreError(
                f"The store {name!r} cannot be reached: {sentence}", path=name, retryable=True
            )
        return StoreError(f"The store {name!r} failed: {text}.", path=name)


class _PoolLines(logging.Filter):
    """What the library logs about our pool: each attempt to connect, many times in an outage. The
    store tells of its trouble once; the lines are on our own logger at DEBUG.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is about a pool of somebody else's."""
        text = record.getMessage()
        if POOL not in text and __name__ not in text:
            return True
        logger.debug("%s", text)
        return False


_POOL_LINES = _PoolLines()


def _configure(connection: Connection, seconds: float) -> None:
    # What returns is durable, whatever the database's default is; a lock is not waited for longer
    # than anything else.
    connection.execute(
        "SELECT set_config('statement_timeout', %s, false), "
        "set_config('client_encoding', 'UTF8', false), set_config('synchronous_commit', "
        "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
        "ELSE current_setting('synchronous_commit') END, false)",
        (str(int(seconds * 1000)),),
    )


def _connection_class(seconds: float) -> type[Connection]:
    """psycopg's connection, of which nothing waits longer than ``seconds``."""
    psycopg = library()

    class PunctualConnection(psycopg.Connection):  # type: ignore[misc, name-defined, unused-ignore]
        """A statement that the server does not answer in time closes the connection."""

        def wait(self, gen: Wait, *arguments: object, **keywords: object) -> object:
            return super().wait(self._bound_wait(gen), *arguments, **keywords)

        def _bound_wait(self, gen: Wait) -> Wait:
            # The library resumes the generator at least every tenth of a second, ready or not.
            deadline = monotonic() + seconds + 1.0
            try:
                state = next(gen)
                while True:
                    ready = yield state
                    # What has come late is read all the same: a busy machine is no silent server.
                    if not ready and monotonic() > deadline:
                        gen.close()
                        self.close()
                        raise psycopg.OperationalError("the server does not answer")
                    state = gen.send(ready)
            except StopIteration as finished:
                return finished.value

    return PunctualConnection
