//! Repeatable random numbers: each test prints its seed, and `PARTWRIGHT_SEED` repeats it.

use std::hash::{BuildHasher, RandomState};

/// A sequence of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Takes the seed from `PARTWRIGHT_SEED`, or a random one, and prints it.
    pub fn seeded(what: &str) -> Self {
        let given = std::env::var("PARTWRIGHT_SEED").ok();
        let seed = match &given {
            Some(text) => text.parse().unwrap_or_else(|_| panic!("PARTWRIGHT_SEED is not a number: {text:?}")),
            None => RandomState::new().hash_one(0) >> 32,
        };
        println!("{what}: PARTWRIGHT_SEED={seed}");
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// An independent sequence for a concurrent task.
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }
}
