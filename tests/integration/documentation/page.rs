//! Reads the pages: their code, and the commands in it.

use std::fs;
use std::path::Path;

use crate::support::names;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// Returns the paths of the pages, README first.
pub(crate) fn pages() -> Vec<String> {
    let mut pages = vec![
        "README.md".to_owned(),
        "CONTRIBUTING.md".to_owned(),
        "CHANGELOG.md".to_owned(),
    ];
    let docs = names(&root().join("docs")).into_iter();
    pages.extend(
        docs.filter(|name| Path::new(name).extension() == Some("md".as_ref()))
            .map(|name| format!("docs/{name}")),
    );
    pages
}

/// Returns the lines of a page's code blocks, except those of Nix; a line that ends in a backslash
/// is joined with the next one.
pub(crate) fn code(text: &str) -> Vec<String> {
    let (mut lines, mut is_fenced, mut is_nix) = (Vec::<String>::new(), false, false);
    for line in text.lines() {
        if line.starts_with("```") || line.starts_with("~~~") {
            is_fenced = !is_fenced;
            is_nix = is_fenced && line.ends_with("nix");
            continue;
        }
        if is_nix {
            continue;
        }
        let indented = line.strip_prefix("    ").filter(|_| !is_fenced);
        let Some(line) = indented.or(Some(line).filter(|_| is_fenced)) else {
            continue;
        };
        match lines.last_mut().filter(|last| last.ends_with('\\')) {
            Some(last) => {
                last.pop();
                last.push_str(line.trim());
            }
            None => lines.push(line.trim().to_owned()),
        }
    }
    lines
}

/// Returns the spans of code within a page's sentences.
pub(crate) fn spans(text: &str) -> Vec<String> {
    let plain = text.split("```").step_by(2).collect::<String>();
    let spans = plain.split('`').skip(1).step_by(2);
    spans.map(|span| span.replace('\n', " ")).collect()
}

/// Splits a line as a shell does, without its comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '#') if word.is_empty() => break,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(character),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Returns the arguments of this program in a line that runs it, directly or through another
/// program and `--`; `None` if the line does not run it.
pub(crate) fn arguments(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    let is_program = |at: usize| {
        let path = words[at].strip_prefix("ExecStart=").unwrap_or(&words[at]);
        let is_first = at == 0 || words[at - 1] == "--";
        is_first && Path::new(path).file_name() == Some("dump-database".as_ref())
    };
    let start = if line.starts_with("cargo run --release -- ") {
        3
    } else {
        (0..words.len()).find(|at| is_program(*at))?
    };
    let arguments = words[start + 1..].iter();
    let arguments = arguments.take_while(|word| !["|", "||", "&&", ";"].contains(&word.as_str()));
    Some(arguments.cloned().collect())
}

/// Returns the anchor that GitHub gives a heading.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
