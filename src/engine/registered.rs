//! The entry of an engine in the registry.

use std::sync::Arc;

use anyhow::Result;

use super::source::Source;
use super::throwaway::{Throwaway, Workshop};
use crate::header::Header;
use crate::identity::Engine;
use crate::stop::Stop;
use crate::url::Url;

/// An engine that is reached by URLs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registered {
    /// Which engine it is.
    pub engine: Engine,
    /// The schemes of its URLs.
    pub schemes: &'static [&'static str],
    /// Reads one of its URLs; the error is one sentence.
    pub parse: fn(Url) -> Result<Arc<dyn Source>, String>,
    /// Starts a throwaway server for the dump that has the header.
    pub throwaway: fn(&Workshop<'_>, &Header, Stop) -> Result<Box<dyn Throwaway>>,
}
