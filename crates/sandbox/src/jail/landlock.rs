//! Step 9: the files that a job may reach, and no network, signals or abstract sockets outside.

use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};

use crate::scratch::JobDirectory;

/// The files that every job may read: the libraries and data that FreeCAD needs, and no secrets of the host.
const READABLE: [&str; 12] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/share",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/freecad",
    "/dev/urandom",
    "/dev/zero",
];

/// The first version that governs every way to change a file: it added truncation.
const FILE_ABI: ABI = ABI::V3;

/// Makes the ruleset of one job: it reads what FreeCAD needs and writes to its own two directories. It has no network,
/// and reaches no process outside by signals or abstract sockets.
///
/// # Errors
/// When the kernel lacks Landlock for files. The network and signal parts are optional, because newer kernels added
/// them.
pub(crate) fn ruleset(directory: &JobDirectory, python: &Path) -> Result<OwnedFd, String> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // No links, sockets, pipes or devices, and nothing to execute.
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(FILE_ABI))
        .map_err(failure)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessNet::from_all(ABI::V4))
        .map_err(failure)?
        .scope(Scope::from_all(ABI::V6))
        .map_err(failure)?
        .create()
        .map_err(failure)?
        .set_compatibility(CompatLevel::HardRequirement);
    let (script, work, output) = (directory.script(), directory.work(), directory.output());
    let mut rules = vec![(python, read), (script.as_path(), AccessFs::ReadFile.into())];
    rules.extend([(work.as_path(), write), (output.as_path(), write)]);
    rules.push((Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile));
    rules.extend(READABLE.iter().map(|path| (Path::new(path), read)));
    for (path, access) in rules {
        // Each distribution lacks some of these, and a missing file needs no permission.
        let Ok(metadata) = std::fs::metadata(path) else { continue };
        let access = if metadata.is_dir() { access } else { access & AccessFs::from_file(FILE_ABI) };
        let descriptor = PathFd::new(path).map_err(failure)?;
        ruleset = ruleset.add_rule(PathBeneath::new(descriptor, access)).map_err(failure)?;
    }
    Option::<OwnedFd>::from(ruleset).ok_or_else(|| failure("not supported by the kernel"))
}

fn failure(error: impl Display) -> String {
    error.to_string()
}

/// The version of the kernel's Landlock; `None` if it is missing or disabled.
pub fn landlock_version() -> Option<i32> {
    const LANDLOCK_CREATE_RULESET_VERSION: u32 = 1;
    // SAFETY: a null pointer, a zero size and this flag ask for the version and do nothing else (landlock(7)).
    #[expect(unsafe_code, reason = "the library gives the version only in part")]
    let version = unsafe {
        let nothing = std::ptr::null::<libc::c_void>();
        libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0, LANDLOCK_CREATE_RULESET_VERSION)
    };
    i32::try_from(version).ok().filter(|version| *version > 0)
}
