//! schemathesis against the running Worker: thousands of requests that the OpenAPI document allows, and thousands that
//! it forbids. Each response is checked against the document: no server errors, no undocumented responses, allowed
//! requests succeed, forbidden ones are refused, and no endpoint opens without its token.
//!
//! `schemathesis.toml` configures it with every check on; `hooks.py` excludes one false finding. `make test` sends at
//! least 500 requests, `make soak` at least 5,000; `PARTWRIGHT_SEED` repeats them.

use std::path::Path;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use contract::{Format, Key, Outcome, OutputFile, ProjectId, Report, RunId, Version};
use http::{Method, Request};
use nix::sys::signal::Signal;
use platform::Clock;
use s3::PutOptions;
use serde_json::{Value, json};

use crate::http::Api;
use crate::process::command;
use crate::provider::Aimock;
use crate::random::Random;
use crate::stack::Stack;
use crate::store::Kind;
use crate::tools::{free_port, own_file, tool};
use crate::worker::{ADMIN_TOKEN, RUNNER_TOKEN, Worker};

/// The user who sends the requests.
const USER: &str = "anna@example.com";

/// The secret of the issuer that the Worker trusts.
const JWT_SECRET: &str = "stack-test-jwt-secret-of-32-bytes-or-more";

/// The project in the document's examples.
const EXAMPLE: &str = "bracket-2";

#[test]
fn api_matches_its_document_with_tokens() {
    run(async |stack, random| {
        let mut settings = stack.settings();
        settings.retain(|(name, _)| name != "AUTH_MODE");
        let own = [
            ("AUTH_JWT_SECRET", JWT_SECRET),
            ("AUTH_ISSUER", "https://issuer.example.com"),
            ("AUTH_AUDIENCE", "partwright"),
        ];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let model = model(stack).await;
        settings.extend(model.settings());
        let mut worker = Worker::start(stack.folder(), "closed", free_port(), &settings);
        worker.ready(&stack.transport, 200).await;
        let api = worker.api(&stack.transport);
        give_example_to_user(api).await;
        let tokens = [("bearer", &*user_token(stack)), ("admin", ADMIN_TOKEN), ("runner", RUNNER_TOKEN)];
        try_out(stack, api, random, &tokens, &[]);
    });
}

#[test]
fn api_matches_its_document_in_open_mode() {
    // In open mode the endpoints of users and admins accept every local caller. Made-up tokens are still refused, so
    // requests carry none.
    let checks = ["--exclude-checks", "ignored_auth", "--generation-with-security-parameters", "false"];
    run(async |stack, random| {
        let model = model(stack).await;
        let settings = [stack.settings(), model.settings().into()].concat();
        let mut worker = Worker::start(stack.folder(), "open", free_port(), &settings);
        worker.ready(&stack.transport, 200).await;
        try_out(stack, worker.api(&stack.transport), random, &[("runner", RUNNER_TOKEN)], &checks);
    });
}

/// A language model that always asks the same question.
async fn model(stack: &Stack) -> Aimock {
    let fixtures = json!([{"match": {}, "response": {"content": "Which size do you need?"}}]);
    Aimock::start(stack.folder(), &stack.transport, &fixtures).await
}

fn run(proof: impl AsyncFn(&Stack, &mut Random)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stack = Stack::start(Kind::WranglerR2).await;
        leave_example(&stack).await;
        proof(&stack, &mut Random::seeded("schemathesis")).await;
    });
}

