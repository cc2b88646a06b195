//! JavaScript of existing front ends, which must keep working.

use contract::Sha256;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::stack::Stack;
use crate::tools::{own_file, script, tool};

/// Runs the two unchanged snippets in a page that provides `fetch`, `updateUI` and `window.open`.
pub async fn existing_front_end_code_still_works(stack: &Stack) {
    let project = stack.project("seed");
    project.upload(&script("box")).await;
    project.completed(1).await;
    let mut node = Command::new(tool("PARTWRIGHT_NODE"));
    node.arg(own_file("snippets/page.mjs")).args([&stack.api().url("/"), "seed", "STEP"]);
    let node = node.output().await.unwrap();
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    let seen: Value = serde_json::from_slice(&node.stdout).unwrap();
    assert_eq!(seen["shown"], json!(["completed"]));
    assert_eq!(seen["opened"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(seen["opened"][0]["target"], "_blank");
    assert_eq!(seen["status"], 200, "{seen}");
    let file = project.download("step", 1).await;
    assert_eq!(seen["sha256"], Sha256::of(&file.body).to_string());
}
