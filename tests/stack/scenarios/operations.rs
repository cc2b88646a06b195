//! The operator's endpoints.

use std::collections::BTreeSet;

use http::{Method, Request};
use serde_json::{Value, json};

use crate::http::ApiResponse;
use crate::stack::Stack;
use crate::store_suite;
use crate::wait::until;
use crate::worker::ADMIN_TOKEN;

/// The store passes the suite that the store in memory passes.
pub async fn the_store_passes_the_suite(stack: &Stack) {
    store_suite::run(stack.client()).await;
}

/// The health page reports every part as healthy, without secrets.
pub async fn every_part_is_healthy(stack: &Stack) {
    let answer = stack.api().get("/api/monitoring/health").await.expect(200);
    let health = answer.json();
    assert_eq!(health["status"], "healthy", "{health}");
    for (part, state) in [("worker", "up"), ("object", "up"), ("bucket", "up"), ("auth", "open")] {
        assert_eq!(health["components"][part]["status"], state, "{health}");
    }
    for hidden in [stack.store().secret(), ADMIN_TOKEN, "http", crate::store::BUCKET] {
        assert!(!answer.text().contains(hidden), "{hidden}: {health}");
    }
}

/// The admin's endpoints refuse wrong tokens. In open mode a caller without a token is the admin.
pub async fn admin_endpoints_accept_the_admin_token(stack: &Stack) {
    let calls = [(Method::GET, "/api/monitoring/s3/status"), (Method::POST, "/api/monitoring/test/s3-upload")];
    for (method, path) in calls {
        for token in ["Bearer wrong", "Basic stack-test-admin-token", "Bearer stack-test-admin-toke"] {
            let answer = send(stack, method.clone(), path, token).await.expect(401);
            assert_eq!(answer.json()["code"], "invalid_token", "{answer}");
            assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        }
        for token in [format!("Bearer {ADMIN_TOKEN}"), String::new()] {
            let answer = send(stack, method.clone(), path, &token).await.expect(200);
            assert_eq!(answer.json()["success"], true, "{answer}");
            assert!(!answer.text().contains(stack.store().secret()), "{answer}");
        }
    }
}

async fn send(stack: &Stack, method: Method, path: &str, token: &str) -> ApiResponse {
    let mut request = Request::builder().method(method).uri(stack.api().url(path));
    if !token.is_empty() {
        request = request.header("authorization", token);
    }
    stack.api().send(request.body(Default::default()).unwrap()).await
}

/// The list of projects has each project once, page by page.
pub async fn every_project_is_listed_once(stack: &Stack) {
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stack.api().get(&format!("/api/projects?limit=5{cursor}")).await.expect(200).json();
        let names = page["projects"].as_array().unwrap().iter().map(|project| project["project_name"].clone());
        listed.extend(names.map(|name| name.as_str().unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::Null => break,
            next => cursor = format!("&cursor={next}"),
        }
    }
    let different: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(different.len(), listed.len(), "{listed:?}");
    // This includes projects that began in the bucket: in open mode every caller is the admin, who gets them.
    assert_eq!(different, *stack.projects.borrow());
}

/// The metrics count the work of the scenarios: every shard responds, and no version counts twice.
pub async fn metrics_count_the_work(stack: &Stack) {
    let metrics = until("the metrics to count the work", async || {
        let metrics = stack.api().get("/api/monitoring/ai/metrics").await.expect(200).json();
        let totals = &metrics["totals"];
        let counted = [
            &totals["uploads"]["succeeded"],
            &totals["uploads"]["failed"],
            &totals["versions"]["completed"],
            &totals["versions"]["failed"],
            &totals["versions"]["errors"]["script_error"],
            &totals["versions"]["run"]["p50_ms"],
            &totals["versions"]["upload_to_model"]["p95_ms"],
            &totals["downloads"]["by_format"]["STEP"],
            &totals["errors"]["client"],
        ];
        let all = counted.iter().all(|count| count.as_u64().is_some_and(|count| count > 0));
        if all { Ok(metrics) } else { Err(metrics.to_string()) }
    })
    .await;
    assert_eq!((&metrics["complete"], &metrics["missing_shards"]), (&json!(true), &json!([])), "{metrics}");
    // Each version counts at most once; some may not be counted yet.
    let reports = stack.client().list("processed/", 10).await.unwrap().0.len() as u64;
    let versions = &metrics["totals"]["versions"];
    let outcomes = ["completed", "failed", "timed_out", "abandoned", "cancelled"];
    let ended: u64 = outcomes.iter().map(|outcome| versions[outcome].as_u64().unwrap()).sum();
    assert!((1..=reports).contains(&ended), "{reports} reports: {versions}");
}

/// Bucket and objects agree on every project, no ticket, attempt or test object remains, and the runners stop with
/// success.
pub async fn nothing_is_left_behind(stack: &Stack) {
    let names = stack.projects.borrow().clone();
    for name in &names {
        let path = format!("/api/monitoring/projects/{name}/processing-status?limit=200");
        let agreed = until(&format!("bucket and object to agree on {name}"), async || {
            let status = stack.api().get(&path).await.expect(200).json();
            let versions = status["versions"].as_array().unwrap();
            let differ = versions.iter().find(|version| version["differences"] != json!([]));
            differ.map_or(Ok(status.clone()), |version| Err(version.to_string()))
        })
        .await;
        assert_eq!((&agreed["complete"], &agreed["unknown_versions"]), (&json!(true), &json!([])), "{agreed}");
        let final_report =
            |version: &Value| version["bucket"]["report"] == true && version["bucket"]["ticket"] == false;
        assert!(agreed["versions"].as_array().unwrap().iter().all(final_report), "{agreed}");
    }
    for prefix in ["pending/", "probe/"] {
        let (entries, _) = stack.client().list(prefix, 10).await.unwrap();
        assert!(entries.is_empty(), "{entries:?}");
    }
    for runner in stack.runners.take() {
        assert_eq!(runner.stop().await, Some(0));
    }
    let leftovers: Vec<_> = std::fs::read_dir(stack.folder().join("scratch")).unwrap().flatten().collect();
    assert!(leftovers.is_empty(), "runners must clean up, also after killed ones: {leftovers:?}");
}
