//! A first test: read it before you write your own. docs/testing.md says how to run it.

use crate::support::world::World;

/// Time is paused, so sleeping takes no time.
#[tokio::test(start_paused = true)]
async fn an_uploaded_script_waits_for_a_runner() {
    // A Worker in open mode, with a bucket in memory and a clock of its own.
    let world = World::new();

    let upload = world.post("/api/projects/hello/upload-script", "text/x-python", "import FreeCAD").await;
    assert_eq!(upload.status, 201);
    assert_eq!(upload.json()["version"], 1);

    // The script is in the bucket, and so is the ticket that a runner takes.
    let bucket = &world.store.inner;
    assert_eq!(bucket.object("input/hello/hello_v1.py").unwrap().bytes, "import FreeCAD");
    assert!(bucket.object("pending/hello/hello_v1/ticket").is_some());

    let status = world.get("/api/projects/hello/status").await.json();
    assert_eq!(status["status_info"]["status"], "processing");
    assert_eq!(status["status_info"]["phase"], "queued");
}
