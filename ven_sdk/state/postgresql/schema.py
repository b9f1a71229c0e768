"""What stands in the database: tables, their migrations, and the statements. No connection here.

All tables are in one schema of their own, so that a database with other tables can hold a store.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    # Version 1. `until` is in no index, so that a renewal is an update in place (HOT).
    (
        "CREATE TABLE {schema}.facts (slot integer NOT NULL, ven text NOT NULL, tab text NOT NULL, "
        "key text NOT NULL, long_key text, position bigint NOT NULL, value text NOT NULL, "
        "PRIMARY KEY (slot, ven, tab, key)) WITH (fillfactor = 85)",
        "CREATE INDEX facts_ven ON {schema}.facts (ven)",
        "CREATE SEQUENCE {schema}.positions",
        # The last batch that an owner wrote: one that was held up on its way writes nothing later.
        "CREATE TABLE {schema}.batches (owner text PRIMARY KEY, batch bigint NOT NULL)"
        " WITH (fillfactor = 20)",
        "CREATE TABLE {schema}.slots (slot integer PRIMARY KEY, owner text, "
        "token bigint NOT NULL DEFAULT 0, until timestamptz) WITH (fillfactor = 40, "
        "autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0)",
        "CREATE TABLE {schema}.members (owner text PRIMARY KEY, name text NOT NULL, "
        "weight double precision NOT NULL, draining boolean NOT NULL DEFAULT false, "
        "seen timestamptz NOT NULL, until timestamptz NOT NULL, facts text NOT NULL)"
        " WITH (fillfactor = 40)",
        "CREATE TABLE {schema}.sites (ven text PRIMARY KEY, slot integer NOT NULL, "
        "site text NOT NULL)",
        "CREATE INDEX sites_slot ON {schema}.sites (slot)",
        "INSERT INTO {schema}.meta (name, value) VALUES ('sites', 0)",
    ),
)
"""What makes version n + 1 of version n, in one transaction. Released steps never change."""

MAKE_META = (
    "CREATE SCHEMA IF NOT EXISTS {schema}",
    "CREATE TABLE IF NOT EXISTS {schema}.meta (name text PRIMARY KEY, value bigint NOT NULL)",
)
TABLES = (
    "SELECT coalesce(array_agg(tablename::text), '{{}}') FROM pg_catalog.pg_tables "
    "WHERE schemaname = %(schema)s"
)
META = "SELECT name, value FROM {schema}.meta"
SET_META = (
    "INSERT INTO {schema}.meta (name, value) VALUES (%(name)s, %(value)s) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
MAKE_SLOTS = (
    "INSERT INTO {schema}.slots (slot) SELECT generate_series(0, %(slots)s - 1) "
    "ON CONFLICT DO NOTHING"
)
LOCK_MIGRATION = "SELECT pg_advisory_xact_lock(hashtext('ven_sdk ' || %(schema)s))"

LOAD = (
    "SELECT tab, coalesce(long_key, key), value FROM {schema}.facts "
    "WHERE slot = %(slot)s AND ven = %(ven)s ORDER BY position"
)
LOAD_SLOT = (
    "SELECT ven, tab, coalesce(long_key, key), value FROM {schema}.facts "
    "WHERE slot = %(slot)s ORDER BY position"
)
VENS = "SELECT DISTINCT ven FROM {schema}.facts"
MISPLACED = (
    "SELECT DISTINCT f.ven, f.slot FROM {schema}.facts f JOIN "
    "unnest(%(vens)s::text[], %(slots)s::int[]) AS w(ven, slot) ON f.ven = w.ven "
    "WHERE f.slot <> w.slot"
)

_HELD = (
    "turn AS (INSERT INTO {schema}.batches AS b (owner, batch) VALUES (%(owner)s, %(batch)s) "
    "ON CONFLICT (owner) DO UPDATE SET batch = excluded.batch WHERE b.batch <= excluded.batch "
    "RETURNING b.owner), "
    # FOR SHARE: nobody becomes the owner between this look and the end of the transaction. In the
    # order of slots, as renewals lock them, so that the two never wait for each other in a circle.
    "held AS MATERIALIZED (SELECT s.slot FROM {schema}.slots s "
    "JOIN unnest(%(slots)s::int[], %(tokens)s::bigint[]) AS mine(slot, token) "
    "ON s.slot = mine.slot AND s.token = mine.token JOIN turn ON turn.owner = s.owner "
    "ORDER BY s.slot FOR SHARE OF s)"
)
COMMIT = (
    f"WITH {_HELD}, "
    "batch AS MATERIALIZED (SELECT nextval('{schema}.positions') * 4194304 AS start), "
    "deleted AS (DELETE FROM {schema}.facts f "
    "USING unnest(%(del_slots)s::int[], %(del_vens)s::text[], %(del_tabs)s::text[], "
    "%(del_keys)s::text[]) AS d(slot, ven, tab, key) "
    "WHERE f.slot = d.slot AND f.ven = d.ven AND f.tab = d.tab AND f.key = d.key "
    "AND d.slot IN (SELECT slot FROM held)), "
    "written AS (INSERT INTO {schema}.facts AS f "
    "(slot, ven, tab, key, long_key, value, position) "
    "SELECT r.slot, r.ven, r.tab, r.key, r.long_key, r.value, batch.start + r.number "
    "FROM unnest(%(set_slots)s::int[], %(set_vens)s::text[], %(set_tabs)s::text[], "
    "%(set_keys)s::text[], %(set_long_keys)s::text[], %(set_values)s::text[], "
    "%(set_numbers)s::int[]) AS r(slot, ven, tab, key, long_key, value, number), batch "
    "WHERE r.slot IN (SELECT slot FROM held) ORDER BY r.number "
    "ON CONFLICT (slot, ven, tab, key) DO UPDATE SET value = excluded.value, "
    # A row that was deleted and set again in one batch comes with an odd number: it is the last.
    "position = CASE WHEN excluded.position %% 2 = 1 THEN excluded.position "
    "ELSE f.position END) "
    "SELECT slot FROM held"
)
FORGET = (
    f"WITH {_HELD}, deleted AS (DELETE FROM {{schema}}.facts "
    "WHERE ven = %(ven)s AND slot IN (SELECT slot FROM held)) SELECT slot FROM held"
)

RENEW = (
    "WITH mine AS MATERIALIZED (SELECT slot FROM {schema}.slots WHERE owner = %(owner)s "
    "ORDER BY slot FOR NO KEY UPDATE), "
    "renewed AS (UPDATE {schema}.slots s SET until = now() + make_interval(secs => %(lease)s) "
    "FROM mine WHERE s.slot = mine.slot RETURNING s.slot, s.token), "
    "me AS (INSERT INTO {schema}.members AS m (owner, name, weight, seen, until, facts) "
    "VALUES (%(owner)s, %(name)s, %(weight)s, now(), now() + make_interval(secs => %(lease)s), "
    "%(facts)s) ON CONFLICT (owner) DO UPDATE SET seen = now(), until = excluded.until, "
    "weight = excluded.weight, facts = excluded.facts RETURNING m.draining) "
    "SELECT (SELECT array_agg(slot) FROM renewed), (SELECT array_agg(token) FROM renewed), "
    "(SELECT draining FROM me), (SELECT value FROM {schema}.meta WHERE name = 'sites')"
)
LIVE_MEMBERS = (
    "SELECT owner, name, weight, draining, facts, until >= now() FROM {schema}.members "
    "WHERE until >= now() ORDER BY name, owner"
)
ALL_MEMBERS = (
    "SELECT owner, name, weight, draining, facts, until >= now() FROM {schema}.members "
    "ORDER BY name, owner"
)
FORGET_MEMBERS = (
    "WITH old AS (DELETE FROM {schema}.members WHERE until < now() - interval '1 day' "
    "RETURNING owner) DELETE FROM {schema}.batches WHERE owner IN (SELECT owner FROM old)"
)
TAKE = (
    "WITH free AS MATERIALIZED (SELECT slot, owner IS NULL AS given, "
    "extract(epoch FROM now() - until)::float8 AS age FROM {schema}.slots "
    # A lease cannot be renewed at a database that is not running: that time does not count.
    "WHERE slot = ANY(%(slots)s::int[]) AND (owner IS NULL OR (%(expired)s AND "
    "greatest(until, pg_postmaster_start_time() + make_interval(secs => %(lease)s)) < now())) "
    "ORDER BY slot FOR NO KEY UPDATE SKIP LOCKED) "
    "UPDATE {schema}.slots s SET owner = %(owner)s, token = s.token + 1, "
    "until = now() + make_interval(secs => %(lease)s) FROM free WHERE s.slot = free.slot "
    "RETURNING s.slot, s.token, free.given, free.age"
)
BROKEN_OFF = "(broken off)"
"""The owner of a slot that was given back without its VENs having begun: nobody, for the lease of
the one before ran out. No member is called so, for owners have a colon.
"""
# Of a free slot `until` is when it was given back in order; NULL where its VENs start anew.
GIVE_BACK = (
    "WITH mine AS MATERIALIZED (SELECT slot FROM {schema}.slots "
    "WHERE slot = ANY(%(slots)s::int[]) AND owner = %(owner)s ORDER BY slot FOR NO KEY UPDATE) "
    "UPDATE {schema}.slots s SET owner = %(next)s::text, "
    "until = CASE WHEN %(soon)s THEN now() END FROM mine WHERE s.slot = mine.slot"
)
LEAVE = (
    "WITH mine AS MATERIALIZED (SELECT slot FROM {schema}.slots WHERE owner = %(owner)s "
    "ORDER BY slot FOR NO KEY UPDATE), "
    "freed AS (UPDATE {schema}.slots s SET owner = NULL, until = now() FROM mine "
    "WHERE s.slot = mine.slot), "
    "ended AS (DELETE FROM {schema}.batches WHERE owner = %(owner)s) "
    "DELETE FROM {schema}.members WHERE owner = %(owner)s"
)
SLOTS = (
    f"SELECT slot, nullif(owner, '{BROKEN_OFF}'), token, "
    "coalesce(extract(epoch FROM until - now()), 0)::float8 "
    "FROM {schema}.slots ORDER BY slot"
)
DRAIN = "UPDATE {schema}.members SET draining = %(draining)s WHERE name = %(name)s RETURNING owner"

SITES = "SELECT ven, slot, site FROM {schema}.sites WHERE slot = %(slot)s ORDER BY ven"
PUT_SITES = (
    "WITH said AS (UPDATE {schema}.meta SET value = value + 1 WHERE name = 'sites') "
    "INSERT INTO {schema}.sites (ven, slot, site) SELECT * FROM "
    "unnest(%(vens)s::text[], %(slots)s::int[], %(texts)s::text[]) "
    "ON CONFLICT (ven) DO UPDATE SET slot = excluded.slot, site = excluded.site"
)
REMOVE_SITES = (
    "WITH said AS (UPDATE {schema}.meta SET value = value + 1 WHERE name = 'sites') "
    "DELETE FROM {schema}.sites WHERE ven = ANY(%(vens)s::text[])"
)
