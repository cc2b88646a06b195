//! The wasm-only shell: the fetch event, the bindings and the Durable Object classes. It carries out and decides
//! nothing; every `if` about the domain lives above.

mod convert;
mod objects;
mod platform;

use worker::{Context, Env, HttpRequest, Response, event};

use crate::api::{App, Config, Served};
use platform::{Bindings, WorkerClock, WorkerHttp, settings};

/// The Worker's fetch event.
#[event(fetch)]
async fn fetch(request: HttpRequest, env: Env, _context: Context) -> worker::Result<Response> {
    let config = Config::from_settings(&settings(&env));
    let objects = Bindings::new(env);
    let app = App::new(&config, &WorkerHttp, &WorkerClock, &objects, &objects);
    match app.handle(convert::incoming(request)).await {
        Served::Answer(response) => convert::outgoing(response).await,
        Served::Upgrade { object, request } => objects.forward(&object, &request).await,
    }
}
