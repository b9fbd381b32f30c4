//! `dump`: from the snapshot to the dump under its final name.

mod concurrency;
mod cpu;
mod filesystems;
mod identity;
mod jobs;
mod leftovers;
mod publishing;
mod readback;
mod snapshot;
mod stopping;
mod unchanged;
