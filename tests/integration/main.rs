//! Tests of the program itself, against real databases and the tools its users have.

mod support;

mod clock;
mod identity;
mod keeping;
mod rotation;
mod servers;
