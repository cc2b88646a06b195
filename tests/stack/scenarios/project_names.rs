//! Names that attempt path traversal: the real Worker refuses them, and reads and writes nothing outside.

use bytes::Bytes;
use contract::Key;
use http::{Method, Request};
use s3::PutOptions;

use crate::http::ApiResponse;
use crate::stack::Stack;
use crate::tools::script;

/// The content of files that no endpoint may read.
const HIDDEN: &str = "nobody may read this here";

/// The keys of these files.
const PLACES: [&str; 4] = ["hidden.log", "logs/hidden.log", "output/hidden.STEP", "input/hidden.py"];

/// Project names, percent-encoded as they are sent.
fn names() -> Vec<String> {
    let plain = [
        "..",
        ".",
        "%2e%2e",
        "%2E%2e",
        "%2e",
        "..%2f..",
        "..%2F",
        "%2F",
        "%2Fetc%2Fpasswd",
        "..%5C..",
        "%5C",
        "a%2Fb",
        "a%5Cb",
        "a%00",
        "%00",
        "a%0a",
        "a%0d%0aX-Injected:%201",
        "%252e%252e",
        "a%252Fb",
        "..%252f..",
        "a%20b",
        "a+b",
        "a.b",
        "-a",
        "_a",
        "a;b",
        "a%3Fb",
        "a%23b",
        "~a",
        "%c0%ae%c0%ae",
        "%ff",
        "%80",
        "%ED%A0%80",
        // Look-alikes: Cyrillic, full width, a ligature, letters with marks, digits of another script, invisible ones.
        "n%D0%B0mes",
        "%EF%BD%8Eames",
        "%EF%AC%81",
        "nam%C3%A9s",
        "name%CC%81s",
        "names%D9%A1",
        "names%E2%80%8B",
        "%E2%80%AEsemag",
        "names%C2%A0",
        "%EF%BC%8F",
        "%E2%88%95",
        "%EF%BC%8E%EF%BC%8E",
    ];
    let mut names: Vec<String> = plain.map(str::to_owned).to_vec();
    names.extend(["a".repeat(65), "a".repeat(5_000), "%61".repeat(65), "../".repeat(50)]);
    names
}

/// Every endpoint responds 4xx to each of these names.
pub async fn path_traversal_names_are_refused(stack: &Stack) {
    let project = stack.project("names");
    project.upload(&script("box")).await;
    for place in PLACES {
        stack.client().put(place, HIDDEN.into(), &PutOptions::default()).await.unwrap();
    }
    for name in names() {
        for call in ["scripts", "script/1", "outputs", "download/step", "logs", "logs/hidden.log", "status", "watch"] {
            assert_refused(send(stack, Method::GET, &format!("/api/projects/{name}/{call}")).await);
        }
        for call in ["upload-script", "cancel/1", "retry/1"] {
            assert_refused(send(stack, Method::POST, &format!("/api/projects/{name}/{call}")).await);
        }
        assert_refused(send(stack, Method::PUT, &format!("/api/projects/{name}/owner")).await);
    }
    let outside = ["hidden.log", "..%2Fhidden.log", "..%2F..%2Fhidden.log", "..%5Chidden.log", "..%252Fhidden.log"];
    // Longer than a file name, as long as a key, longer than a key.
    let long = [256, 1_012, 1_017].map(|length| "a".repeat(length));
    let within = names().into_iter().filter(|name| !name.contains('/'));
    for name in within.chain(outside.map(str::to_owned)).chain(long) {
        assert_refused(send(stack, Method::GET, &format!("/api/projects/names/logs/{name}")).await);
        assert_refused(send(stack, Method::GET, &format!("/api/projects/names/script/{name}")).await);
        assert_refused(send(stack, Method::GET, &format!("/api/projects/names/download/{name}")).await);
        assert_refused(send(stack, Method::GET, &format!("/api/projects/names/outputs?version={name}%20")).await);
    }
    for number in ["%EF%BC%91", "%D9%A1", "+1", "1.0", "1e0", "0x1", "%201"] {
        assert_refused(send(stack, Method::GET, &format!("/api/projects/names/script/{number}")).await);
    }
    for format in ["hidden.STEP", "..%2Fstep", "step%00", "STEP%2F..", "%EF%BC%B3TEP"] {
        assert_refused(send(stack, Method::GET, &format!("/api/projects/names/download/{format}")).await);
    }
    let (entries, _) = stack.client().list("input/", 10).await.unwrap();
    let odd = entries.iter().filter(|entry| !matches!(entry.key.parse(), Ok(Key::Script(..))));
    assert_eq!(odd.map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["input/hidden.py"], "nothing must be written");
    for place in PLACES {
        assert_eq!(stack.client().get(place, 100).await.unwrap().bytes, HIDDEN);
        stack.client().delete(place).await.unwrap();
    }
}

async fn send(stack: &Stack, method: Method, path: &str) -> ApiResponse {
    let body = if method == Method::GET { Bytes::new() } else { Bytes::from_static(b"print(1)") };
    let kind = if method == Method::PUT { "application/json" } else { "text/x-python" };
    let request = Request::builder().method(method).uri(stack.api().url(path)).header("content-type", kind).body(body);
    stack.api().send(request.unwrap_or_else(|error| panic!("{path}: {error}"))).await
}

fn assert_refused(answer: ApiResponse) {
    assert!((400..500).contains(&answer.status), "{answer}");
    assert!(!answer.text().contains(HIDDEN), "{answer}");
    assert!(!answer.headers.contains_key("x-injected"), "{answer}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer}");
}
