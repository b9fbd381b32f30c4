//! The end marker: the line by which a dump client says that its dump is complete.

use crate::identity::Engine;

const KEPT: usize = 1024;

/// The end of a text that passes in parts.
#[derive(Debug, Default)]
pub struct Tail(Vec<u8>);

impl Tail {
    /// Takes the next part of the text.
    pub fn add(&mut self, data: &[u8]) {
        let fresh = &data[data.len().saturating_sub(KEPT)..];
        let old = (self.0.len() + fresh.len()).saturating_sub(KEPT);
        self.0.drain(..old.min(self.0.len()));
        self.0.extend_from_slice(fresh);
    }

    /// Returns true if a complete SQL dump of this engine ends like this. Always returns true for
    /// an engine that writes no end marker.
    #[must_use]
    pub fn is_end(&self, engine: Engine) -> bool {
        let text = String::from_utf8_lossy(&self.0);
        let mut lines = text.lines().rev().filter(|line| !line.is_empty());
        match engine {
            Engine::Postgresql => {
                let last = lines.find(|line| *line != "--" && !line.starts_with("\\unrestrict "));
                matches!(
                    last,
                    Some(
                        "-- PostgreSQL database dump complete"
                            | "-- PostgreSQL database cluster dump complete"
                    )
                )
            }
            Engine::Mysql => lines
                .next()
                .is_some_and(|line| line.starts_with("-- Dump completed")),
            Engine::Sqlite | Engine::Redis | Engine::Command => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_end(engine: Engine, text: &str) -> bool {
        let mut whole = Tail::default();
        whole.add(text.as_bytes());
        let mut parts = Tail::default();
        text.as_bytes().chunks(7).for_each(|part| parts.add(part));
        assert_eq!(whole.is_end(engine), parts.is_end(engine));
        whole.is_end(engine)
    }

    #[test]
    fn only_the_last_statement_counts() {
        let filler = "x".repeat(3000);
        let end = "--\n-- PostgreSQL database dump complete\n--\n\n";
        let postgresql = |text: &str| has_end(Engine::Postgresql, &format!("{filler}\n{text}"));
        assert!(postgresql(end));
        assert!(postgresql(&format!("{end}\\unrestrict abc\n\n")));
        assert!(postgresql(
            "\\unrestrict a\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n"
        ));
        assert!(!postgresql(&format!("{end}SELECT 1;\n")));
        assert!(!postgresql("-- PostgreSQL database dump comple"));
        assert!(!postgresql("\\unrestrict abc\n\n"));
        let mysql = |text: &str| has_end(Engine::Mysql, &format!("{filler}\n{text}"));
        assert!(mysql("-- Dump completed on 2026-11-22 10:00:00\n"));
        assert!(mysql("-- Dump completed"));
        assert!(!mysql("-- Dump completed\nINSERT INTO a VALUES (1);\n"));
        assert!(!mysql(""));
    }
}
