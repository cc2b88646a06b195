//! A Worker killed with SIGKILL between the steps of an upload, and restarted on its stored state.

use contract::Key;

use super::is_soak;
use super::scripts::{Scripts, Sent};
use super::verify::{ProjectRecord, verify};
use crate::http::Api;
use crate::project::{Project, number};
use crate::proxy::{Place, Proxy};
use crate::stack::Stack;
use crate::tools::free_port;

type IsKey = fn(&Key) -> bool;

/// The steps of an upload: the PUT of the script or of the ticket, and the side of it on which the Worker dies.
const STEPS: [(IsKey, Place); 4] = [
    (|key| matches!(key, Key::Script(..)), Place::Before),
    (|key| matches!(key, Key::Ticket(..)), Place::Before),
    (|key| matches!(key, Key::Script(..)), Place::After),
    (|key| matches!(key, Key::Ticket(..)), Place::After),
];

/// An upload without a response is one version or none; an upload with a response is one version.
pub async fn killed_between_two_steps(stack: &Stack) {
    let proxy = Proxy::start(stack.store().address());
    let scripts = Scripts::default();
    let mut sent = Sent::default();
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let api = Api::new(&stack.transport, &base);
    let project = Project::new(api, stack.client(), "mortal");
    let mut worker = stack.start_worker_through(proxy.port, "mortal-worker", port);
    worker.ready(&stack.transport, 200).await;
    let mut runner = stack.start_runner("one", &[]);
    runner.ready().await;

    // The first contact with the bucket is not part of the test.
    let (mark, script) = scripts.next();
    project.upload(&script).await;
    sent.accepted.insert(mark);
    for round in 0..if is_soak() { 10 } else { 2 } {
        let (is_it, place) = STEPS[round % STEPS.len()];
        let id = project.id.clone();
        let its = move |request: &crate::proxy::StoreRequest| {
            let key = request.key.parse::<Key>().ok().filter(is_it);
            request.method == http::Method::PUT && key.is_some_and(|key| key.to_string().contains(id.as_str()))
        };
        let mut held = proxy.hold(place, 0, its);
        let (mark, script) = scripts.next();
        let kill = async {
            held.reached().await;
            worker.kill();
        };
        let (answer, ()) = tokio::join!(project.try_send_script(&script), kill);
        drop(held);
        match answer {
            Err(_) => sent.unanswered.insert(mark),
            Ok(answer) if [201, 202].contains(&answer.status) => sent.accepted.insert(mark),
            Ok(answer) => panic!("a killed Worker responded: {answer}"),
        };
        worker = stack.start_worker_through(proxy.port, "mortal-worker", port);
        worker.ready(&stack.transport, 200).await;
        // The next upload gets its own number.
        let (mark, script) = scripts.next();
        project.upload(&script).await;
        sent.accepted.insert(mark);
    }
    let killed = sent.unanswered.len();
    let records = [ProjectRecord { project, sent }];
    verify(stack, api, &records).await;
    let scripts = records[0].project.get("scripts?limit=200").await["total_versions"].as_u64().unwrap();
    let answered = records[0].sent.accepted.len();
    let kept = usize::try_from(scripts).unwrap() - answered;
    println!("{answered} uploads got a response; {kept} of the other {killed} are versions too");
    assert!(records[0].project.report(1).await.version == number(1));
    assert_eq!(runner.stop().await, Some(0));
}
