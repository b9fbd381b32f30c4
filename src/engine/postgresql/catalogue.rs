//! Queries of a server's catalogue. Each answer is one JSON value.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// The query for facts about the server and the role.
pub(super) const SERVER: &str = "SELECT json_build_object(
    'version', current_setting('server_version'),
    'major', current_setting('server_version_num')::int / 10000,
    'messages', current_setting('lc_messages'),
    'is_superuser', current_setting('is_superuser') = 'on')";

/// The answer to [`SERVER`].
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ServerFacts {
    pub(super) version: String,
    pub(super) major: u32,
    /// The locale of the server's messages.
    messages: String,
    /// True if the role is a superuser. Only a superuser may change the locale of the messages.
    pub(super) is_superuser: bool,
}

impl ServerFacts {
    /// Returns true if the server's messages are English by default.
    pub(super) fn speaks_english(&self) -> bool {
        let messages = self.messages.as_str();
        let is_english = ["C.", "en_", "en."]
            .iter()
            .any(|start| messages.starts_with(start));
        is_english || ["C", "POSIX", "en"].contains(&messages)
    }
}

/// The query whether the role may read the roles' passwords.
pub(super) const READS_PASSWORDS: &str =
    "SELECT to_json(has_table_privilege('pg_authid', 'SELECT'))";

/// Returns one query for the answers to [`UNREADABLE`], [`UNLOGGED`] and [`ROOM`], without the tables
/// whose OIDs are in the SQL array `left_out`. For a superuser, only the answer to [`UNLOGGED`] is not
/// null: superusers read everything, and no CONNECTION LIMIT holds for a role that logs in as one.
pub(super) fn query_hindrances(left_out: &str, is_superuser: bool) -> String {
    if is_superuser {
        return format!(
            "SELECT json_build_object('unreadable', NULL, 'unlogged', ({UNLOGGED}), 'room', NULL)"
        );
    }
    let unreadable = UNREADABLE.replace("$LEFT_OUT", left_out);
    format!(
        "SELECT json_build_object('unreadable', ({unreadable}), 'unlogged', ({UNLOGGED}),
            'room', ({ROOM}))"
    )
}

/// The answer to [`query_hindrances`].
#[derive(Debug, Deserialize)]
pub(super) struct Hindrances {
    pub(super) unreadable: Option<UnreadableTables>,
    pub(super) unlogged: usize,
    pub(super) room: Option<Room>,
}

/// Returns the query for [`DatabaseSettings`] and the names of the tables, without the tables whose OIDs are
/// in the SQL array `left_out`.
pub(super) fn query_settings(left_out: &str) -> String {
    DATABASE.replace("$LEFT_OUT", left_out)
}

/// The query for the number of tables whose rows a standby lacks.
const UNLOGGED: &str = "SELECT count(*) FROM pg_class
    WHERE pg_is_in_recovery() AND relpersistence = 'u' AND relkind = 'r'";

/// The query for [`Room`]. The session of this query itself is one of those that the dump needs.
pub(super) const ROOM: &str = "SELECT json_build_object(
        'limit', CASE WHEN NOT rolsuper THEN min(most - taken) FILTER (WHERE most >= 0) + 1 END,
        'free', current_setting('max_connections')::int - (
            SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'))
    FROM pg_roles, LATERAL (
        SELECT rolconnlimit AS most,
            (SELECT count(*) FROM pg_stat_activity WHERE usesysid = pg_roles.oid) AS taken
        UNION ALL
        SELECT datconnlimit, (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid)
        FROM pg_database d WHERE datname = current_database()) limits
    WHERE rolname = current_user GROUP BY rolsuper";

/// How many sessions the server has room for.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Room {
    /// The number of sessions that the CONNECTION LIMITs of the role and the database leave, or
    /// `None` if there is no limit.
    pub(super) limit: Option<i64>,
    /// The number of sessions that the server still accepts.
    pub(super) free: i64,
}

/// The query for the objects that `pg_dump` cannot read, or would silently leave out.
const UNREADABLE: &str = "
WITH me AS (SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user),
space AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
member AS (
    SELECT classid, objid FROM pg_depend d WHERE deptype = 'e'
        AND NOT EXISTS (SELECT FROM pg_extension e
            WHERE e.oid = d.refobjid AND d.objid = ANY (e.extconfig))),
