//! A real browser: Chromium, driven by Playwright in a Node.js program from the folder `browser`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::process::command;
use crate::stack::Stack;
use crate::tools::{own_file, tool};

/// The time limit of one program. Each of its steps has a limit of its own.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs `browser/{name}.mjs` with `input`, an object, and fails the test with the program's output if it fails.
///
/// The input also gets `store`, the kind of store, and `pictures`, the folder for pictures: `PARTWRIGHT_PICTURES`, or
/// else the browser's own folder.
pub async fn run(stack: &Stack, name: &str, mut input: Value) {
    let folder = stack.folder().join(format!("{name}-browser"));
    std::fs::create_dir(&folder).unwrap();
    let pictures = std::env::var_os("PARTWRIGHT_PICTURES").map_or_else(|| folder.clone(), PathBuf::from);
    // The program's working directory is not the test's.
    input["pictures"] = json!(std::path::absolute(pictures).unwrap());
    input["store"] = json!(format!("{:?}", stack.kind));

    // On SIGTERM Playwright closes the browser; if the program is killed, the browser sees its pipe close and ends.
    let mut node = command(&tool("PARTWRIGHT_NODE"), Signal::SIGTERM);
    for tool_name in ["PARTWRIGHT_CHROMIUM", "PARTWRIGHT_PLAYWRIGHT"] {
        node.env(tool_name, tool(tool_name));
    }
    node.arg(own_file("browser").join(format!("{name}.mjs"))).current_dir(&folder).env("HOME", &folder);
    node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = Command::from(node).kill_on_drop(true).spawn().unwrap();
    // The input holds tokens, so it is neither an argument nor in the environment. Dropped, the pipe closes.
    node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).await.unwrap();
    let ended = tokio::time::timeout(TIMEOUT, node.wait_with_output()).await;
    let output = ended.unwrap_or_else(|_| panic!("{name}.mjs did not end in {} s", TIMEOUT.as_secs())).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}.mjs failed:\n{}{}", text(&output.stdout), text(&output.stderr));
}
