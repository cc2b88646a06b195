//! Scripts that somebody puts into the bucket without the API.

use bytes::Bytes;
use contract::Key;
use s3::{PutOptions, S3Error};

use crate::project::{Project, number};
use crate::stack::Stack;
use crate::tools::script;

/// A script put into `input/` becomes a model, and the next upload gets the next number.
pub async fn a_dropped_in_script_becomes_a_model(stack: &Stack) {
    let project = stack.project("hand-dropped");
    assert_eq!(project.status().await["status"], "no_scripts");
    drop_in(stack, &project, 1, &script("box")).await.unwrap();
    crate::wait::until("the model", async || {
        let status = project.status().await;
        if status["status"] == "completed" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let listed = project.get("scripts").await;
    assert_eq!(listed["scripts"][0]["origin"], "hand", "{listed}");
    let outputs = project.completed(1).await;
    let download = project.download("stl", 1).await;
    assert_eq!(outputs["output_files"][2]["size"], download.body.len());

    assert_eq!(project.upload(&script("box")).await, 2);
    project.completed(2).await;
}

/// The second writer of a number takes the next one, so no script is overwritten.
pub async fn an_upload_keeps_a_dropped_in_script(stack: &Stack) {
    let project = stack.project("hand-race");
    let texts: Vec<String> = (0..6).map(|id| format!("# script {id}\n{}", script("box"))).collect();
    assert_eq!(project.upload(&texts[0]).await, 1);

    // The object has not read the bucket since the drop, so the upload finds the number taken.
    drop_in(stack, &project, 2, &texts[1]).await.unwrap();
    assert_eq!(project.upload(&texts[2]).await, 3);

    // At the same moment either may be first.
    let (dropped, uploaded) = tokio::join!(drop_in(stack, &project, 4, &texts[3]), project.upload(&texts[4]));
    let mut expected = texts[..3].to_vec();
    match dropped {
        Ok(_) => {
            assert_eq!(uploaded, 5);
            expected.extend([texts[3].clone(), texts[4].clone()]);
        }
        Err(error) => {
            assert_eq!((error, uploaded), (S3Error::PreconditionFailed, 4));
            expected.push(texts[4].clone());
        }
    }
    for (version, text) in (1..).zip(&expected) {
        assert_eq!(project.script(version).await, *text, "version {version}");
        project.completed(version).await;
    }
    assert_eq!(project.get("scripts").await["total_versions"], expected.len());
}

async fn drop_in(stack: &Stack, project: &Project<'_>, version: u64, text: &str) -> Result<String, S3Error> {
    let key = Key::Script(project.id.clone(), number(version)).to_string();
    stack.client().put(&key, Bytes::from(text.to_owned()), &PutOptions::if_absent()).await
}
