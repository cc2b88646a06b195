//! From a script to files that open.

use bytes::Bytes;
use contract::{Key, Report, Sha256, prefix};
use serde_json::Value;
use tokio::process::Command;

use crate::stack::Stack;
use crate::tools::{own_file, script};
use crate::wait::until;

/// The largest file, in bytes.
const LIMIT: usize = 16 << 20;

/// The formats of every model.
const FORMATS: [&str; 6] = ["FCStd", "STEP", "STL", "OBJ", "GLB", "PNG"];

/// A script becomes six files behind links without credentials, and the STEP file contains the solid.
pub async fn a_bracket_becomes_six_files(stack: &Stack) {
    let project = stack.project("bracket");
    let answer = project.upload_json(&script("bracket")).await;
    let uploaded = answer.json();
    assert_eq!((&uploaded["success"], &uploaded["version"]), (&true.into(), &1.into()), "{uploaded}");
    assert_eq!(uploaded["data"]["status"], "uploaded");

    let outputs = project.completed(1).await;
    let status = project.status().await;
    assert_eq!((&status["status"], &status["version"]), (&"completed".into(), &1.into()), "{status}");
    assert_eq!(status["message"], "Model ready — view or download");
    assert_eq!(outputs["available_formats"], Value::from(FORMATS.to_vec()));

    let report = project.report(1).await;
    assert_eq!(
        uploaded["data"]["request_id"],
        report.request_id.unwrap().to_string(),
        "the report must have the id of the upload"
    );
    for file in outputs["output_files"].as_array().unwrap() {
        let format = file["format"].as_str().unwrap();
        let download = project.download(format, 1).await;
        assert_eq!(file["size"], download.body.len(), "{format}");
        assert_eq!(file["sha256"], Sha256::of(&download.body).to_string(), "{format}");
        let disposition = download.header("content-disposition");
        assert_eq!(disposition, format!("attachment; filename=\"bracket_v1.{format}\""));
    }
    curl_downloads_the_step_file(stack, &project.link("step", "").await).await;
    freecad_reads_it_back(stack, outputs["geometry"]["volume_mm3"].as_f64().unwrap()).await;
}

async fn curl_downloads_the_step_file(stack: &Stack, link: &Value) {
    let file = stack.folder().join("bracket.step");
    let url = link["download_url"].as_str().unwrap();
    let curl =
        Command::new("curl").args(["--silent", "--show-error", "--fail", "--output"]).arg(&file).arg(url).output();
    let curl = curl.await.unwrap();
    assert!(curl.status.success(), "{url}: {}", String::from_utf8_lossy(&curl.stderr));
    assert_eq!(link["sha256"], Sha256::of(&std::fs::read(file).unwrap()).to_string());
}

async fn freecad_reads_it_back(stack: &Stack, reported: f64) {
    let (step, volume) = (stack.folder().join("bracket.step"), stack.folder().join("volume"));
    let mut freecad = Command::new("freecadcmd");
    freecad.arg(own_file("scripts/read_step.py")).env("STEP", &step).env("VOLUME", &volume).env("HOME", stack.folder());
    let freecad = freecad.stdin(std::process::Stdio::null()).output().await.unwrap();
    let read =
        std::fs::read_to_string(volume).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&freecad.stderr)));
    let read: f64 = read.parse().unwrap();
    assert!((read - reported).abs() < 0.001 * reported, "{read} mm³ in the file, {reported} reported");
    // Plate and wall share 6 x 40 x 6; two holes go through the plate; the fillet fills a square without its quarter
    // circle.
    let pi = std::f64::consts::PI;
    let expected = 40.0 * (80.0 * 6.0 + 50.0 * 6.0 - 36.0) - 2.0 * pi * 16.0 * 6.0 + 40.0 * (25.0 - pi * 25.0 / 4.0);
    assert!((read - expected).abs() < 1.0, "{read} mm³, expected {expected}");
}

/// A second upload is version 2. The first version's files stay unchanged, and the flat path follows the newest.
pub async fn a_new_version_keeps_the_older_files(stack: &Stack) {
    let project = stack.project("versions");
    assert_eq!(project.upload(&script("box")).await, 1);
    let first = project.completed(1).await;
    let before = files(stack, &project.report(1).await).await;

    assert_eq!(project.upload(&script("box").replace("20, 30", "20, 35")).await, 2);
    let second = project.completed(2).await;
    assert_eq!(second["geometry"]["volume_mm3"].as_f64().unwrap().round(), 7_000.0);
    assert_eq!(project.get("outputs").await["version"], 2, "the newest is the default");
    assert_eq!(files(stack, &project.report(1).await).await, before, "the first version must not change");
    assert_eq!(project.get("outputs?version=1").await["output_files"], first["output_files"]);
    let stl = before.iter().find(|(key, _)| key.ends_with(".STL")).unwrap();
    assert_eq!(project.download("stl", 1).await.body, stl.1);

    let newest = project.report(2).await;
    until("the flat path to hold version 2", async || {
        for file in &newest.files {
            let key = Key::Flat(project.id.clone(), file.format).to_string();
            let flat = stack.client().get(&key, LIMIT).await.map_err(|error| format!("{key}: {error}"))?;
            if flat.head.meta("version") != Some("2") {
                return Err(format!("{key} holds {:?}", flat.head.metadata));
            }
            assert_eq!(Some(Sha256::of(&flat.bytes)), file.sha256, "{key}");
        }
        Ok(())
    })
    .await;
    let flat = project.keys(&prefix::output(&project.id)).await;
    let flat = flat.iter().filter(|key| matches!(key.parse(), Ok(Key::Flat(..)))).count();
    assert_eq!(flat, newest.files.len());
}

async fn files(stack: &Stack, report: &Report) -> Vec<(String, Bytes)> {
    let mut files = Vec::new();
    for file in &report.files {
        files.push((file.key.clone(), stack.client().get(&file.key, LIMIT).await.unwrap().bytes));
    }
    files
}
