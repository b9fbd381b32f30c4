//! The structure of the source: engines know nothing of a run, and every guarantee has tests.
//!
//! Reads the `use` lines of `src/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module's path below the crate, and the modules that it imports.
type Imports = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

#[test]
fn engines_know_nothing_of_a_run() {
    const RUN: [&str; 15] = [
        "cli",
        "copy",
        "directory",
        "drill",
        "dump",
        "list",
        "metrics",
        "readback",
        "restore",
        "rotate",
        "series",
        "state",
        "status",
        "store",
        "verify",
    ];
    for (module, imported) in imports() {
        if module.first().is_some_and(|first| first == "engine") {
            let run = imported.iter().find(|path| RUN.contains(&path[0].as_str()));
            assert_eq!(run, None, "{} imports it", module.join("::"));
        }
    }
}

#[test]
fn every_guarantee_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let table = text.split("## Guarantees").nth(1).unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    for (row, number) in rows.iter().zip(1..) {
        assert!(row.starts_with(&format!("| {number}. ")), "{row}");
        let mut named = 0;
        for name in row.split('`').skip(1).step_by(2) {
            let path = match name.strip_suffix("::") {
                Some(module) => format!("tests/integration/{}.rs", module.replace("::", "/")),
                None => name.to_owned(),
            };
            assert!(root.join(&path).exists(), "{path}, which {row} names");
            named += 1;
        }
        assert!(named > 0, "{row} names no test");
    }
    assert_eq!(rows.len(), 11, "one row for each guarantee");
}

/// Returns the imports of every module but tests.
fn imports() -> Imports {
    let mut files = BTreeMap::new();
    read(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        &[],
        &mut files,
    );
    assert!(files.len() > 50, "the source was found");
    let mut all = Imports::new();
    for (module, text) in &files {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let mut imported = BTreeSet::new();
        for path in paths(text) {
            if let Some(target) = resolve(module, &path, &files)
                && target != *module
            {
                imported.insert(target);
            }
        }
        all.insert(module.clone(), imported);
    }
    all
}

/// Reads the files below a directory. `main.rs` and `lib.rs` are no modules that others import.
fn read(directory: &Path, module: &[String], files: &mut BTreeMap<Vec<String>, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mut module = module.to_vec();
        module.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        if path.is_dir() {
            read(&path, &module, files);
        } else if !["main", "lib", "tests"].contains(&module.last().unwrap().as_str())
            && !module.contains(&"tests".to_owned())
        {
            files.insert(module, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Returns every path that the `use` lines of a file name.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let lines = text.split(';').filter_map(|statement| {
        let at = statement.rfind("\nuse ").or(statement.rfind(") use "));
        let at = at
            .or(statement.rfind("pub use "))
            .or(statement.rfind("    use "))?;
        statement[at..].split_once("use ").map(|(_, tree)| tree)
    });
    for tree in lines {
        expand("", tree, &mut found);
    }
    found
}

/// Takes a tree of imports, such as `a::{b, c::{d, e}}`, apart.
fn expand(front: &str, tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some((start, rest)) = tree.split_once('{') else {
        let path = format!("{front}{tree}");
        let path = path.split(" as ").next().unwrap();
        found.push(
            path.split("::")
                .map(|part| part.trim().to_owned())
                .collect(),
        );
        return;
    };
    let (front, body) = (
        format!("{front}{start}"),
        rest.trim_end().trim_end_matches('}'),
    );
    // The last brace closed this one; any other that was cut off too is put back.
    let missing = body.matches('{').count() - body.matches('}').count();
    let body = body.to_owned() + &"}".repeat(missing);
    let (mut depth, mut from) = (0, 0);
    for (at, character) in body.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&front, &body[from..at], found);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !body[from..].trim().is_empty() {
        expand(&front, &body[from..], found);
    }
}

/// Returns the module of this crate that a path leads into.
fn resolve(
    module: &[String],
    path: &[String],
    files: &BTreeMap<Vec<String>, String>,
) -> Option<Vec<String>> {
    let mut rest = path;
    let mut target = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => module.to_vec(),
        name => {
            let child = [module, &[name.to_owned()]].concat();
            files.contains_key(&child).then(|| module.to_vec())?
        }
    };
    while let Some(first) = rest.first() {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => {
                target.pop();
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    for part in rest {
        target.push(part.clone());
        if !files.contains_key(&target) {
            target.pop();
            break;
        }
    }
    files.contains_key(&target).then_some(target)
}
