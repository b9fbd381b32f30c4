//! The database image: its pages in order, as the file format defines them
//! (<https://www.sqlite.org/fileformat2.html>).
//!
//! Leaf pages of the freelist are written as zeros. They hold what deleted rows left, which would
//! otherwise stay in every dump and hide that a database shrank. Trunk pages are the freelist
//! itself and stay.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail};
use rusqlite::Connection;

use super::error::Corrupt;
use crate::content::image::{Shape, read_u32};

/// Returns the shape of the connected database.
pub(super) fn read_shape(connection: &Connection) -> rusqlite::Result<Shape> {
    Ok(Shape {
        page_size: connection.query_row("PRAGMA page_size", [], |row| row.get(0))?,
        pages: connection.query_row("PRAGMA page_count", [], |row| row.get(0))?,
    })
}

/// Writes the image page by page from the `sqlite_dbpage` table, within the connection's open
/// transaction.
pub(super) fn stream_table(db: &Connection, shape: Shape, out: &mut dyn Write) -> Result<()> {
    let mut page_query = db.prepare("SELECT data FROM sqlite_dbpage('main') WHERE pgno = ?1")?;
    let free = FreePages::read(shape, |number, page| {
        page_query
            .query_row([number], |row| {
                page.copy_from_slice(row.get_ref(0)?.as_blob()?);
                Ok(())
            })
            .with_context(|| format!("page {number}"))
    })?;
    let zeros = vec![0; shape.page_size as usize];
    let mut all = db.prepare("SELECT pgno, data FROM sqlite_dbpage('main')")?;
    let mut rows = all.query([])?;
    let mut expected = 1;
    while let Some(row) = rows.next()? {
        let number: u32 = row.get(0)?;
        let page = row.get_ref(1)?.as_blob()?;
        if number != expected || page.len() != zeros.len() {
            bail!(
                "SQLite gave page {number} for page {expected}, of {}",
                crate::human::format_count(page.len(), "byte")
            );
        }
        out.write_all(if free.contains(number) { &zeros } else { page })?;
        expected += 1;
    }
    if expected - 1 != shape.pages {
        bail!(
            "SQLite gave {} of {}",
            expected - 1,
            crate::human::format_count(shape.pages, "page")
        );
    }
    Ok(())
}

/// Writes the image from a file that no other process has open.
pub(super) fn stream_file(file: &File, shape: Shape, out: &mut dyn Write) -> Result<()> {
    let size = shape.page_size as usize;
    let offset = |number: u32| u64::from(number - 1) * u64::from(shape.page_size);
    let free = FreePages::read(shape, |number, page| {
        file.read_exact_at(page, offset(number))
            .with_context(|| format!("page {number}"))
    })?;
    let per_read = (256 << 10) / size;
    let mut buffer = vec![0; per_read * size];
    let mut number = 1;
    while number <= shape.pages {
        let count = per_read.min((shape.pages - number + 1) as usize);
        let pages = &mut buffer[..count * size];
        file.read_exact_at(pages, offset(number))
            .with_context(|| format!("page {number}"))?;
        for page in pages.chunks_exact_mut(size) {
            if free.contains(number) {
                page.fill(0);
            }
            number += 1;
        }
        out.write_all(pages)?;
    }
    Ok(())
}

/// The leaf pages of the freelist: one bit per page.
struct FreePages(Vec<u64>);

impl FreePages {
    /// Follows the trunk pages and returns the leaf pages. Impossible page numbers in the list are
    /// corruption, which fails the dump.
    fn read(shape: Shape, mut page: impl FnMut(u32, &mut [u8]) -> Result<()>) -> Result<Self> {
        let mut free = FreePages(vec![0; shape.pages as usize / 64 + 1]);
        let mut buffer = vec![0; shape.page_size as usize];
        page(1, &mut buffer)?;
        let at = |buffer: &[u8], offset| read_u32(buffer, offset).context("a page is too short");
        let mut trunk = at(&buffer, 32)?;
        let mut left = at(&buffer, 36)?;
        while trunk != 0 && left > 0 {
            if trunk > shape.pages {
                let pages = shape.pages;
                return fail_corrupt(&format!("leads to page {trunk} of {pages}"));
            }
            page(trunk, &mut buffer)?;
            left -= 1;
            let leaves = at(&buffer, 4)?;
            if leaves > left || leaves > shape.page_size / 4 - 2 {
                return fail_corrupt(&format!("has {leaves} leaves on trunk page {trunk}"));
            }
            left -= leaves;
            for index in 0..leaves as usize {
                let leaf = at(&buffer, 8 + 4 * index)?;
                if leaf < 2 || leaf > shape.pages {
                    return fail_corrupt(&format!("lists page {leaf} on trunk page {trunk}"));
                }
                free.0[leaf as usize / 64] |= 1 << (leaf % 64);
            }
            trunk = at(&buffer, 0)?;
        }
        Ok(free)
    }

    fn contains(&self, page: u32) -> bool {
        self.0[page as usize / 64] >> (page % 64) & 1 == 1
    }
}

fn fail_corrupt<T>(how: &str) -> Result<T> {
    Err(Corrupt(format!("the database is corrupt: its freelist {how}")).into())
}
