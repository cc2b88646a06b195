//! The environment in which the runner starts does not affect jobs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use contract::RunId;

#[test]
fn jobs_run_under_a_strict_umask() {
    let root = std::env::temp_dir().join(format!("partwright-umask-{}", RunId::random()));
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, Permissions::from_mode(0o711)).unwrap();
    let script = root.join("box.py");
    fs::write(&script, "import FreeCAD as App\nApp.newDocument('Demo').addObject('Part::Box', 'Box')\n").unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(parts::tools::tool("PARTWRIGHT_RUNNER"))
        .arg("run")
        .arg(&script);
    command.arg("--out").arg(root.join("out")).env("RUNNER_SCRATCH", root.join("scratch"));
    if !nix::unistd::geteuid().is_root() {
        command.env("RUNNER_JAIL", "same-uid");
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    fs::remove_dir_all(&root).unwrap();
}
