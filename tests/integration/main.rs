//! Tests of the program itself, against real databases and the tools its users have.

mod support;

#[path = "../attacks/mod.rs"]
mod attacks;
mod bad_input;
mod choice;
mod clock;
mod command_line;
mod concurrency;
mod damage;
mod documentation;
mod drill;
mod earlier;
mod faults;
mod filesystems;
mod hostile_text;
mod identity;
mod image;
mod interoperability;
mod jobs;
mod keeping;
mod leftovers;
mod logging;
mod output;
mod publishing;
mod readback;
mod replaced;
mod restore;
mod restore_failing;
mod restore_killed;
mod rotation;
mod servers;
mod snapshot;
mod sqlite;
mod status;
mod stopping;
mod structure;
mod unchanged;
mod usage;
mod without_dbpage;
