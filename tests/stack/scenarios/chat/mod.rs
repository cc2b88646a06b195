//! From a sentence to a model, in workerd: against aimock's implementation of OpenAI's protocol, and against faults.
//!
//! - `conversation`: a conversation about a project, and its events
//! - `protocol`: aimock's answers and errors
//! - `turns`: conversations that become models, even if the client leaves
//! - `faults`: faults of a provider
//! - `injection`: prompt injection

mod conversation;
mod faults;
mod injection;
mod protocol;
mod turns;

use serde_json::{Value, json};

use self::conversation::Conversation;
use crate::provider::{Aimock, Fake, KEY};
use crate::signer::Signer;
use crate::stack::Stack;
use crate::tools::free_port;
use crate::wait::until;
use crate::worker::{ADMIN_TOKEN, Worker};

/// The key of the fake.
const OTHER_KEY: &str = "sk-stack-test-other-key";

const ISSUER: &str = "https://issuer.example.com/";
const AUDIENCE: &str = "https://cad.example.com/api";
const SECRET: &str = "stack-test-jwt-secret-of-32-bytes-or-more";

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

fn answer_with(script: &str) -> Value {
    json!({"content": format!("Here it is.\n\n```python\n{script}```\n\nNext:\n- Round the edges\n")})
}

/// aimock's answers by the last message; the first match counts.
fn fixtures() -> Value {
    let text = |words: &str, response: Value| json!({"match": {"userMessage": words}, "response": response});
    let error = |words: &str, status: u16, kind: &str| {
        json!({
            "match": {"userMessage": words},
            "response": {"error": {"message": format!("{kind} {KEY}"), "type": kind}, "status": status, "retryAfter": 1},
        })
    };
    // With a pause between chunks, so that some arrive before the cut.
    let mut cut = text("break off", answer_with(PLATE));
    (cut["truncateAfterChunks"], cut["latency"]) = (json!(3), json!(50));
    let mut slow = text("take your time", answer_with(PLATE));
    slow["latency"] = json!(300);
    let mut limited = answer_with(PLATE);
    limited["finishReason"] = json!("length");
    json!([
        text(injection::PRINTED, answer_with(PLATE)),
        text(injection::INJECTION, injection::obedient_answer()),
        text("version 2 failed", answer_with(&mended())),
        text("a hole through it", answer_with(&with_a_hole())),
        text("5 mm taller", answer_with(&taller())),
        text("A plate", answer_with(PLATE)),
        text("only talk", json!({"content": "I only make parts."})),
        text("use a tool", json!({"toolCalls": [{"name": "run", "arguments": {"path": "/"}}]})),
        text("its own limit", limited),
        cut,
        slow,
        error("be limited", 429, "rate_limit_error"),
        error("be broken", 500, "server_error"),
        error("be refused", 401, "authentication_error"),
        error("be unknown", 404, "invalid_request_error"),
        error("for the other", 404, "invalid_request_error"),
    ])
}

/// A Worker on the stack's bucket that asks aimock first and then the fake. It trusts an issuer.
struct ChatStack {
    aimock: Aimock,
    fake: Fake,
    worker: Worker,
    /// The tokens of two users.
    anna: String,
    bert: String,
}

impl ChatStack {
    async fn start(stack: &Stack) -> Self {
        let (aimock, fake) = (Aimock::start(stack.folder(), &stack.transport, &fixtures()).await, Fake::start().await);
        let mut settings = stack.settings();
        settings.retain(|(name, _)| name != "AUTH_MODE");
        settings.extend(aimock.settings());
        let more = [
            ("AI_FALLBACK_BASE_URL", format!("http://127.0.0.1:{}/v1", fake.port)),
            ("AI_FALLBACK_API_KEY", OTHER_KEY.to_owned()),
            ("AI_FALLBACK_MODEL", "two".to_owned()),
            ("AUTH_JWT_SECRET", SECRET.to_owned()),
            ("AUTH_ISSUER", ISSUER.to_owned()),
            ("AUTH_AUDIENCE", AUDIENCE.to_owned()),
        ];
        settings.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut worker = Worker::start(stack.folder(), "chat-worker", free_port(), &settings);
        worker.ready(&stack.transport, 200).await;
        let [anna, bert] = ["anna", "bert"].map(|user| token(stack, user));
        Self { aimock, fake, worker, anna, bert }
    }

