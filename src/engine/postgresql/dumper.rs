//! Dumps a PostgreSQL database, or a server's server-wide objects.

use std::io::Write;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::checking::CheckingWriter;
use super::database::Postgresql;
use crate::engine::dumper::{Dumper, ScratchFile};
use crate::engine::feed::pass_on;
use crate::header::{Facts, LeftOut, Rows};
use crate::identity::Identity;
use crate::name::{Format, GLOBALS};

impl Dumper for Postgresql {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn earlier_identities(&self) -> Vec<Identity> {
        let hosts = self.server.locations().into_iter();
        let earlier = hosts.map(|location| Identity {
            location,
            ..self.identity.clone()
        });
        earlier.collect()
    }

    fn file_name(&self) -> Vec<u8> {
        let name = self.database.as_deref().unwrap_or(GLOBALS);
        let name = name.replace('/', "_");
        format!("{name}.{}", self.format.extension()).into_bytes()
    }

    fn format(&self) -> Format {
        self.format
    }

    fn engine_version(&self) -> String {
        self.facts.version.clone()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn take_snapshot(&mut self, _scratch: Option<ScratchFile<'_>>) -> Result<()> {
        let begun = match self.database.clone() {
            None => self
                .start_pg_dumpall()
                .map(|child| self.child = Some(child)),
            Some(database) if self.takes_snapshot => self.begin(&database),
            Some(database) => self.begin_alone(&database),
        };
        begun.map_err(|error| self.explain_conflict(error))
    }

    fn settings(&self) -> Map<String, Value> {
        let mut all = Map::new();
        if let Some(Ok(Value::Object(settings))) = self.settings.as_ref().map(serde_json::to_value)
        {
            all.extend(settings.into_iter().filter(|(_, value)| !value.is_null()));
        }
        all.insert(
            "client_version".to_owned(),
            self.client_version.clone().into(),
        );
        all
    }

    fn left_out(&self) -> LeftOut {
        self.left_out.clone()
    }

    fn tables(&self) -> Vec<String> {
        self.tables.clone()
    }

    fn stream(&mut self, out: &mut dyn Write) -> Result<()> {
        let mut child = self.child.take().context("pg_dump was not started")?;
        if let Some(readers) = self.readers.take() {
            let joined = self.stream_sections(child, &readers, out);
            return joined.map_err(|error| self.explain_conflict(error));
        }
        let mut checking = CheckingWriter::new(out, self.format);
        pass_on(&mut child, &mut checking)?;
        let ended = child.finish().map_err(|error| self.explain(error));
        ended.map_err(|error| self.explain_conflict(error))?;
        checking.finish()
    }

    fn check(&mut self, _thorough: bool) -> Result<Facts> {
        self.check_storage()?;
        let rows = self.snapshot.take().map(|snapshot| snapshot.rows);
        let mut rows = rows.unwrap_or_default();
        let read = self.read_rows.drain();
        rows.extend(read.map(|(table, rows)| (table, Rows::Exact(rows))));
        let emptied = self.selected.emptied.iter().cloned();
        rows.extend(emptied.map(|name| (name, Rows::Exact(0))));
        let tables = self.tables.iter().map(|name| {
            let rows = rows.get(name).copied();
            (name.clone(), rows)
        });
        Ok(Facts {
            table_count: self.tables.len(),
            tables: tables.collect(),
            settings: self.settings(),
        })
    }
}
