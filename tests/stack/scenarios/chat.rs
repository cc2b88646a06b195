//! From a sentence to a model, in workerd: against aimock's implementation of OpenAI's protocol, and against faults.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use partwright::http::{Body, Http};
use serde_json::{Value, json};

use crate::http::Api;
use crate::project::Project;
use crate::provider::{Aimock, Fake, KEY, Step, answer, chunk, end, raw_chunk, stream};
use crate::stack::Stack;
use crate::tools::free_port;
use crate::wait::until;
use crate::worker::Worker;

/// The Worker's own, beside aimock's.
const OTHER_KEY: &str = "sk-stack-test-other-key";

const PLATE: &str = "\
import FreeCAD as App
import Part

length, width, height = 40.0, 20.0, 10.0  # mm
doc = App.newDocument(\"Model\")
shape = Part.makeBox(length, width, height)
obj = doc.addObject(\"Part::Feature\", \"Plate\")
obj.Shape = shape
doc.recompute()
";

fn taller() -> String {
    let fillet = "height)\nshape = shape.makeFillet(50.0, shape.Edges)\n";
    PLATE.replace("10.0", "15.0").replace("height)\n", fillet)
}

fn mended() -> String {
    taller().replace("50.0", "1.0")
}

fn with_a_hole() -> String {
    mended().replace(
        "1.0, shape.Edges)\n",
        "1.0, shape.Edges)\nshape = shape.cut(Part.makeCylinder(3, 99, App.Vector(20, 10, -1)))\n",
    )
}

fn says(script: &str) -> Value {
    json!({"content": format!("Here it is.\n\n```python\n{script}```\n\nNext:\n- Round the edges\n")})
}

/// What aimock answers, by what the last message holds; the first that fits counts.
fn fixtures() -> Value {
    let text = |words: &str, response: Value| json!({"match": {"userMessage": words}, "response": response});
    let error = |words: &str, status: u16, kind: &str| {
        json!({
            "match": {"userMessage": words},
            "response": {"error": {"message": format!("{kind} {KEY}"), "type": kind}, "status": status, "retryAfter": 1},
        })
    };
    let mut cut = text("break off", says(PLATE));
    // With a pause between chunks, so that some arrive.
    (cut["truncateAfterChunks"], cut["latency"]) = (json!(3), json!(50));
    let mut slow = text("take your time", says(PLATE));
    slow["latency"] = json!(300);
    json!([
        text("version 2 failed", says(&mended())),
        text("a hole through it", says(&with_a_hole())),
        text("5 mm taller", says(&taller())),
        text("A plate", says(PLATE)),
        text("only talk", json!({"content": "I only make parts."})),
        text("use a tool", json!({"toolCalls": [{"name": "run", "arguments": {"path": "/"}}]})),
        cut,
        slow,
        error("be limited", 429, "rate_limit_error"),
        error("be broken", 500, "server_error"),
        error("be refused", 401, "authentication_error"),
        error("be unknown", 404, "invalid_request_error"),
        error("for the other", 404, "invalid_request_error"),
    ])
}

/// A Worker that talks to aimock first and then to the fake, on the stack's bucket.
struct Talking {
    aimock: Aimock,
    fake: Fake,
    worker: Worker,
}

impl Talking {
    async fn start(stack: &Stack) -> Self {
        let (aimock, fake) = (Aimock::start(stack.folder(), &stack.transport, &fixtures()).await, Fake::start().await);
        let mut settings = stack.settings();
        settings.extend(aimock.settings());
        let more = [
            ("AI_FALLBACK_BASE_URL", format!("http://127.0.0.1:{}/v1", fake.port)),
            ("AI_FALLBACK_API_KEY", OTHER_KEY.to_owned()),
            ("AI_FALLBACK_MODEL", "two".to_owned()),
        ];
        settings.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut worker = Worker::start(stack.folder(), "talking-worker", free_port(), &settings);
        worker.ready(&stack.transport, 200).await;
        Self { aimock, fake, worker }
    }

    fn conversation<'a>(&'a self, stack: &'a Stack, name: &str) -> Conversation<'a> {
        let api = self.worker.api(&stack.transport);
        Conversation { api, project: Project::new(api, stack.client(), name) }
    }
}

/// What somebody says about one project.
struct Conversation<'a> {
    api: Api<'a>,
    project: Project<'a>,
}

impl Conversation<'_> {
    fn request(&self, message: &str) -> http::request::Builder {
        assert!(!message.is_empty());
        Request::post(self.api.url("/api/ai/chat")).header("content-type", "application/json")
    }

    fn body(&self, message: &str) -> Bytes {
        json!({"message": message, "project_name": self.project.id}).to_string().into()
    }

    /// Says it, and gives the turn as the answer tells it.
    async fn say(&self, message: &str) -> Value {
        self.api.send(self.request(message).body(self.body(message)).unwrap()).await.expect(200).json()
    }

    /// The same as a stream.
    async fn hear(&self, message: &str) -> Events {
        let request = self.request(message).header("accept", "text/event-stream");
        let answer = self.api.transport.send(request.body(self.body(message)).unwrap()).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (200, &b"text/event-stream"[..])
        );
        Events { body: answer.into_body().into_stream(), rest: String::new() }
    }

    /// The turn once it has ended.
    async fn end(&self, turn: &Value) -> Value {
        let path = format!("chat/{}", turn["turn"].as_str().unwrap());
        until("the turn's end", async || {
            let turn = self.project.get(&path).await;
            if turn["ended_at"].is_null() { Err(turn.to_string()) } else { Ok(turn) }
        })
        .await
    }

    /// The versions, oldest first: number, origin, parent, phase.
    async fn versions(&self) -> Value {
        let answer = self.api.get(&self.project.path("scripts")).await;
        if answer.status == 404 {
            return json!([]);
        }
        let answer = answer.expect(200).json();
        let versions = answer["scripts"].as_array().unwrap().iter().rev();
        versions
            .map(|version| json!([version["version"], version["origin"], version["parent"], version["phase"]]))
            .collect()
    }
}

