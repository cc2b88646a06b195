//! All randomness of a schedule, derived from its seed, for the model and for the code under test; and the time of day,
//! which that code shows to users and puts into names.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// `None` on threads that run no schedule.
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    /// The time of day on a schedule's thread, since 1970.
    static TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Derives this thread's randomness from `seed`. Each schedule needs its own thread, because the standard library draws
/// the keys of its hash maps once a thread.
pub fn begin(seed: u64) {
    STATE.set(Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635));
}

pub fn set_time(time: Duration) {
    TIME.set(time);
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

/// True `times` times in a thousand.
pub fn permille(times: u64) -> bool {
    below(1_000) < times
}

pub fn pick<T: Clone>(among: &[T]) -> T {
    among[below(among.len() as u64) as usize].clone()
}

/// A duration in milliseconds, from `least` to below `most`.
pub fn millis(least: u64, most: u64) -> Duration {
    Duration::from_millis(least + below(most.saturating_sub(least)))
}

/// A duration in seconds, in steps of a millisecond.
pub fn seconds(least: u64, most: u64) -> Duration {
    millis(least * 1_000, most * 1_000)
}

/// Replaces the C library's sources of randomness and time in this program, from which ids, jitter, hash maps and time
/// stamps come. On a schedule's thread they follow the schedule; elsewhere they ask the system. Without this a failing
/// schedule could not be repeated.
#[expect(
    unsafe_code,
    reason = "functions of the C library take raw pointers, and the linker finds them by their names"
)]
mod system {
    use super::{STATE, TIME, next};

    /// # Safety
    /// As getrandom(2): `buffer` has room for `length` bytes.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, flags: libc::c_uint) -> libc::ssize_t {
        let Some(mut state) = STATE.try_with(std::cell::Cell::get).ok().flatten() else {
            // SAFETY: the caller keeps the same promise.
            return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) } as libc::ssize_t;
        };
        for offset in 0..length {
            let drawn;
            (state, drawn) = next(state);
            // SAFETY: `offset` is within the `length` bytes of the caller's buffer.
            unsafe { buffer.add(offset).write((drawn >> 32) as u8) };
        }
        STATE.set(Some(state));
        length as libc::ssize_t
    }

    /// # Safety
    /// As clock_gettime(2): `time` has room for a time.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
        let is_of_schedule = STATE.try_with(std::cell::Cell::get).ok().flatten().is_some();
        if clock != libc::CLOCK_REALTIME || !is_of_schedule {
            // SAFETY: the caller keeps the same promise.
            return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
        }
        let now = TIME.get();
        let now = libc::timespec { tv_sec: now.as_secs() as libc::time_t, tv_nsec: now.subsec_nanos().into() };
        // SAFETY: the caller has room for a time.
        unsafe { time.write(now) };
        0
    }
}
