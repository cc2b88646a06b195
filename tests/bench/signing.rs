//! Download links: our signer and aws4fetch in one workerd.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tokio::time::Instant;

use crate::http::{Api, request, try_send};
use crate::many;
use crate::stack::Stack;
use crate::table::{Row, Table, median};
use crate::tools::{free_port, root, tool};
use crate::wait::until;
use crate::worker::wrangler;

/// How many links one request signs.
const LINKS: u32 = 2_000;

/// The signers' paths.
const SIGNERS: [&str; 2] = ["aws4fetch", "ours"];

/// Checks that both make the same link, then measures the time of one link.
pub async fn measure(stack: &Stack, table: &mut Table) {
    let site = stack.folder().join("signing");
    fs::create_dir_all(site.join("tmp")).unwrap();
    for file in ["worker.mjs", "wrangler.toml"] {
        fs::copy(root().join("tests/bench/signing").join(file), site.join(file)).unwrap();
    }
    for file in ["signing.js", "signing_bg.wasm"] {
        fs::copy(tool("PARTWRIGHT_BENCH_SIGNING").join(file), site.join(file)).unwrap();
    }
    let made = [("PARTWRIGHT_BENCH_SIGNING", "snippets"), ("PARTWRIGHT_BENCH_NPM_DIR", "node_modules")];
    for (variable, folder) in made {
        symlink(tool(variable).join(folder), site.join(folder)).unwrap();
    }
    let port = free_port();
    let mut worker = wrangler(stack.folder(), "signing", port, &[]);
    let base = format!("http://127.0.0.1:{port}");
    let api = Api::new(&stack.transport, &base);
    until("the signers", async || {
        worker.must_live();
        try_send(api.transport, request(http::Method::GET, &api.url("/ours?count=1&now=0"))).await
    })
    .await
    .expect(200);

    let mut signatures = Vec::new();
    for signer in SIGNERS {
        let link = api.get(&format!("/{signer}?count=3&now=1700000000000")).await.expect(200).text();
        let signature = link.split_once("X-Amz-Signature=").map(|(_, rest)| rest[..64].to_owned());
        signatures.push(signature.unwrap_or_else(|| panic!("{signer} returned no link: {link}")));
    }
    assert_eq!(signatures[0], signatures[1], "the signatures of the same link differ");

    let mut times = [Vec::new(), Vec::new()];
    for round in 0..many(12, 3) {
        for (signer, times) in SIGNERS.into_iter().zip(&mut times) {
            // Subtract everything but signing: the time of a response without a link.
            let empty = time(api, signer, 0).await;
            let full = time(api, signer, LINKS).await;
            // In the first rounds nothing is compiled yet.
            if round > 1 {
                times.push(full.saturating_sub(empty) / LINKS);
            }
        }
    }
    let [theirs, ours] = times.map(|times| median(times).as_secs_f64() * 1e6);
    table.row(Row {
        what: "presigning a link inside workerd".to_owned(),
        target: "≥ 2 times faster".to_owned(),
        baseline: format!("aws4fetch: {theirs:.1} µs"),
        measured: format!("{ours:.1} µs"),
        ratio: format!("{:.1} times faster", theirs / ours),
        met: Some(theirs / ours >= 2.0),
    });
}

async fn time(api: Api<'_>, signer: &str, count: u32) -> Duration {
    let began = Instant::now();
    api.get(&format!("/{signer}?count={count}&now=1700000000000")).await.expect(200);
    began.elapsed()
}