/// Events as they come.
struct Events {
    body: futures::stream::LocalBoxStream<'static, Result<Bytes, partwright::http::HttpError>>,
    rest: String,
}

impl Events {
    /// The next one; comments are passed over.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((frame, rest)) = self.rest.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.rest = rest;
                if frame.starts_with(':') {
                    continue;
                }
                let (name, data) = frame.split_once('\n').unwrap();
                let data = data.strip_prefix("data: ").unwrap();
                return Some((name.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data).unwrap()));
            }
            let chunk =
                tokio::time::timeout(Duration::from_secs(60), self.body.next()).await.expect("it says something");
            self.rest.push_str(std::str::from_utf8(&chunk?.unwrap()).unwrap());
        }
    }

    /// All of them.
    async fn all(mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

/// Three turns against aimock and FreeCAD: the second fails and is repaired. Then a client that leaves, and each fault.
pub async fn a_sentence_becomes_a_model(stack: &Stack) {
    let talking = Talking::start(stack).await;
    three_turns(stack, &talking).await;
    a_client_that_leaves(stack, &talking).await;
    what_aimock_makes_of_it(stack, &talking).await;
    faults(stack, &talking).await;
    all_of_it_is_counted(stack, &talking).await;
    assert_eq!(talking.aimock.said(), "", "aimock has nothing to complain of");
    let log = std::fs::read_to_string(stack.folder().join("talking-worker.log")).unwrap();
    assert!(!log.contains(KEY) && !log.contains(OTHER_KEY), "a key is in the log");
}

async fn three_turns(stack: &Stack, talking: &Talking) {
    let talk = talking.conversation(stack, "talked-plate");
    let events = talk.hear("A plate").await.all().await;
    let wanted = ["turn", "state", "text", "script", "state", "version", "state", "status", "state", "done"];
    assert_eq!(names(&events), wanted, "{events:?}");
    assert!(events.iter().filter(|(name, _)| name == "text").count() > 3, "as it comes");
    let (_, first) = events.last().unwrap();
    assert_eq!((&first["state"], &first["code_generated"]), (&json!("completed"), &json!(PLATE)), "{first}");
    assert!(first["usage"]["output_tokens"].as_u64().unwrap() > 10, "{first}");

    let events = talk.hear("Make it 5 mm taller").await.all().await;
    let repairs: Vec<&Value> = events.iter().filter(|(name, _)| name == "repair").map(|(_, data)| data).collect();
    assert_eq!(repairs.len(), 1, "{events:?}");
    assert_eq!((&repairs[0]["version"], &repairs[0]["error"]["code"]), (&json!(2), &json!("script_error")));
    assert!(repairs[0]["error"]["source"].as_str().unwrap().contains("makeFillet(50.0"), "{repairs:?}");
    let (_, second) = events.last().unwrap();
    assert_eq!((&second["state"], &second["version"], &second["repairs"]), (&json!("completed"), &json!(3), &json!(1)));
    let status = talk.project.status().await;
    assert_eq!(status["geometry"]["bounding_box"]["max"][2], 15.0, "{status}");

    let third = talk.say("And a hole through it").await;
    assert_eq!((&third["version"], &third["parent"]), (&json!(4), &json!(3)), "{third}");
    assert_eq!(talk.end(&third).await["state"], "completed");
    let versions = talk.versions().await;
    assert_eq!(
        versions,
        json!([
            [1, "ai", null, "completed"],
            [2, "ai", 1, "failed"],
            [3, "repair", 2, "completed"],
            [4, "ai", 3, "completed"]
        ])
    );
    let messages = talk.project.get("messages").await;
    let said: Vec<Value> = messages["messages"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|said| json!([said["role"], said["version"]]))
        .collect();
    let (user, model) = ("user", "assistant");
    assert_eq!(
        json!(said),
        json!([[user, null], [model, 1], [user, null], [model, 2], [model, 3], [user, null], [model, 4]])
    );
    // What the model was told each time, as aimock understood it.
    let asked = talking.aimock.asked(&stack.transport).await;
    let words = |index: usize| asked[index]["body"]["messages"].to_string();
    assert!(words(1).contains("40.000 x 20.000 x 10.000 mm") && words(1).contains("8000.000 mm3"), "{}", words(1));
    assert!(words(2).contains("makeFillet(50.0, shape.Edges)") && words(2).contains("in line 7"), "{}", words(2));
    assert!(asked.iter().all(|asked| asked["body"]["tools"].is_null()), "no tools");
}

async fn a_client_that_leaves(stack: &Stack, talking: &Talking) {
    let talk = talking.conversation(stack, "talked-left");
    let mut events = talk.hear("A box, take your time").await;
    let (name, turn) = events.next().await.unwrap();
    assert_eq!(name, "turn");
    while events.next().await.unwrap().0 != "text" {}
    drop(events);
    assert_eq!(talk.versions().await, json!([]), "it is still being written");
    // Somebody takes the stream up again, and hears all of it to its end.
    let path = talk.project.path(&format!("chat/{}", turn["turn"].as_str().unwrap()));
    let request = Request::get(talk.api.url(&path)).header("accept", "text/event-stream").body(Bytes::new()).unwrap();
    let body: Body = stack.transport.send(request).await.unwrap().into_body();
    let heard = Events { body: body.into_stream(), rest: String::new() }.all().await;
    let text: String =
        heard.iter().filter(|(name, _)| name == "text").map(|(_, data)| data["text"].as_str().unwrap()).collect();
    assert!(text.starts_with("Here it is.") && text.contains("doc.recompute()"), "without a gap: {heard:?}");
    let (_, done) = heard.last().unwrap();
    assert_eq!(
        (&done["state"], &done["version"], &done["usage"]["calls"]),
        (&json!("completed"), &json!(1), &json!(1))
    );
}

/// Answers and errors in aimock's own words.
async fn what_aimock_makes_of_it(stack: &Stack, talking: &Talking) {
    let talk = talking.conversation(stack, "talked-words");
    let turn = talk.say("only talk").await;
    assert_eq!((&turn["state"], &turn["message"]["content"]), (&json!("completed"), &json!("I only make parts.")));

    // Its stream breaks off; asked for it whole, it gives it.
    let before = talking.aimock.asked(&stack.transport).await.len();
    let turn = talk.say("Please break off").await;
    assert_eq!(
        (&turn["version"], &turn["code_generated"], &turn["usage"]["calls"]),
        (&json!(1), &json!(PLATE), &json!(2))
    );
    let asked = talking.aimock.asked(&stack.transport).await;
    let streams: Vec<&Value> = asked[before..].iter().map(|asked| &asked["body"]["stream"]).collect();
    assert_eq!(streams, [&json!(true), &json!(false)]);
    talk.end(&turn).await;

    for (words, code, calls) in [
        ("be refused", "ai_unauthorized", 2),
        ("be unknown", "ai_unauthorized", 2),
        ("be limited", "ai_unauthorized", 4),
        ("be broken", "ai_unauthorized", 4),
        ("use a tool", "ai_unauthorized", 4),
        ("what no fixture knows", "ai_unauthorized", 4),
    ] {
        // The other one refuses, so that the turn ends.
        talking.fake.plan(vec![answer(
            "401 Unauthorized",
            "",
            &format!("{{\"error\":{{\"message\":\"{OTHER_KEY}\"}}}}"),
        )]);
        let turn = talk.say(words).await;
        assert_eq!(
            (&turn["state"], &turn["error"]["code"], &turn["usage"]["calls"]),
            (&json!("failed"), &json!(code), &json!(calls)),
            "{words}: {turn}"
        );
        assert!(!turn.to_string().contains("sk-stack"), "{turn}");
    }
    // It is what the other one says that counts then.
    talking.fake.plan(vec![stream(), Step::Send(chunk("From the other.")), end()]);
    let turn = talk.say("be limited").await;
    assert_eq!(turn["message"]["content"], "From the other.", "{turn}");
    let asked = talking.fake.asked();
    assert!(asked.iter().all(|asked| asked.contains(OTHER_KEY) && !asked.contains(KEY)), "each has its own key");
}

/// Each fault ends in a clear state, and nothing is uploaded. aimock refuses all of it, so the fake is asked.
async fn faults(stack: &Stack, talking: &Talking) {
    let talk = talking.conversation(stack, "talked-faults");
    let text = |text: &str| Step::Send(chunk(text));
    let json_of = |body: &str| vec![answer("200 OK", "", body)];
    let limited = || vec![answer("429 Too Many Requests", "retry-after: 3600\r\n", "{}")];
    let cut = || vec![stream(), text("```python\nimport Part\n")];
    let thrice = |plan: Vec<Step>| vec![plan.clone(), plan.clone(), plan];
    let endless = chunk(&"x".repeat(32_000));
    for (words, plans, code) in [
        ("too many", vec![limited()], "ai_rate_limited"),
        ("a server's fault", thrice(vec![answer("500 Internal Server Error", "", "oh")]), "ai_unavailable"),
        ("nobody there", thrice(vec![]), "ai_unavailable"),
        ("cut in the middle", thrice(cut()), "ai_cut"),
        ("no JSON", thrice(json_of("<html>")), "ai_invalid"),
        ("an event of no JSON", thrice(vec![stream(), Step::Send(raw_chunk("data: {\n\n")), end()]), "ai_invalid"),
        (
            "an empty choice",
            thrice(json_of("{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}")),
            "ai_empty",
        ),
        ("an enormous answer", vec![vec![stream(), Step::SendForEver(endless)]], "ai_too_long"),
        (
            "its own limit",
            vec![json_of(
                "{\"choices\":[{\"message\":{\"content\":\"```python\\nimport Part\\n\"},\"finish_reason\":\"length\"}]}",
            )],
            "answer_truncated",
        ),
    ] {
        plans.into_iter().for_each(|plan| talking.fake.plan(plan));
        let turn = talk.say(&format!("for the other: {words}")).await;
        assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!(code)), "{words}: {turn}");
        assert_eq!(talk.versions().await, json!([]), "{words}");
        let (left, _) = stack.client().list("input/talked-faults/", 1).await.unwrap();
        assert!(left.is_empty(), "{words}: nothing is uploaded");
    }
    // One that only takes its time is waited for.
    let script = format!("```python\n{PLATE}```\n");
    talking.fake.plan(vec![
        Step::Wait(Duration::from_secs(5)),
        stream(),
        Step::Wait(Duration::from_secs(3)),
        text(&script),
        end(),
    ]);
    let turn = talk.say("for the other: a slow first byte").await;
    assert_eq!((&turn["version"], &turn["usage"]["calls"]), (&json!(1), &json!(2)), "{turn}");
    assert_eq!(talk.end(&turn).await["state"], "completed");
}

