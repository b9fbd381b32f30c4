//! Rotation: which dumps stay, and which are removed.

mod retention;
mod rotation;
