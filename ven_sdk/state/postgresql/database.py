"""What a PostgreSQL database must be like to hold a store: checked, made, brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError, StoreError
from . import schema as sql
from .link import Address, Link, Rows

if TYPE_CHECKING:
    from .link import Connection


class Database:
    """The schema at ``address``. Nothing is kept here but the way to it."""

    migrations: tuple[tuple[str, ...], ...] = sql.MIGRATIONS

    def __init__(self, link: Link, address: Address) -> None:
        self._link, self._address = link, address

    def check(self) -> None:
        """Raise what ``open()`` would, as far as a look without a change can tell.

        A database that cannot be reached passes: it may be there when it is needed.
        """
        try:
            with self._link.single() as connection:
                self._version(connection)
        except StoreError as error:
            if not error.retryable:
                raise

    def version(self) -> int:
        """The version of the store there, 0 where there is none. Raises as ``open()`` does."""
        with self._link.single() as connection:
            return self._version(connection)

    def open(self, slots: int) -> int:
        """Make the store with so many slots, or bring it up to date; returns how many it has."""
        with self._link.single() as connection:
            version = self._version(connection)
            if version < len(self.migrations):
                self._migrate(connection, slots)
            self._execute(connection, sql.FORGET_MEMBERS)
            return self._meta(connection)["slots"]

    def _version(self, connection: Connection) -> int:
        ((encoding,),) = connection.execute("SHOW server_encoding").fetchall()
        if encoding != "UTF8":
            raise ConfigurationError(
                f"The database of the store {self._address.name!r} has the encoding {encoding}; "
                "it must be UTF8. Make another: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE "
                "template0."
            )
        ((tables,),) = self._execute(connection, sql.TABLES)
        if not tables:
            return 0
        if "meta" not in tables or "facts" not in tables:
            raise ConfigurationError(
                f"The schema {self._address.schema!r} of {self._address.name!r} holds other "
                f"tables ({', '.join(sorted(tables)):.200}), not a store. Name another: ?schema=."
            )
        version = self._meta(connection).get("version", 0)
        if version > len(self.migrations):
            raise StoreError(
                f"The store {self._address.name!r} has version {version}, made by a newer "
                f"ven_sdk; this one knows versions up to {len(self.migrations)}. Update ven_sdk.",
                path=self._address.name,
            )
        return version

    def _migrate(self, connection: Connection, slots: int) -> None:
        with connection.transaction():
            self._execute(connection, sql.LOCK_MIGRATION)
            for statement in sql.MAKE_META:
                self._execute(connection, statement)
            meta = self._meta(connection)
            version = meta.get("version", 0)  # another may have been quicker
            for statements in self.migrations[version:]:
                for statement in statements:
                    self._execute(connection, statement)
            known = meta.get("slots", slots)
            self._execute(connection, sql.SET_META, name="slots", value=known)
            self._execute(connection, sql.SET_META, name="version", value=len(self.migrations))
            self._execute(connection, sql.MAKE_SLOTS, slots=known)

    def _meta(self, connection: Connection) -> dict[str, int]:
        return {name: int(value) for name, value in self._execute(connection, sql.META)}

    def _execute(self, connection: Connection, statement: str, **values: object) -> Rows:
        values.setdefault("schema", self._address.schema)
        cursor = connection.execute(self._link.text(statement), values)
        return cursor.fetchall() if cursor.description else []
