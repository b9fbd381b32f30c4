# Services of nixpkgs that keep data in what no row of ./sqlite-services and no engine reads, and
# what can dump it. A machine that enables one is told so when it is built. A cache, a log, or an index
# that its program makes again is no such data: syncthing's index, for example, must not be restored.
{
  adguardhome = "its statistics and sessions are Bolt files";
  arangodb = "it is ArangoDB's (arangodump)";
  bluesky-pds = "each account has an SQLite file, actors/*/*/store.sqlite in its data directory";
  cassandra = "it is Cassandra's (nodetool snapshot)";
  changedetection-io = "it is JSON";
  chromadb = "it is an SQLite file and the indexes beside it";
  clickhouse = "it is ClickHouse's (BACKUP)";
  cockroachdb = "it is CockroachDB's (BACKUP)";
  commafeed = "it is an H2 database";
  couchdb = "it is CouchDB's (GET /DATABASE/_all_docs?include_docs=true)";
  dgraph = "it is Dgraph's (its admin's export)";
  elasticsearch = "it is Elasticsearch's (its snapshot API)";
  etcd = "it is etcd's (etcdctl snapshot save)";
  filebrowser = "it is a Bolt file";
  firebird = "it is Firebird's (gbak)";
  foundationdb = "it is FoundationDB's (fdbbackup)";
  freshrss = "each user has an SQLite file, users/NAME/db.sqlite in its data directory";
  gerrit = "it is Git repositories and H2 databases";
  goupile = "it is an SQLite file, goupile.db in its data directory, and one of each project in instances";
  haven = "it is Badger's or LMDB's files";
  influxdb = "it is InfluxDB's (influxd backup)";
  influxdb2 = "it is InfluxDB's (influx backup)";
  lauti = "it is an SQLite file in its data directory";
  librechat = "it is MongoDB's (mongodump --archive)";
  lubelogger = "it is a LiteDB file, unless it is set to PostgreSQL";
  matrix-conduit = "it is RocksDB's files";
  matrix-continuwuity = "it is RocksDB's files (its admin command: server backup-database)";
  matrix-tuwunel = "it is RocksDB's files (its admin command: server backup-database)";
  meilisearch = "it is Meilisearch's (its dumps API)";
  metabase = "it is an H2 database, unless it is set to a server";
  mongodb = "it is MongoDB's (mongodump --archive)";
  neo4j = "it is Neo4j's (neo4j-admin database dump)";
  nzbhydra2 = "it is an H2 database";
  openldap = "it is OpenLDAP's (slapcat)";
  opensearch = "it is OpenSearch's (its snapshot API)";
  prometheus = "it is Prometheus' (its snapshot API)";
  pufferpanel = "it is an SQLite file in /var/lib/pufferpanel, unless it is set to a server";
  qdrant = "it is Qdrant's (its snapshot API)";
  rethinkdb = "it is RethinkDB's (rethinkdb dump)";
  stalwart = "it is RocksDB's files, unless it is set to another store (stalwart --export)";
  stalwart-mail = "it is RocksDB's files, unless it is set to another store (stalwart-mail --export)";
  strfry = "it is LMDB's (strfry export)";
  surrealdb = "it is SurrealDB's (surreal export)";
  suwayomi-server = "it is an H2 database";
  traccar = "it is an H2 database, unless it is set to a server";
  typesense = "it is Typesense's (its snapshot API)";
  unifi = "it is MongoDB's (mongodump --port 27117 --archive)";
  victoriametrics = "it is VictoriaMetrics' (vmbackup)";
  zeronet = "each site has an SQLite file in /var/lib/zeronet";
  zookeeper = "it is ZooKeeper's (its snapshot command)";
}
