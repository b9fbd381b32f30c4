# Services of nixpkgs that keep data in what no row of ./sqlite-services and no engine reads, and
# what can dump it. A machine that enables one is told so when it is built.
{
  arangodb = "it is ArangoDB's (arangodump)";
  cassandra = "it is Cassandra's (nodetool snapshot)";
  changedetection-io = "it is JSON";
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
  influxdb = "it is InfluxDB's (influxd backup)";
  influxdb2 = "it is InfluxDB's (influx backup)";
  meilisearch = "it is Meilisearch's (its dumps API)";
  mongodb = "it is MongoDB's (mongodump --archive)";
  neo4j = "it is Neo4j's (neo4j-admin database dump)";
  openldap = "it is OpenLDAP's (slapcat)";
  opensearch = "it is OpenSearch's (its snapshot API)";
  rethinkdb = "it is RethinkDB's (rethinkdb dump)";
  surrealdb = "it is SurrealDB's (surreal export)";
  typesense = "it is Typesense's (its snapshot API)";
  unifi = "it is MongoDB's (mongodump --port 27117 --archive)";
  victoriametrics = "it is VictoriaMetrics' (vmbackup)";
  zookeeper = "it is ZooKeeper's (its snapshot command)";
}