    /// A conversation of anna.
    fn conversation<'a>(&'a self, stack: &'a Stack, project: &str) -> Conversation<'a> {
        Conversation::new(self.worker.api(&stack.transport).with_token(&self.anna), stack, project)
    }

    /// A conversation of bert.
    fn conversation_of_bert<'a>(&'a self, stack: &'a Stack, project: &str) -> Conversation<'a> {
        Conversation::new(self.worker.api(&stack.transport).with_token(&self.bert), stack, project)
    }
}

/// A token of the issuer, valid for an hour.
fn token(stack: &Stack, user: &str) -> String {
    use platform::Clock;
    let now = stack.clock.now().as_millis() / 1_000;
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "nbf": now - 60, "exp": now + 3_600});
    Signer::secret(SECRET).token(None, &claims)
}

/// All chat scenarios on one Worker. The ones that use the fake run one after the other.
pub async fn a_sentence_becomes_a_model(stack: &Stack) {
    let chat = ChatStack::start(stack).await;
    let chat = &chat;
    tokio::join!(
        turns::a_conversation_with_one_repair(stack, chat),
        turns::a_turn_continues_without_its_client(stack, chat),
        turns::a_stream_can_be_resumed(stack, chat),
        injection::prompt_injection_reaches_nothing_else(stack, chat),
        protocol::the_library_reads_every_answer(stack, chat),
        async {
            protocol::the_worker_uses_the_fallback(stack, chat).await;
            faults::each_fault_ends_in_a_clear_state(stack, chat).await;
        },
    );
    metrics_count_the_calls(stack, chat).await;
    let log = std::fs::read_to_string(stack.folder().join("chat-worker.log")).unwrap();
    assert!(!log.contains(KEY), "the log contains a secret");
    assert!(!log.contains(OTHER_KEY), "the log contains a secret");
    assert!(!log.contains(SECRET), "the log contains a secret");
}

/// The metrics of both models count the calls of the scenarios.
async fn metrics_count_the_calls(stack: &Stack, chat: &ChatStack) {
    let api = chat.worker.api(&stack.transport).with_token(ADMIN_TOKEN);
    until("the metrics to count the calls", async || {
        let metrics = api.get("/api/monitoring/ai/metrics").await.expect(200).json();
        let models = metrics["totals"]["models"].as_array().unwrap();
        let metrics_of = |name: &str| models.iter().find(|model| model["model"] == name).map(|model| &model["figures"]);
        let (Some(first), Some(other)) = (metrics_of("one"), metrics_of("two")) else {
            return Err(metrics.to_string());
        };
        let least = [
            (&first["calls"], 15),
            (&first["successes"], 6),
            (&first["input_tokens"], 1),
            (&first["output_tokens"], 100),
            (&first["latency"]["p95_ms"], 1),
            (&first["first_runs"], 4),
            (&first["first_runs_won"], 3),
            (&first["repairs_tried"], 1),
            (&first["repairs_won"], 1),
            (&first["failures"]["cut"], 1),
            (&first["failures"]["rate_limited"], 3),
            (&first["failures"]["unauthorized"], 1),
            (&other["fallbacks"], 4),
            (&other["successes"], 4),
        ];
        match least.iter().find(|(count, least)| count.as_u64().is_none_or(|count| count < *least)) {
            Some((_, least)) => Err(format!("a count is less than {least}: {metrics}")),
            None => Ok(()),
        }
    })
    .await;
}
