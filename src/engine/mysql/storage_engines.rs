//! The storage engines of tables that need more than the server itself.

/// Engines whose tables show rows of other tables or servers. Clients do not dump those.
pub(super) const ELSEWHERE: [&str; 8] = [
    "MRG_MyISAM",
    "MRG_MYISAM",
    "FEDERATED",
    "CONNECT",
    "OQGRAPH",
    "SPIDER",
    "VP",
    "S3",
];

/// Storage engines that are plugins of MariaDB, and the file each is in.
pub(super) const PLUGINS: [(&str, &str); 10] = [
    ("ARCHIVE", "ha_archive"),
    ("BLACKHOLE", "ha_blackhole"),
    ("CONNECT", "ha_connect"),
    ("FEDERATED", "ha_federatedx"),
    ("MROONGA", "ha_mroonga"),
    ("OQGRAPH", "ha_oqgraph"),
    ("ROCKSDB", "ha_rocksdb"),
    ("S3", "ha_s3"),
    ("SPHINX", "ha_sphinx"),
    ("SPIDER", "ha_spider"),
];