/// The figures of both models come to what was done with them.
async fn all_of_it_is_counted(stack: &Stack, talking: &Talking) {
    let api = talking.worker.api(&stack.transport);
    until("the figures of the models", async || {
        let figures = api.get("/api/monitoring/ai/metrics").await.expect(200).json();
        let models = figures["totals"]["models"].as_array().unwrap();
        let of = |name: &str| models.iter().find(|model| model["model"] == name).map(|model| &model["figures"]);
        let (Some(first), Some(other)) = (of("one"), of("two")) else { return Err(figures.to_string()) };
        let least = [
            (&first["calls"], 20),
            (&first["successes"], 7),
            (&first["input_tokens"], 1),
            (&first["output_tokens"], 100),
            (&first["latency"]["count"], 7),
            (&first["first_runs"], 5),
            (&first["first_runs_won"], 4),
            (&first["repairs_tried"], 1),
            (&first["repairs_won"], 1),
            (&first["failures"]["rate_limited"], 1),
            (&first["failures"]["unavailable"], 1),
            (&other["fallbacks"], 10),
            (&other["failures"]["unauthorized"], 6),
            (&other["failures"]["too_long"], 1),
            (&other["successes"], 2),
        ];
        match least.iter().find(|(count, least)| count.as_u64().is_none_or(|count| count < *least)) {
            Some((_, least)) => Err(format!("one is less than {least}: {figures}")),
            None => Ok(()),
        }
    })
    .await;
}
