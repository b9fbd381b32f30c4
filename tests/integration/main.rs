//! Tests of the program itself, against real databases and the tools its users have.

mod support;

mod bad_input;
mod clock;
mod identity;
mod image;
mod keeping;
mod restore;
mod restore_failing;
mod restore_killed;
mod rotation;
mod snapshot;
mod sqlite;
mod without_dbpage;
