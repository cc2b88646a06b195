//! The documents in the bucket, compared with golden files: a change that breaks a reader breaks a test.
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod properties;

use contract::{Attempt, Report};
use serde_json::Value;

/// Reads a golden document and writes it again: no field is lost or renamed.
fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned>(golden: &str) -> T {
    let document: T = serde_json::from_str(golden).unwrap();
    let expected: Value = serde_json::from_str(golden).unwrap();
    assert_eq!(serde_json::to_value(&document).unwrap(), expected);
    document
}

#[test]
fn a_completed_report() {
    let report: Report = round_trip(include_str!("report_completed.json"));
    assert_eq!(report.files.len(), 2);
}

#[test]
fn a_failed_report() {
    let report: Report = round_trip(include_str!("report_failed.json"));
    assert_eq!(report.error.unwrap().line, Some(7));
}

#[test]
fn an_attempt() {
    let attempt: Attempt = round_trip(include_str!("attempt.json"));
    assert_eq!(attempt.heartbeat, 4);
}

#[test]
fn unknown_fields_are_skipped() {
    let mut newer: Value = serde_json::from_str(include_str!("report_completed.json")).unwrap();
    newer["from_the_future"] = serde_json::json!({"a": 1});
    newer["files"][0]["colour"] = serde_json::json!("red");
    newer["geometry"]["genus"] = serde_json::json!(3);
    serde_json::from_value::<Report>(newer).unwrap();
}

#[test]
fn the_required_fields_of_a_report() {
    let least = r#"{"format":1,"project":"p","version":1,"outcome":"cancelled","finished_at":"2026-01-01T00:00:00Z"}"#;
    serde_json::from_str::<Report>(least).unwrap();
    for broken in [
        r#"{"format":1,"project":"../p","version":1,"outcome":"completed","finished_at":"2026-01-01T00:00:00Z"}"#,
        r#"{"format":1,"project":"p","version":0,"outcome":"completed","finished_at":"2026-01-01T00:00:00Z"}"#,
        r#"{"format":1,"project":"p","version":1,"outcome":"fine","finished_at":"2026-01-01T00:00:00Z"}"#,
        r#"{"format":1,"project":"p","version":1,"outcome":"completed"}"#,
    ] {
        assert!(serde_json::from_str::<Report>(broken).is_err(), "{broken}");
    }
}
