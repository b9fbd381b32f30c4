//! The head of an SQLite database file (sqlite.org/fileformat2.html, 1.3).

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

/// Reads a big-endian number; none where there are no four bytes at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
