//! Prepares the runner's own process, before it starts others.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Keeps descriptor 3 in use for the life of this process.
///
/// The fork server gets its socket as descriptor 3. If 3 were free here, the standard library's own pipe to a child
/// between fork and exec could be 3, and would be overwritten.
pub(crate) fn keep_descriptor_three_taken() -> io::Result<()> {
    loop {
        let file = File::open("/dev/null")?;
        if file.as_raw_fd() > 3 {
            return Ok(());
        }
        std::mem::forget(file);
    }
}

/// Keeps other processes of the same user from reading this one's memory and environment, which hold the credentials.
pub(crate) fn hide_from_own_children() -> io::Result<()> {
    // SAFETY: plain numbers.
    #[expect(unsafe_code, reason = "prctl has no safe form in the libraries used")]
    let outcome = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    if outcome == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
