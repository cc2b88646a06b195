//! From a sentence to a model: turns, their streams, and what becomes of them when things break.

mod faults;
mod survival;
mod turns;
mod whose;
