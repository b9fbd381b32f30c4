//! The kinds of database servers that a survey recognizes.

use std::path::Path;

use crate::engine::find_engine;

/// A kind of database server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its name for people.
    pub(super) name: &'static str,
    /// The scheme of its URLs, if this program has an engine for it.
    pub(super) scheme: Option<&'static str>,
    /// The names of its processes, as the kernel has them: at most 15 bytes.
    programs: &'static [&'static str],
    /// A word in the arguments of its processes, where the name of the process does not say enough.
    word: Option<&'static str>,
    /// The ports on which it listens by default.
    ports: &'static [u16],
    /// What the names of its sockets contain.
    sockets: &'static [&'static str],
    /// The programs that dump it.
    pub(super) dumpers: &'static [&'static str],
}

const NONE: Kind = Kind {
    name: "",
    scheme: None,
    programs: &[],
    word: None,
    ports: &[],
    sockets: &[],
    dumpers: &[],
};

/// The kinds; the first that matches counts.
static KINDS: [Kind; 22] = [
    Kind {
        name: "PostgreSQL",
        scheme: Some("postgresql"),
        programs: &["postgres", "postmaster"],
        ports: &[5432],
        sockets: &[".s.PGSQL."],
        dumpers: &["pg_dump", "pg_dumpall"],
        ..NONE
    },
    Kind {
        name: "MySQL/MariaDB",
        scheme: Some("mysql"),
        programs: &["mysqld", "mariadbd"],
        ports: &[3306],
        sockets: &["mysqld.sock", "mysql.sock", "mariadb.sock"],
        dumpers: &["mariadb-dump", "mysqldump"],
        ..NONE
    },
    Kind {
        name: "Redis/Valkey",
        scheme: Some("redis"),
        programs: &["redis-server", "valkey-server", "keydb-server"],
        ports: &[6379],
        sockets: &["redis", "valkey"],
        dumpers: &["redis-cli", "valkey-cli"],
        ..NONE
    },
    Kind {
        name: "MongoDB",
        programs: &["mongod"],
        ports: &[27017],
        sockets: &["mongodb-"],
        dumpers: &["mongodump"],
        ..NONE
    },
    Kind {
        name: "OpenLDAP",
        programs: &["slapd"],
        ports: &[389, 636],
        sockets: &["ldapi"],
        dumpers: &["slapcat"],
        ..NONE
    },
    Kind {
        name: "etcd",
        programs: &["etcd"],
        ports: &[2379],
        dumpers: &["etcdctl"],
        ..NONE
    },
    Kind {
        name: "InfluxDB",
        programs: &["influxd", "influxdb3"],
        ports: &[8086],
        dumpers: &["influx", "influxd"],
        ..NONE
    },
    Kind {
        name: "ClickHouse",
        programs: &["clickhouse-serv", "clickhouse"],
        ports: &[8123, 9000],
        dumpers: &["clickhouse-client", "clickhouse-backup", "clickhouse"],
        ..NONE
    },
    Kind {
        name: "Elasticsearch",
        programs: &["java"],
        word: Some("org.elasticsearch."),
        ports: &[9200],
        ..NONE
    },
    Kind {
        name: "OpenSearch",
        programs: &["java"],
        word: Some("org.opensearch."),
        ..NONE
    },
    Kind {
        name: "Cassandra",
        programs: &["java"],
        word: Some("org.apache.cassandra."),
        ports: &[9042],
        ..NONE
    },
    Kind {
        name: "Neo4j",
        programs: &["java"],
        word: Some("org.neo4j."),
        ports: &[7687],
        dumpers: &["neo4j-admin"],
        ..NONE
    },
    Kind {
        name: "CouchDB",
        programs: &["beam.smp"],
        word: Some("couchdb"),
        ports: &[5984],
        ..NONE
    },
    Kind {
        name: "CockroachDB",
        programs: &["cockroach"],
        ports: &[26257],
        ..NONE
    },
    Kind {
        name: "SQL Server",
        programs: &["sqlservr"],
        ports: &[1433],
        ..NONE
    },
    Kind {
        name: "Oracle",
        programs: &["tnslsnr"],
        ports: &[1521],
        dumpers: &["expdp"],
        ..NONE
    },
    Kind {
        name: "Firebird",
        programs: &["firebird"],
        ports: &[3050],
        dumpers: &["gbak"],
        ..NONE
    },
    Kind {
        name: "ArangoDB",
        programs: &["arangod"],
        ports: &[8529],
        dumpers: &["arangodump"],
        ..NONE
    },
    Kind {
        name: "rqlite",
        programs: &["rqlited"],
        ports: &[4001],
        dumpers: &["rqlite", "curl"],
        ..NONE
    },
    Kind {
        name: "SurrealDB",
        programs: &["surreal"],
        dumpers: &["surreal"],
        ..NONE
    },
    Kind {
        name: "Meilisearch",
        programs: &["meilisearch"],
        ports: &[7700],
        ..NONE
    },
    Kind {
        name: "Qdrant",
        programs: &["qdrant"],
        ports: &[6333],
        ..NONE
    },
];

impl Kind {
    /// Returns true if the arguments of a process with this name say whether it is a database server.
    pub(super) fn depends_on_arguments(name: &str) -> bool {
        KINDS
            .iter()
            .any(|kind| kind.programs.contains(&name) && kind.word.is_some())
    }

    /// Returns the kind of a process with this name and these arguments.
    pub(super) fn find_by_process(name: &str, arguments: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| {
            kind.programs.contains(&name) && kind.word.is_none_or(|word| arguments.contains(word))
        })
    }

    /// Returns the kind of a server that listens on this socket, judged by the socket's name.
    pub(super) fn find_by_socket(path: &Path) -> Option<&'static Kind> {
        let name = path.file_name()?.to_str()?;
        KINDS
            .iter()
            .find(|kind| kind.sockets.iter().any(|part| name.contains(part)))
    }

    /// Returns the kind of a server that listens on this port by default.
    pub(super) fn find_by_port(port: u16) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.ports.contains(&port))
    }

    /// Returns true if this program has an engine for the kind.
    pub(super) fn is_supported(&self) -> bool {
        self.scheme
            .is_some_and(|scheme| find_engine(scheme).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_recognized_by_its_process_its_socket_or_its_port() {
        let name = |kind: Option<&Kind>| kind.map_or("", |kind| kind.name);
        assert_eq!(name(Kind::find_by_process("mariadbd", "")), "MySQL/MariaDB");
        assert_eq!(name(Kind::find_by_process("java", "-jar shop.jar")), "");
        let search = "-cp x org.elasticsearch.bootstrap.Elasticsearch";
        assert_eq!(name(Kind::find_by_process("java", search)), "Elasticsearch");
        let socket = |path: &str| name(Kind::find_by_socket(Path::new(path)));
        assert_eq!(socket("/run/postgresql/.s.PGSQL.5433"), "PostgreSQL");
        assert_eq!(socket("/run/redis-shop/redis.sock"), "Redis/Valkey");
        assert_eq!(socket("/run/docker.sock"), "");
        assert_eq!(name(Kind::find_by_port(27017)), "MongoDB");
        assert_eq!(name(Kind::find_by_port(80)), "");
        let is_short = |kind: &Kind| kind.programs.iter().all(|name| name.len() <= 15);
        assert!(KINDS.iter().all(is_short));
    }
}
