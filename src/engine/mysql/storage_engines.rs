//! Storage engines whose tables need more than the server itself.

/// Storage engines whose tables show rows of other tables or servers. The clients do not dump these
/// rows.
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

/// Storage engines that are plugins of MariaDB, each with the plugin's file name.
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
