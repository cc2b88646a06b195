//! The API natively: routes, objects and S3 client as they ship, over rusqlite and a strict in-memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod access;
mod account;
mod bad_input;
mod batch;
mod cancel;
mod chat;
mod cors;
mod examples;
mod first_contact;
mod flat_path;
mod foreign;
mod forged;
mod idempotency;
mod kept;
mod key_sets;
mod left_by_others;
mod links;
mod live;
mod matrix;
mod metrics;
mod monitoring;
mod outages;
mod ownership;
mod page;
mod properties;
mod providers;
mod queue;
mod reads;
mod reference;
mod retry;
mod session;
mod support;
mod tokens;
mod uploads;
