//! All chance of a schedule, from its seed: the model's own, and that of the code under test.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// None on threads that run no schedule.
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From here on this thread's chance follows from `seed`. A schedule has a thread of its own: the standard library
/// draws the keys of its hash maps once a thread.
pub fn begin(seed: u64) {
    STATE.set(Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635));
}

/// SplitMix64.
fn next(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state, mixed ^ (mixed >> 31))
}

fn draw() -> u64 {
    let (state, drawn) = next(STATE.get().expect("a schedule has begun on this thread"));
    STATE.set(Some(state));
    drawn
}

/// A number below `end`.
pub fn below(end: u64) -> u64 {
    draw() % end.max(1)
}

/// True so many times in a thousand.
pub fn permille(times: u64) -> bool {
    below(1_000) < times
}

/// One of them.
pub fn pick<T: Clone>(among: &[T]) -> T {
    among[below(among.len() as u64) as usize].clone()
}

/// So many milliseconds, from `least` to below `most`.
pub fn millis(least: u64, most: u64) -> Duration {
    Duration::from_millis(least + below(most.saturating_sub(least)))
}

/// So many seconds, in steps of a millisecond.
pub fn seconds(least: u64, most: u64) -> Duration {
    millis(least * 1_000, most * 1_000)
}

/// The C library's `getrandom`, which ids, jitter and hash maps draw from, in this program: from the seed on a
/// schedule's thread, from the system elsewhere. Without it no failing schedule could be run again.
#[expect(unsafe_code, reason = "a function of the C library takes a raw pointer, and the linker finds it by its name")]
mod system {
    use super::{STATE, next};

    /// # Safety
    /// As getrandom(2): `buffer` has room for `length` bytes.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, flags: libc::c_uint) -> libc::ssize_t {
        let Some(mut state) = STATE.try_with(std::cell::Cell::get).ok().flatten() else {
            // SAFETY: the caller's promise, handed on.
            return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) } as libc::ssize_t;
        };
        for offset in 0..length {
            let drawn;
            (state, drawn) = next(state);
            // SAFETY: within the `length` bytes that the caller has room for.
            unsafe { buffer.add(offset).write((drawn >> 32) as u8) };
        }
        STATE.set(Some(state));
        length as libc::ssize_t
    }
}
