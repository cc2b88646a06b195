//! The wasm-only shell: the fetch event, the bindings and the Durable Object classes. It carries out and decides
//! nothing; every `if` about the domain lives above.

mod convert;
mod crypto;
mod objects;
mod platform;

use std::rc::Rc;

use worker::{Context, Env, HttpRequest, Response, event};

use crate::api::{App, Config, Platform, Served};
use crate::auth::SharedKeys;
use crypto::WebCrypto;
use platform::{Bindings, WorkerClock, WorkerHttp, settings};

thread_local! {
    /// The issuer's keys, which outlive a request: all that this isolate serves share them.
    static KEYS: Rc<SharedKeys> = Rc::default();
}

/// The Worker's fetch event.
#[event(fetch)]
async fn fetch(request: HttpRequest, env: Env, _context: Context) -> worker::Result<Response> {
    let config = Config::from_settings(&settings(&env));
    let objects = Bindings::new(env);
    let platform =
        Platform { http: &WorkerHttp, clock: &WorkerClock, objects: &objects, verifier: &WebCrypto, assets: &objects };
    let keys = KEYS.with(Rc::clone);
    let app = App::new(&config, platform, &keys);
    match app.handle(convert::incoming(request)).await {
        Served::Answer(response) => convert::outgoing(response).await,
        Served::Upgrade { object, request } => objects.forward(&object, &request).await,
    }
}
