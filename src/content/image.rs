//! The header of an SQLite database file (sqlite.org/fileformat2.html, 1.3).

/// The first 16 bytes of every SQLite database.
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The number and the size of a database's pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// The size of a page in bytes.
    pub page_size: u32,
    /// The number of pages.
    pub pages: u32,
}

impl Shape {
    /// Returns the length of the image in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.page_size) * u64::from(self.pages)
    }

    /// Reads the shape from the first 100 bytes of an image of `length` bytes. Returns `None` if
    /// they are not the header of an SQLite database. Their number of pages is valid only if it is
    /// above 0 and the version-valid-for number (offset 92) equals the file change counter (offset
    /// 24). Otherwise, as in a file that an SQLite before 3.7.0 wrote, the number of pages comes
    /// from `length`.
    #[must_use]
    pub fn from_header(header: &[u8; 100], length: u64) -> Option<Self> {
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => u32::from(size),
            _ => return None,
        };
        let pages = match read_u32(header, 28)? {
            pages if pages > 0 && header[24..28] == header[92..96] => pages,
            _ => u32::try_from(length.div_ceil(u64::from(page_size))).ok()?,
        };
        (header[..16] == *MAGIC).then_some(Shape { page_size, pages })
    }
}

/// Reads the big-endian number in the four bytes at `offset`. Returns `None` if `bytes` is too
/// short.
pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
