//! The tables that the benches of servers dump and restore.

/// The number of rows that make about 1 GB of SQL.
pub(crate) const ROWS: u64 = 2_700_000;
const WORDS: [&str; 48] = [
    "order",
    "shipped",
    "to",
    "the",
    "customer",
    "in",
    "Berlin",
    "Hamburg",
    "Munich",
    "Cologne",
    "by",
    "express",
    "carrier",
    "please",
    "leave",
    "it",
    "with",
    "neighbours",
    "if",
    "nobody",
    "is",
    "home",
    "payment",
    "received",
    "and",
    "invoice",
    "sent",
    "but",
    "address",
    "unknown",
    "returned",
    "after",
    "two",
    "weeks",
    "fragile",
    "glass",
    "handle",
    "carefully",
    "gift",
    "wrapped",
    "without",
    "receipt",
    "urgent",
    "monday",
    "morning",
    "before",
    "noon",
    "call",
];

/// Returns the SQL of a table `event` of `rows` rows: text, JSON, numbers, timestamps, uuids and bytes.
pub(crate) fn postgresql_table(rows: u64) -> String {
    format!(
        "CREATE TABLE event AS SELECT
            n AS id, gen_random_uuid() AS key, now() - n * interval '17.123 s' AS at,
            random() * 1e6 AS amount, (random() * 1000)::int AS kind,
            jsonb_build_object('user', 'user' || (random() * 50000)::int,
                'ip', '10.' || n % 250 || '.' || n * 7 % 250 || '.1',
                'tags', jsonb_build_array('a' || n % 17, 'b' || n % 23),
                'score', round((random() * 100)::numeric, 3)) AS doc,
            {} AS note, decode(md5(n::text) || md5((n + 1)::text), 'hex') AS sum
        FROM generate_series(1, {rows}::bigint) n",
        note("||", |words| format!(
            "(ARRAY[{words}])[1 + floor(random() * {})::int]",
            WORDS.len()
        ))
    )
}

/// SQL for random words, as many as an ordinary sentence has: `any` picks one of a list.
fn note(joint: &str, any: impl Fn(&str) -> String) -> String {
    let words = WORDS.map(|word| format!("'{word} '")).join(", ");
    vec![any(&words); 14].join(joint)
}

pub(crate) fn mariadb_table() -> String {
    format!(
        "CREATE TABLE event (id BIGINT PRIMARY KEY, `key` UUID, at DATETIME(3), amount DOUBLE,
            kind INT, doc JSON, note TEXT, sum BLOB) CHARACTER SET utf8mb4
        SELECT seq AS id, UUID() AS `key`, NOW(3) - INTERVAL seq * 17 SECOND AS at,
            RAND() * 1e6 AS amount, FLOOR(RAND() * 1000) AS kind,
            JSON_OBJECT('user', CONCAT('user', FLOOR(RAND() * 50000)),
                'ip', CONCAT('10.', seq % 250, '.', seq * 7 % 250, '.1'),
                'tags', JSON_ARRAY(CONCAT('a', seq % 17), CONCAT('b', seq % 23)),
                'score', ROUND(RAND() * 100, 3)) AS doc,
            CONCAT({}) AS note, UNHEX(CONCAT(MD5(seq), MD5(seq + 1))) AS sum
        FROM seq_1_to_{ROWS}",
        note(",", |words| format!(
            "ELT(1 + FLOOR(RAND() * {}), {words})",
            WORDS.len()
        ))
    )
}
