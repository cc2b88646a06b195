//! Logs of a project.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use contract::{ProjectId, Timestamp, Version};

/// A page of logs.
#[derive(Serialize, JsonSchema)]
pub struct LogList {
    /// Always `true`.
    pub success: bool,
    pub project_name: ProjectId,
    /// Newest first.
    pub logs: Vec<LogFacts>,
    /// The number of logs on all pages.
    pub total_logs: usize,
    /// False if the bucket has more logs than the 20,000 that are listed.
    pub complete: bool,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<usize>,
}

/// A log.
#[derive(Serialize, JsonSchema)]
pub struct LogFacts {
    pub filename: String,
    /// The key in the bucket.
    pub key: String,
    /// In bytes.
    pub size: u64,
    pub last_modified: Option<Timestamp>,
    /// The version of the log; null if its name does not contain it.
    pub version: Option<Version>,
    /// The path of its text.
    pub url: String,
}

/// The text of a log.
#[derive(Serialize, JsonSchema)]
pub struct Log<'a> {
    /// Always `true`.
    pub success: bool,
    pub project_name: &'a ProjectId,
    pub filename: &'a str,
    /// In bytes.
    pub size: usize,
    pub content: &'a str,
}

impl HasExample for LogList {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "logs": [{
                "filename": "bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
                "key": "logs/bracket-2/bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
                "size": 17,
                "last_modified": "2026-01-31T12:00:01.000Z",
                "version": 2,
                "url": "/api/projects/bracket-2/logs/bracket%2D2%5Finfo%5F20260131%5F120000%5Fv2%5F0123456789abcdef%2Elog",
            }],
            "total_logs": 1,
            "complete": true,
            "next_cursor": null,
        })
    }
}

impl HasExample for Log<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "filename": "bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
            "size": 17,
            "content": "[runner] started\n",
        })
    }
}
