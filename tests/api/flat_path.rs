//! The flat path: copies of the newest completed version.

use contract::Format;

use crate::support::faults::Fault;
use crate::support::world::World;

/// Version and content of a copy on the flat path.
fn flat(world: &World, format: Format) -> Option<(String, String)> {
    let object = world.store.inner.object(&format!("output/demo/MyHeadlessModel.{format}"))?;
    Some((object.metadata["version"].clone(), String::from_utf8(object.bytes.to_vec()).unwrap()))
}

fn copy_of(format: Format, version: u64) -> Option<(String, String)> {
    Some((version.to_string(), format!("{format} of version {version}")))
}

#[tokio::test(start_paused = true)]
async fn it_follows_the_newest_completed_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = world.complete("demo", 1, &[Format::Step, Format::Stl]);
    world.settle("demo", 20).await;
    assert_eq!(flat(&world, Format::Step), copy_of(Format::Step, 1));
    assert_eq!(flat(&world, Format::Stl), copy_of(Format::Stl, 1));

    world.upload("demo", "x = 2").await;
    world.complete("demo", 2, &[Format::Step, Format::Obj]);
    world.settle("demo", 20).await;
    assert_eq!(flat(&world, Format::Step), copy_of(Format::Step, 2));
    assert_eq!(flat(&world, Format::Obj), copy_of(Format::Obj, 2));
    assert_eq!(flat(&world, Format::Stl), None, "version 2 has no STL file");
    let first = world.store.inner.object(&format!("output/demo/v1/{run}/MyHeadlessModel.STEP")).unwrap();
    assert_eq!(first.bytes, "STEP of version 1");
}

#[tokio::test(start_paused = true)]
async fn a_late_older_version_does_not_replace_it() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.upload("demo", "x = 2").await;
    world.complete("demo", 2, &[Format::Step]);
    world.ring("demo").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    assert_eq!(flat(&world, Format::Step), copy_of(Format::Step, 2));
}

#[tokio::test(start_paused = true)]
async fn wrong_copies_are_repaired() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step, Format::Stl]);
    for _ in 0..4 {
        world.store.plan("PUT", "/output/demo/MyHeadlessModel.STL", Fault::Status(503));
    }
    world.ring("demo").await;
    // Another program overwrites one copy before the object looks again.
    world.store.inner.drop_in("output/demo/MyHeadlessModel.STEP", "garbage");
    world.settle("demo", 20).await;
    assert_eq!(flat(&world, Format::Step), copy_of(Format::Step, 1));
    assert_eq!(flat(&world, Format::Stl), copy_of(Format::Stl, 1));
}
