//! Tests of the program itself, against real databases and the tools its users have.

mod support;

mod bad_input;
mod clock;
mod command_line;
mod concurrency;
mod damage;
mod filesystems;
mod identity;
mod interoperability;
mod image;
mod keeping;
mod leftovers;
mod logging;
mod output;
mod publishing;
mod rotation;
mod stopping;
mod usage;
mod snapshot;
mod sqlite;
