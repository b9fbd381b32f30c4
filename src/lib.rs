//! Dumps every database on a Linux machine, proves each dump, keeps the newest.

pub mod name;
pub mod retention;