unreadable (what) AS (
    SELECT 'schema ' || quote_ident(nspname) FROM pg_namespace
        WHERE oid IN (SELECT oid FROM space) AND NOT has_schema_privilege(oid, 'USAGE')
            AND oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_namespace'::regclass)
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || oid::regclass
        FROM pg_class
        WHERE relkind IN ('r', 'p', 'S') AND relpersistence <> 't' AND oid <> ALL ($LEFT_OUT)
            AND relnamespace IN (SELECT oid FROM space)
            AND oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
            AND NOT CASE relkind WHEN 'S' THEN has_sequence_privilege(oid, 'SELECT')
                ELSE has_table_privilege(oid, 'SELECT') END
    UNION ALL
    SELECT 'table ' || oid::regclass || ' (row security hides rows)' FROM pg_class
        WHERE relrowsecurity AND relnamespace IN (SELECT oid FROM space)
            AND row_security_active(oid) AND oid <> ALL ($LEFT_OUT)
    UNION ALL
    SELECT 'large object ' || l.oid FROM pg_largeobject_metadata l, me
        WHERE NOT super AND NOT pg_has_role(lomowner, 'USAGE')
            AND NOT EXISTS (SELECT FROM aclexplode(lomacl) WHERE privilege_type = 'SELECT'
                AND CASE grantee WHEN 0 THEN true ELSE pg_has_role(grantee, 'USAGE') END)
    UNION ALL
    SELECT 'subscription ' || quote_ident(subname) FROM pg_subscription, me
        WHERE NOT super
            AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL
    SELECT 'options of the user mapping of ' || coalesce(usename, 'public') || ' for ' || srvname
        FROM pg_user_mappings, me WHERE NOT super AND umoptions IS NULL)
SELECT json_build_object(
    'count', (SELECT count(*) FROM unreadable),
    'first', (SELECT coalesce(json_agg(what), '[]') FROM (SELECT what FROM unreadable LIMIT 12) l))";

/// The answer to [`UNREADABLE`].
#[derive(Debug, Deserialize)]
pub(super) struct UnreadableTables {
    pub(super) count: usize,
    pub(super) first: Vec<String>,
}

/// The query for everything about a database that its dump does not hold, and for what restoring it
/// requires.
const DATABASE: &str = "
WITH this AS (SELECT * FROM pg_database WHERE datname = current_database()),
facts AS (SELECT to_jsonb(this) AS fact FROM this),
space AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
owned (classid, objid, owner) AS (
    SELECT 'pg_class'::regclass, oid, relowner FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type WHERE oid >= 16384
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace WHERE oid >= 16384
    UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata
    UNION ALL SELECT 'pg_authid'::regclass, oid, datdba FROM this
    UNION ALL
    SELECT classid, objid, refobjid FROM pg_shdepend
        WHERE refclassid = 'pg_authid'::regclass AND classid <> 'pg_extension'::regclass
            AND (dbid = (SELECT oid FROM this)
                OR classid = 'pg_database'::regclass AND objid = (SELECT oid FROM this)))
SELECT json_build_object(
    'owner', pg_get_userbyid(datdba),
    'encoding', pg_encoding_to_char(encoding),
    'locale_provider', fact ->> 'datlocprovider',
    'collate', datcollate,
    'ctype', datctype,
    'locale', coalesce(fact ->> 'datlocale', fact ->> 'daticulocale'),
    'icu_rules', fact ->> 'daticurules',
    'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = dattablespace),
    'comment', shobj_description(this.oid, 'pg_database'),
    'connection_limit', datconnlimit,
    'is_template', datistemplate,
    'grants', CASE WHEN datacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object(
            'grantor', pg_get_userbyid(grantor),
            'grantee', CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END,
            'privilege', privilege_type,
            'grantable', is_grantable)), '[]') FROM aclexplode(datacl)) END,
    'parameters', (
        SELECT coalesce(json_agg(json_build_object(
            'role', CASE setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(setrole) END,
            'values', setconfig) ORDER BY setrole), '[]')
        FROM pg_db_role_setting WHERE setdatabase = this.oid),
    'roles', (
        SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(owner)), '[]') FROM owned
        WHERE (classid, objid) NOT IN (SELECT classid, objid FROM member)),
    'superusers', (
        SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_roles
        WHERE rolsuper AND oid IN (SELECT owner FROM owned)),
    'preloaded', (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries'),
    'extensions', (
        SELECT coalesce(json_agg(extname ORDER BY extname), '[]') FROM pg_extension),
    'tablespaces', (
        SELECT coalesce(json_agg(spcname), '[]') FROM pg_tablespace
        WHERE spcname <> 'pg_global' AND oid IN (SELECT reltablespace FROM pg_class)),
    'collations', (
        SELECT coalesce(json_agg(DISTINCT collname), '[]') FROM pg_collation
        WHERE collnamespace = 'pg_catalog'::regnamespace
            AND collname NOT IN ('default', 'C', 'POSIX')
            AND oid IN (SELECT attcollation FROM pg_attribute
                UNION SELECT typcollation FROM pg_type
                UNION SELECT unnest(indcollation::oid[]) FROM pg_index)),
    'table_names', (
        SELECT coalesce(json_agg(oid::regclass::text ORDER BY relname), '[]') FROM pg_class
        WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND oid <> ALL ($LEFT_OUT)
            AND relnamespace IN (SELECT oid FROM space)
            AND oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)))
