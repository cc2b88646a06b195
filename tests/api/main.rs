//! The API natively: routes, objects and S3 client as they ship, on rusqlite and a strict store in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on panics")]

mod access;
mod account;
mod bad_input;
mod batch;
mod cancel;
mod chat;
mod cors;
mod download_links;
mod examples;
mod external_uploads;
mod flat_path;
mod foreign_outputs;
mod forged_tokens;
mod hello;
mod idempotency;
mod key_sets;
mod live_status;
mod matrix;
mod metrics;
mod monitoring;
mod ownership;
mod page;
mod properties;
mod providers;
mod queue;
mod reads;
mod reference;
mod retry;
mod session;
mod store_outage_uploads;
mod store_outages;
mod store_probe;
mod support;
mod tokens;
mod uploads;
