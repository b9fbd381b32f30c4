//! Everything that runs a program of someone else's: commands and database servers.

mod command;