FROM this, facts";

/// The part of the answer to [`DATABASE`] that a dump's header holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DatabaseSettings {
    pub(super) owner: String,
    pub(super) encoding: String,
    /// `c`, `i` or `b`; `None` before PostgreSQL 15.
    pub(super) locale_provider: Option<String>,
    pub(super) collate: String,
    pub(super) ctype: String,
    /// The locale of the ICU provider or the builtin provider.
    pub(super) locale: Option<String>,
    pub(super) icu_rules: Option<String>,
    pub(super) tablespace: String,
    pub(super) comment: Option<String>,
    pub(super) connection_limit: i64,
    pub(super) is_template: bool,
    /// `None` if no privilege was ever granted or revoked.
    pub(super) grants: Option<Vec<Grant>>,
    pub(super) parameters: Vec<Parameters>,
    pub(super) roles: Vec<String>,
    /// The owners that were superusers; `None` if an earlier version made the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) superusers: Option<Vec<String>>,
    /// The server's `shared_preload_libraries`; `None` if the role may not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) preloaded: Option<String>,
    pub(super) extensions: Vec<String>,
    pub(super) tablespaces: Vec<String>,
    pub(super) collations: Vec<String>,
}

/// A privilege on the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) grantor: String,
    /// `None` for all roles (PUBLIC).
    pub(super) grantee: Option<String>,
    pub(super) privilege: String,
    pub(super) grantable: bool,
}

/// The settings of one `ALTER DATABASE ... SET` or `ALTER ROLE ... IN DATABASE ... SET`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameters {
    pub(super) role: Option<String>,
    /// Each value has the form `name=value`.
    pub(super) values: Vec<String>,
}

/// The query for what a server has and a dump may need.
pub(super) const TARGET: &str = "SELECT json_build_object(
    'databases', (SELECT json_agg(datname) FROM pg_database),
    'roles', (SELECT json_agg(rolname) FROM pg_roles),
    'extensions', (SELECT coalesce(json_agg(name), '[]') FROM pg_available_extensions),
    'tablespaces', (SELECT json_agg(spcname) FROM pg_tablespace),
    'collations', (SELECT json_agg(DISTINCT collname) FROM pg_collation
        WHERE collnamespace = 'pg_catalog'::regnamespace),
    'parameters', (SELECT json_agg(name) FROM pg_settings))";

/// The answer to [`TARGET`].
#[derive(Debug, Deserialize)]
pub(super) struct TargetFacts {
    pub(super) databases: HashSet<String>,
    pub(super) roles: HashSet<String>,
    pub(super) extensions: HashSet<String>,
    pub(super) tablespaces: HashSet<String>,
    pub(super) collations: HashSet<String>,
    pub(super) parameters: HashSet<String>,
}

/// Returns the query for the objects that prevent the database `name` (an SQL string) from being
/// replaced.
pub(super) fn query_replication(name: &str) -> String {
    format!(
        "SELECT coalesce(json_agg(what), '[]') FROM (
            SELECT 'replication slot ' || slot_name AS what FROM pg_replication_slots
                WHERE database = {name}
            UNION ALL
            SELECT 'subscription ' || subname FROM pg_subscription
                WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = {name})) found"
    )
}
