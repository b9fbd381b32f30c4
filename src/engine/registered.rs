//! An engine's entry in the registry.

use std::sync::Arc;

use anyhow::Result;

use super::source::Source;
use super::throwaway::{Throwaway, ThrowawayResources};
use crate::header::Header;
use crate::identity::Engine;
use crate::stop::Stop;
use crate::url::Url;

/// An engine whose sources are URLs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registration {
    /// The engine.
    pub engine: Engine,
    /// The schemes of the engine's URLs.
    pub schemes: &'static [&'static str],
    /// Parses a URL with one of these schemes; the error is one sentence.
    pub parse: fn(Url) -> Result<Arc<dyn Source>, String>,
    /// Starts a throwaway server for the dump that has this header.
    pub throwaway: fn(&ThrowawayResources<'_>, &Header, Stop) -> Result<Box<dyn Throwaway>>,
}
