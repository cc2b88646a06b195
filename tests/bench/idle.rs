//! The requests that an idle runner sends to the store.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use contract::{Format, Key, Outcome, OutputFile, ProjectId, Report, RunId, Sha256, Timestamp, Version};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use platform::Http;
use tokio::net::TcpListener;

use crate::many;
use crate::memory_store::MemoryStore;
use crate::runner::Runner;
use crate::stack::Stack;
use crate::table::{Row, Table};
use crate::wait::until_within;

/// How many projects the scripts belong to.
const PROJECTS: u64 = 50;

/// How many polls to count. The runner is also the sweeper, and the sweep repeats without end.
const POLLS: usize = 250;

/// Tolerance in requests a poll: heartbeats and the pages of the slow pass follow the clock, not the polls.
const TOLERANCE: f64 = 0.1;

/// Marks the listing that polls the queue.
const POLL_QUERY: &str = "prefix=pending";

/// Marks the PUT that makes a runner the sweeper.
const ELECTION_KEY: &str = "/sweep/holder.json";

/// Counts the requests of one runner in 250 polls, with few and with very many processed scripts.
pub async fn measure(stack: &Stack, table: &mut Table) {
    let lots = many(100_000, 5_000);
    let few = requests_per_poll(stack, 100).await;
    let very_many = requests_per_poll(stack, lots).await;
    table.row(Row {
        what: format!("requests of an idle poll, with {lots} processed scripts"),
        target: "the same number".to_owned(),
        baseline: format!("with 100: {few:.2}"),
        measured: format!("{very_many:.2}"),
        ratio: format!("{:.2} times", very_many / few),
        met: Some(very_many <= few + TOLERANCE),
    });
}

/// All requests of a sweeping runner, divided by its polls.
async fn requests_per_poll(stack: &Stack, scripts: u64) -> f64 {
    let store = MemoryStore::new();
    fill(&store, scripts);
    let requests: Rc<RefCell<Vec<String>>> = Rc::default();
    let port = serve(store, requests.clone()).await;
    let settings = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BUCKET_NAME", "AWS_ENDPOINT_URL_S3"];
    let mut settings: Vec<_> = settings.map(|name| (name.to_owned(), MemoryStore::setting(name).unwrap())).into();
    settings[3].1 = format!("http://127.0.0.1:{port}");
    let name = format!("idle-{scripts}");
    let mut runner = Runner::start(stack.folder(), &name, &settings, &[("RUNNER_POLL", "0.2"), ("RUNNER_SLOTS", "1")]);
    runner.ready().await;

    let polls = |from: usize| requests.borrow()[from..].iter().filter(|request| request.contains(POLL_QUERY)).count();
    until_within(Duration::from_secs(300), "the election of the sweeper", async || {
        let is_elected =
            requests.borrow().iter().any(|request| request.starts_with("PUT") && request.contains(ELECTION_KEY));
        if is_elected { Ok(()) } else { Err(format!("{} requests", requests.borrow().len())) }
    })
    .await;
    let before = requests.borrow().len();
    until_within(Duration::from_secs(300), "the polls to be counted", async || {
        let seen = polls(before);
        if seen >= POLLS { Ok(()) } else { Err(format!("{seen} polls")) }
    })
    .await;
    let count = requests.borrow().len() - before;
    let per_poll = count as f64 / polls(before) as f64;
    assert_eq!(runner.stop().await, Some(0));
    per_poll
}

/// Stores processed scripts with a report, a file and a log each.
fn fill(store: &MemoryStore, scripts: u64) {
    for script in 0..scripts {
        let project: ProjectId = format!("p{}", script % PROJECTS).parse().unwrap();
        let version: Version = (script / PROJECTS + 1).try_into().unwrap();
        let (run, time) = (RunId::random(), Timestamp::from_millis(1_700_000_000_000));
        let file = Key::Output(project.clone(), version, run.clone(), Format::Step).to_string();
        let log = Key::log(&project, version, &run, time).to_string();
        let mut report = Report::new(project.clone(), version, Outcome::Completed, time);
        (report.run, report.attempt, report.log) = (Some(run), Some(1), Some(log.clone()));
        let sha256 = Some(Sha256::of(b"x"));
        report.files = vec![OutputFile { format: Format::Step, key: file.clone(), size: 1, sha256, made_by: None }];
        store.drop_in(&Key::Script(project.clone(), version).to_string(), "import FreeCAD\n");
        store.drop_in(&Key::Done(project, version).to_string(), serde_json::to_vec(&report).unwrap());
        store.drop_in(&file, "x");
        store.drop_in(&log, "x");
    }
}

/// Serves the store on a loopback port while this program runs, and records each request.
async fn serve(store: MemoryStore, requests: Rc<RefCell<Vec<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let store = Rc::new(store);
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (store, requests) = (store.clone(), requests.clone());
            tokio::task::spawn_local(async move {
                let service = service_fn(|request| answer(store.clone(), requests.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new();
                // The runner may disconnect at any time.
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    port
}

async fn answer(
    store: Rc<MemoryStore>,
    requests: Rc<RefCell<Vec<String>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, String> {
    let (head, body) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    requests.borrow_mut().push(format!("{} {}", head.method, head.uri));
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let (head, body) =
        store.send(Request::from_parts(head, body)).await.map_err(|error| error.to_string())?.into_parts();
    let body = if is_head { Bytes::new() } else { body.bytes(64 << 20).await.map_err(|error| error.to_string())? };
    Ok(Response::from_parts(head, Full::new(body)))
}
