//! From a sentence to a model: turns, their streams, and what becomes of them when things break.

mod expiry;
mod faults;
mod repairs;
mod survival;
mod turns;
mod whose;
