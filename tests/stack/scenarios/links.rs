//! Presigned links, as the store itself sees them.

use http::Method;

use crate::http::{Answer, open, request, send};
use crate::stack::Stack;
use crate::tools::script;
use crate::wait::until;

/// A link opens the one object it was signed for, by GET, until it expires.
pub async fn only_the_link_as_signed_opens_and_not_for_ever(stack: &Stack) {
    let project = stack.project("links");
    project.upload(&script("box")).await;
    project.completed(1).await;
    let link = |query: &'static str| async {
        let link = project.link("step", query).await;
        link["download_url"].as_str().unwrap().to_owned()
    };

    let good = link("?expires_in=600").await;
    open(&stack.transport, &good).await.expect(200);
    let (address, signature) = good.split_once("X-Amz-Signature=").unwrap();
    let other = if signature.starts_with('0') { '1' } else { '0' };
    let tampered = [
        format!("{address}X-Amz-Signature={other}{}", &signature[1..]),
        good.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
        good.replace("MyHeadlessModel.STEP", "MyHeadlessModel.STL"),
        good.replace("/output/links/", "/input/links/"),
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

    let short = link("?expires_in=1").await;
    let expired = until("the link's end", async || {
        let answer = open(&stack.transport, &short).await;
        if answer.status == 200 { Err("it still opens".to_owned()) } else { Ok(answer) }
    })
    .await;
    refused(&expired);
}

/// Stores differ in which refusal they give.
fn refused(answer: &Answer) {
    assert!([400, 401, 403].contains(&answer.status), "{answer}");
    assert!(!answer.text().contains("ISO-10303-21"), "{answer}");
}
