//! Presigned links, as the store sees them.

use http::Method;
use serde_json::Value;

use crate::http::{ApiResponse, open, request, send};
use crate::project::Project;
use crate::stack::Stack;
use crate::tools::script;
use crate::wait::until;

/// A link opens only the object that it was signed for, by GET, until it expires.
pub async fn only_an_unaltered_fresh_link_opens(stack: &Stack) {
    let project = stack.project("links");
    project.upload(&script("box")).await;
    project.completed(1).await;

    let good = link(&project, "?expires_in=600").await;
    open(&stack.transport, &good).await.expect(200);
    let (address, signature) = good.split_once("X-Amz-Signature=").unwrap();
    let other = if signature.starts_with('0') { '1' } else { '0' };
    let date = parameter(&good, "X-Amz-Date");
    let tampered = [
        format!("{address}X-Amz-Signature={other}{}", &signature[1..]),
        format!("{address}X-Amz-Signature="),
        good.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
        good.replace(&date, "29991231T235959Z"),
        good.replace("MyHeadlessModel.STEP", "MyHeadlessModel.STL"),
        good.replace("/output/links/", "/input/links/"),
        // The signature covers the name and type of the downloaded file.
        good.replace("links_v1.STEP", "links_v1.html"),
        good.replace("attachment", "inline"),
        good.replace("model%2Fstep", "text%2Fhtml"),
        format!("{good}&response-cache-control=public"),
        address.trim_end_matches('&').to_owned(),
        good.split_once('?').unwrap().0.to_owned(),
    ];
    for url in tampered {
        assert_ne!(url, good);
        refused(&open(&stack.transport, &url).await);
    }
    for method in [Method::DELETE, Method::PUT] {
        refused(&send(&stack.transport, request(method, &good)).await);
    }
    open(&stack.transport, &good).await.expect(200);

    let short = link(&project, "?expires_in=1").await;
    let expired = until("the link's expiry", async || {
        let answer = open(&stack.transport, &short).await;
        if answer.status == 200 { Err("the link still opens".to_owned()) } else { Ok(answer) }
    })
    .await;
    refused(&expired);
    // A changed expiry does not extend it.
    refused(&open(&stack.transport, &short.replace("X-Amz-Expires=1&", "X-Amz-Expires=9999&")).await);
}

/// A link for one project's file opens no other project's file by any path.
pub async fn a_link_opens_no_other_project(stack: &Stack) {
    let (mine, theirs) = (stack.project("link-mine"), stack.project("link-theirs"));
    for project in [&mine, &theirs] {
        project.upload(&script("box")).await;
        project.completed(1).await;
    }
    let (good, target) = (link(&mine, "").await, link(&theirs, "").await);
    let path = |link: &str| link.split_once('?').unwrap().0.split_once("/output/").unwrap().1.to_owned();
    let (own, foreign) = (path(&good), path(&target));
    let into = |path: &str| good.replacen(&own, path, 1);
    let name = own.rsplit('/').next().unwrap();
    let ways = [
        into(&foreign),
        into(&format!("{own}/../../../../{foreign}")),
        into(&format!("link-mine/../{foreign}")),
        into(&format!("link-mine/%2e%2e/{foreign}")),
        into(&format!("link-mine%2F..%2F{foreign}")),
        into(&foreign.replace('/', "%2F")),
        into(&own.replace(name, &format!("{name}%00"))),
        // The own signature with the other query, and the other way round.
        format!("{}?{}", target.split_once('?').unwrap().0, good.split_once('?').unwrap().1),
        good.replace(&parameter(&good, "X-Amz-Signature"), &parameter(&target, "X-Amz-Signature")),
    ];
    for url in ways {
        refused(&open(&stack.transport, &url).await);
    }
    open(&stack.transport, &good).await.expect(200);
    open(&stack.transport, &target).await.expect(200);
}

async fn link(project: &Project<'_>, query: &str) -> String {
    let link: Value = project.link("step", query).await;
    link["download_url"].as_str().unwrap().to_owned()
}

fn parameter(link: &str, name: &str) -> String {
    let (_, query) = link.split_once('?').unwrap();
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap().to_owned()
}

/// Stores refuse with different statuses.
fn refused(answer: &ApiResponse) {
    assert!([400, 401, 403, 404].contains(&answer.status), "{answer}");
    assert!(!answer.text().contains("ISO-10303-21"), "{answer}");
}