/// Stores the project of the document's examples as a runner leaves it: two versions with files and a log.
async fn leave_example(stack: &Stack) {
    let (client, project, now) = (stack.client(), EXAMPLE.parse::<ProjectId>().unwrap(), stack.clock.now());
    let put =
        async |key: String, bytes: Bytes| client.put(&key, bytes, &PutOptions::if_absent()).await.map(drop).unwrap();
    let run: RunId = "0123456789abcdef".parse().unwrap();
    for number in [1, 2] {
        let version = Version::try_from(number).unwrap();
        let mut report = Report::new(project.clone(), version, Outcome::Completed, now);
        report.run = Some(run.clone());
        for format in Format::ALL {
            let key = Key::Output(project.clone(), version, run.clone(), format).to_string();
            put(key.clone(), Bytes::from_static(b"a file")).await;
            report.files.push(OutputFile { format, key, size: 6, sha256: None, made_by: None });
        }
        let log = Key::log(&project, version, &run, "2026-01-31T12:00:00Z".parse().unwrap()).to_string();
        put(log.clone(), Bytes::from_static(b"[runner] started\n")).await;
        report.log = Some(log);
        put(Key::Script(project.clone(), version).to_string(), Bytes::from_static(b"x = 1\n")).await;
        put(Key::Done(project.clone(), version).to_string(), serde_json::to_vec(&report).unwrap().into()).await;
    }
}

/// Projects found in the bucket belong to the admin until they are transferred.
async fn give_example_to_user(api: Api<'_>) {
    let request = Request::builder().method(Method::PUT).uri(api.url(&format!("/api/projects/{EXAMPLE}/owner")));
    let request = request.header("authorization", format!("Bearer {ADMIN_TOKEN}"));
    let body = Bytes::from(json!({"owner": USER}).to_string());
    api.send(request.header("content-type", "application/json").body(body).unwrap()).await.expect(200);
}

/// Runs schemathesis and expects no findings. It sends `tokens` where the document requires them.
fn try_out(stack: &Stack, api: Api<'_>, random: &mut Random, tokens: &[(&str, &str)], options: &[&str]) {
    // The document alone gives about nine hundred requests. More examples give more requests.
    let (examples, journeys, least) = if is_soak() { (200, 100, 5_000) } else { (4, 15, 500) };
    let folder = stack.folder().join("schemathesis");
    std::fs::create_dir(&folder).unwrap();
    let hooks = own_file("fuzz/hooks.py");
    let mut settings = format!("hooks = {hooks:?}\n\n{}", read(&own_file("fuzz/schemathesis.toml")));
    for (scheme, token) in tokens {
        settings += &format!("\n[auth.openapi.{scheme}]\nbearer = \"{token}\"\n");
    }
    for (phase, most) in [("fuzzing", examples), ("stateful", journeys)] {
        settings += &format!("\n[phases.{phase}.generation]\nmax-examples = {most}\n");
    }
    std::fs::write(folder.join("schemathesis.toml"), settings).unwrap();
    let report = folder.join("report.log");
    let file = std::fs::File::create(&report).unwrap();
    let mut schemathesis = command(&tool("PARTWRIGHT_SCHEMATHESIS"), Signal::SIGKILL);
    schemathesis.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&folder).args([
        "-m",
        "schemathesis.cli",
        "--no-color",
    ]);
    schemathesis.args(["--config-file", "schemathesis.toml", "run", &api.url("/api/openapi.json")]);
    schemathesis.args(["--seed", &(random.number() >> 40).to_string(), "--checks", "all"]).args(options);
    schemathesis.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let status = schemathesis.status().unwrap();
    let output = read(&report);
    assert!(status.success(), "schemathesis has findings:\n{output}");
    let tried = tried(&output);
    println!("schemathesis: {tried} requests, no findings");
    assert!(tried >= least, "only {tried} of {least} requests were sent:\n{output}");
}

/// The number of requests in the summary.
fn tried(output: &str) -> u64 {
    let number = |line: &str| line.trim().split_once(" generated")?.0.replace(',', "").parse().ok();
    output.lines().find_map(number).unwrap_or_else(|| panic!("the output has no summary:\n{output}"))
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

/// The user's JSON Web Token (HS256), valid for six hours.
fn user_token(stack: &Stack) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = stack.clock.now().as_millis() / 1_000;
    let claims = json!({
        "iss": "https://issuer.example.com", "aud": "partwright", "sub": USER, "exp": now + 6 * 3_600, "nbf": now - 60,
    });
    let signed = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, JWT_SECRET.as_bytes());
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn is_soak() -> bool {
    std::env::var_os("PARTWRIGHT_SOAK").is_some()
}
