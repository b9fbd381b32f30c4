//! Text like a dump of an ordinary database, the same every time.

use std::io::{self, BufWriter, Write};

const WORDS: [&str; 48] = [
    "order",
    "invoice",
    "customer",
    "shipment",
    "paid",
    "pending",
    "return",
    "address",
    "street",
    "the",
    "of",
    "and",
    "for",
    "with",
    "was",
    "not",
    "please",
    "deliver",
    "before",
    "after",
    "morning",
    "evening",
    "blue",
    "green",
    "large",
    "small",
    "wooden",
    "table",
    "chair",
    "lamp",
    "keyboard",
    "monitor",
    "cable",
    "battery",
    "warranty",
    "refund",
    "Berlin",
    "Lisbon",
    "Osaka",
    "Toronto",
    "Accra",
    "Quito",
    "express",
    "standard",
    "gift",
    "note",
    "fragile",
    "signature",
];
const STATES: [&str; 5] = ["new", "paid", "packed", "shipped", "returned"];

/// The generator xorshift64 (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn random_below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// Picks a word: small positions more often than large ones, as in natural language.
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let bound = from.len() as u64;
        let rank = self.random_below(bound) * self.random_below(bound) / bound;
        usize::try_from(rank).map_or("", |rank| from[rank])
    }
}

/// Writes at least `len` bytes: inserted rows of several tables in turn.
pub(crate) fn write(output: &mut impl Write, len: u64) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(1 << 20, output);
    let (mut random, mut written, mut id) = (Random(0x9e37_79b9_7f4a_7c15), 0, 0);
    let mut row = Vec::new();
    while written < len {
        id += 1;
        row.clear();
        match id / 5000 % 4 {
            0 | 1 => order(&mut row, id, &mut random)?,
            2 => event(&mut row, id, &mut random)?,
            _ => file(&mut row, id, &mut random)?,
        }
        let room = usize::try_from(len - written).unwrap_or(usize::MAX);
        row.truncate(room);
        output.write_all(&row)?;
        written += row.len() as u64;
    }
    output.flush()
}

fn order(row: &mut Vec<u8>, id: u64, random: &mut Random) -> io::Result<()> {
    let (cents, customer) = (random.random_below(500_000), random.random_below(90_000));
    let (state, second) = (random.pick(&STATES), random.random_below(60));
    write!(
        row,
        "INSERT INTO orders VALUES({id},{customer},'{state}',{}.{:02},",
        cents / 100,
        cents % 100
    )?;
    timestamp(row, id, second)?;
    write!(row, ",'")?;
    text(row, random, 14)?;
    writeln!(row, "');")
}

fn event(row: &mut Vec<u8>, id: u64, random: &mut Random) -> io::Result<()> {
    let (high, low, second) = (random.next(), random.next(), random.random_below(60));
    write!(row, "INSERT INTO events VALUES('")?;
    write!(
        row,
        "{:08x}-{:04x}-4{:03x}-",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff
    )?;
    write!(row, "a{:03x}-{:012x}',", low >> 52, low & 0xffff_ffff_ffff)?;
    timestamp(row, id, second)?;
    let (kind, state) = (random.pick(&WORDS), random.pick(&STATES));
    write!(
        row,
        ",'{{\"kind\": \"{kind}\", \"state\": \"{state}\", \"user\": {{\"id\": {}, ",
        random.random_below(90_000)
    )?;
    write!(
        row,
        "\"address\": \"10.{}.{}.7\"}}, \"note\": \"",
        random.random_below(40),
        random.random_below(256)
    )?;
    text(row, random, 8)?;
    writeln!(
        row,
        "\", \"score\": 0.{:06}}}');",
        random.random_below(1_000_000)
    )
}

fn file(row: &mut Vec<u8>, id: u64, random: &mut Random) -> io::Result<()> {
    let name = random.pick(&WORDS);
    write!(
        row,
        "INSERT INTO files VALUES({id},'{name}-{}.png',X'89504e47",
        random.random_below(10_000)
    )?;
    for _ in 0..=random.random_below(12) {
        write!(row, "{:016x}", random.next())?;
    }
    writeln!(row, "',NULL,0,{});", random.random_below(4_000_000))
}

fn timestamp(row: &mut Vec<u8>, id: u64, second: u64) -> io::Result<()> {
    let minutes = id / 40;
    let (day, hour, minute) = (minutes / 1440 % 28 + 1, minutes / 60 % 24, minutes % 60);
    write!(
        row,
        "'2026-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}'",
        minutes / 40_320 % 12 + 1
    )
}

fn text(row: &mut Vec<u8>, random: &mut Random, words: u64) -> io::Result<()> {
    for _ in 0..=random.random_below(words) {
        write!(row, "{} ", random.pick(&WORDS))?;
    }
    Ok(())
}
