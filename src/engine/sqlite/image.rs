//! The database image: its pages in order, as the file format defines them
//! (<https://www.sqlite.org/fileformat2.html>).
//!
//! Leaf pages of the freelist are written as zeros: they hold what deleted rows left, which would
//! otherwise stay in every dump and hide a collapse. Trunk pages are the freelist itself and stay.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail};
use rusqlite::Connection;

use super::error::Corrupt;

/// The first 16 bytes of every SQLite database.
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How many pages of which size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// A page's size in bytes.
    pub page_size: u32,
    /// Number of pages.
    pub pages: u32,
}

impl Shape {
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Shape {
            page_size: connection.query_row("PRAGMA page_size", [], |row| row.get(0))?,
            pages: connection.query_row("PRAGMA page_count", [], |row| row.get(0))?,
        })
    }

    /// The image's length in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.page_size) * u64::from(self.pages)
    }

    /// Reads it from the first 100 bytes of an image of `length` bytes; none where they are not
    /// such. The number of pages in them counts only where the number of the version that wrote it
    /// last (offset 92) is that of the last change (offset 24); what an SQLite before 3.7.0 wrote
    /// has the length alone.
    #[must_use]
    pub fn of_image(header: &[u8; 100], length: u64) -> Option<Self> {
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => u32::from(size),
            _ => return None,
        };
        let pages = match u32_at(header, 28)? {
            pages if pages > 0 && header[24..28] == header[92..96] => pages,
            _ => u32::try_from(length.div_ceil(u64::from(page_size))).ok()?,
        };
        (header[..16] == *MAGIC).then_some(Shape { page_size, pages })
    }
}

/// Writes the image page by page out of the `sqlite_dbpage` table, within the connection's open
/// transaction.
pub(super) fn stream_table(db: &Connection, shape: Shape, out: &mut dyn Write) -> Result<()> {
    let mut one = db.prepare("SELECT data FROM sqlite_dbpage('main') WHERE pgno = ?1")?;
    let free = Free::read(shape, |number, page| {
        one.query_row([number], |row| {
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
                "page {expected} came as page {number} of {} bytes",
                page.len()
            );
        }
        out.write_all(if free.contains(number) { &zeros } else { page })?;
        expected += 1;
    }
    if expected - 1 != shape.pages {
        bail!("{} of {} pages came", expected - 1, shape.pages);
    }
    Ok(())
}

/// Writes the image out of a file that no one else has open.
pub(super) fn stream_file(file: &File, shape: Shape, out: &mut dyn Write) -> Result<()> {
    let size = shape.page_size as usize;
    let offset = |number: u32| u64::from(number - 1) * u64::from(shape.page_size);
    let free = Free::read(shape, |number, page| {
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

/// The freelist's leaf pages: one bit a page.
struct Free(Vec<u64>);

impl Free {
    /// Follows the trunk pages. A list that leads nowhere is corruption, which fails the dump.
    fn read(shape: Shape, mut page: impl FnMut(u32, &mut [u8]) -> Result<()>) -> Result<Self> {
        let mut free = Free(vec![0; shape.pages as usize / 64 + 1]);
        let mut buffer = vec![0; shape.page_size as usize];
        page(1, &mut buffer)?;
        let at = |buffer: &[u8], offset| u32_at(buffer, offset).context("a page is too short");
        let mut trunk = at(&buffer, 32)?;
        let mut left = at(&buffer, 36)?;
        while trunk != 0 && left > 0 {
            if trunk > shape.pages {
                let pages = shape.pages;
                return corrupt(&format!("leads to page {trunk} of {pages}"));
            }
            page(trunk, &mut buffer)?;
            left -= 1;
            let leaves = at(&buffer, 4)?;
            if leaves > left || leaves > shape.page_size / 4 - 2 {
                return corrupt(&format!("has {leaves} leaves on trunk page {trunk}"));
            }
            left -= leaves;
            for index in 0..leaves as usize {
                let leaf = at(&buffer, 8 + 4 * index)?;
                if leaf < 2 || leaf > shape.pages {
                    return corrupt(&format!("lists page {leaf} on trunk page {trunk}"));
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

fn corrupt<T>(how: &str) -> Result<T> {
    Err(Corrupt(format!("the database is corrupt: its freelist {how}")).into())
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
