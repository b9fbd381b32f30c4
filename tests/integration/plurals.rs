//! Numbers of things in messages: `human::format_count` writes them, so that one thing is singular.

use std::path::Path;

/// What messages count.
const THINGS: [&str; 18] = [
    "attempts",
    "bytes",
    "columns",
    "copies",
    "databases",
    "dumps",
    "errors",
    "files",
    "keys",
    "objects",
    "pages",
    "processes",
    "roles",
    "rows",
    "servers",
    "tables",
    "users",
    "violations",
];

#[test]
fn no_message_writes_a_plural_after_a_number_by_itself() {
    let mut wrong = Vec::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut places = vec![source];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            let entries = std::fs::read_dir(place).unwrap();
            places.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&place).unwrap();
        let shipped = text.split("#[cfg(test)]").next().unwrap();
        for line in shipped
            .lines()
            .filter(|_| !place.iter().any(|part| part == "tests"))
        {
            for (before, after) in line.match_indices("} ").map(|(at, _)| line.split_at(at)) {
                let (_, placeholder) = before.rsplit_once('{').unwrap_or_default();
                let is_constant = placeholder.chars().any(char::is_uppercase);
                let mut words = after[2..].split(|next: char| !next.is_ascii_alphabetic());
                let word = words.next().unwrap_or_default();
                if THINGS.contains(&word) && !is_constant && !line.trim().starts_with("//") {
                    wrong.push(format!("{}: {}", place.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
