//! The wasm-only shell: the fetch event, the bindings and the Durable Object classes. It has no `if` about the domain.

mod bindings;
mod convert;
mod crypto;
mod objects;

use std::rc::Rc;

use worker::{Context, Env, HttpRequest, Response, event};

use crate::api::{App, Config, Platform, Served};
use crate::auth::SharedKeys;
use crate::metrics::Tally;
use bindings::{Bindings, WorkerClock, WorkerHttp, settings};
use crypto::WebCrypto;

thread_local! {
    /// The issuer's keys, shared by all requests of this isolate.
    static KEYS: Rc<SharedKeys> = Rc::default();
    /// The counts of this isolate.
    static TALLY: Rc<Tally> = Rc::default();
}

/// The Worker's fetch event.
#[event(fetch)]
async fn fetch(request: HttpRequest, env: Env, context: Context) -> worker::Result<Response> {
    let config = Config::from_settings(&settings(&env));
    let (objects, afterwards) = (Bindings::new(env.clone()), Bindings::new(env));
    let platform =
        Platform { http: &WorkerHttp, clock: &WorkerClock, objects: &objects, verifier: &WebCrypto, assets: &objects };
    let (keys, tally) = (KEYS.with(Rc::clone), TALLY.with(Rc::clone));
    let app = App::new(&config, platform, (&keys, &tally));
    let served = app.handle(convert::incoming(request)).await;
    context.wait_until(async move { tally.send(&afterwards, &WorkerClock).await });
    match served {
        Served::Answer(response) => convert::outgoing(response).await,
        Served::Upgrade { object, request } => objects.forward(&object, &request).await,
    }
}
