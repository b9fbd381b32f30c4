//! Tests of the program itself, against real databases and the tools its users have.

mod support;

mod bad_input;
mod clock;
mod concurrency;
mod filesystems;
mod identity;
mod keeping;
mod leftovers;
mod publishing;
mod rotation;
mod stopping;
