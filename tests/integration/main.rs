//! Tests of the program itself, against real databases and the tools that its users have.

mod support;

#[path = "../attacks/mod.rs"]
mod attacks;
mod clock;
mod command_line;
mod damage;
mod documentation;
mod drill;
mod dump;
mod earlier;
mod failing_disk;
mod interoperability;
mod metrics;
mod plurals;
mod restore;
mod rotate;
mod servers;
mod sqlite;
mod status;
mod structure;
mod survey;
