//! Dumps every database on a Linux machine, proves each dump, keeps the newest.
