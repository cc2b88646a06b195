//! The removal of old conversations.

use std::time::Duration;

use platform::Clock;
use serde_json::json;

use crate::support::provider::Behaviour;
use crate::support::talk::{Run, Talk, written};
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Lets `time` pass and rings the conversation's alarm whenever it is due. Returns how often it rang.
async fn pass(world: &World, project: &str, time: Duration) -> usize {
    let until = world.clock.now().after(time);
    let mut rung = 0;
    while let Some(due) = world.chat_alarm(project).filter(|due| *due <= until) {
        world.clock.sleep(due.since(world.clock.now())).await;
        world.ring_chat(project).await;
        rung += 1;
        assert!(rung < 100, "it rings all the time");
    }
    world.clock.sleep(until.since(world.clock.now())).await;
    rung
}

#[tokio::test(start_paused = true)]
async fn a_conversation_without_a_project_lasts_a_week() {
    let world = World::talking();
    let ask = async || {
        world.provider.plan(Behaviour::Stream("Which module do you need?".to_owned()));
        let talk = Talk::new(&world, "anna", "gear");
        talk.post(json!({"message": "A gear", "project_name": "gear", "context": "for the attic"})).await
    };
    assert_eq!(ask().await.json()["state"], "completed");
    assert!(world.chat_text("gear").contains("attic"));
    pass(&world, "gear", DAY + Duration::from_secs(60)).await;
    let kept = world.chat_text("gear");
    assert!(!kept.contains("attic") && kept.contains("Which module"), "the turn's own text goes first: {kept}");
    pass(&world, "gear", 5 * DAY).await;
    // A user who returns in that week finds the conversation, and it lasts for another week.
    assert_eq!(ask().await.json()["state"], "completed");
    assert_eq!(world.provider.last().text().matches("Which module").count(), 1);
    pass(&world, "gear", 6 * DAY).await;
    assert!(world.chat_text("gear").contains("Which module"));
    pass(&world, "gear", 2 * DAY).await;
    assert_eq!((world.chat_text("gear").as_str(), world.chat_alarm("gear")), ("", None));
    assert!(!world.has_tables("gear"), "there is no project either");
    // The name can be used again.
    assert_eq!(ask().await.json()["state"], "completed");
}

#[tokio::test(start_paused = true)]
async fn messages_about_a_project_stay() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    let id = turn["turn"].as_str().unwrap();
    talk.end(id).await;
    assert!(world.chat_text("box").contains("import FreeCAD"));
    let path = format!("/api/projects/box/chat/{id}");
    let mut rung = pass(&world, "box", DAY - Duration::from_secs(60)).await;
    let again = || Talk::new(&world, "anna", "box");
    let kept = again().get(&path).await.json();
    assert_eq!(kept["state"], "completed", "{kept}");
    rung += pass(&world, "box", Duration::from_secs(120)).await;
    assert_eq!(again().get(&path).await.json()["code"], "turn_not_found", "a turn without its text is not shown");
    rung += pass(&world, "box", 30 * DAY).await;
    let kept = world.chat_text("box");
    assert!(kept.contains("Here it is: a box.") && !kept.contains("import FreeCAD"), "{kept}");
    assert_eq!((rung, world.chat_alarm("box")), (2, None), "nothing more is due");
}

#[tokio::test(start_paused = true)]
async fn messages_stay_while_the_project_is_unreachable() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    world.provider.plan(Behaviour::Stream("Which module do you need?".to_owned()));
    talk.say("A gear").await;
    world.faults.projects_are_unreachable.set(true);
    pass(&world, "gear", 7 * DAY + Duration::from_secs(7_300)).await;
    assert!(world.chat_text("gear").contains("Which module"));
    world.faults.projects_are_unreachable.set(false);
    pass(&world, "gear", Duration::from_secs(3_700)).await;
    assert_eq!(world.chat_text("gear"), "");
}
