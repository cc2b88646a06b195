//! What is shown. Each scenario has projects of its own, so that all of a group run at once.
//!
//! `PARTWRIGHT_SCENARIO=name` runs only the scenario with that name, such as `open_mode_is_said_loudly`. A scenario that
//! relies on an earlier one fails alone, such as those that look at what all the others left.

mod away;
mod browser;
mod chat;
mod elsewhere;
mod failing;
mod hand;
mod input;
mod jail;
mod links;
mod live;
mod model;
mod names;
mod numbers;
mod operation;
mod seed;
mod settings;
mod takeover;
mod tokens;
mod traces;
mod who;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};

use crate::stack::Stack;
use crate::store::Kind;
use crate::worker::RUNNER_TOKEN;

/// A scenario: its name and what it does.
type Scenario = (&'static str, for<'a> fn(&'a Stack) -> LocalBoxFuture<'a, ()>);

/// Scenarios from the paths of their functions.
macro_rules! scenarios {
    ($($function:path),* $(,)?) => {
        &[$((stringify!($function), |stack| Box::pin($function(stack)))),*]
    };
}

/// While nobody works but the test itself.
const BEFORE_ALL: &[Scenario] = scenarios![live::hints_are_heard_at_once];

/// While no runner works: what needs none, and the runners that leave their work.
const WITHOUT_A_RUNNER: &[Scenario] = scenarios![
    takeover::one_runner_is_killed_another_is_stopped,
    input::bad_input_is_told_what_is_wrong_with_it,
    names::names_that_lead_elsewhere_are_refused,
    operation::the_store_does_what_the_library_needs,
    operation::the_admin_s_calls_take_the_token,
    live::the_runners_calls_take_their_token,
    settings::a_runner_names_its_wrong_setting,
];

/// Workers of their own, with other settings, some of them wrong; the store makes no difference to them.
const OTHER_WORKERS: &[Scenario] = scenarios![
    away::a_bucket_that_is_away_gets_it_later,
    settings::a_worker_names_its_wrong_setting,
    elsewhere::pages_of_other_sites_get_nowhere,
    tokens::a_token_opens_until_it_is_revoked,
    who::a_shared_secret_s_tokens_are_checked,
    who::a_key_set_s_tokens_are_checked,
];

/// Fills the queue, still without a runner.
const QUEUE: &[Scenario] = scenarios![numbers::sixty_four_uploads_at_once_get_sixty_four_numbers];

/// With two runners on one machine, which share the queue and nothing else.
const WITH_A_RUNNER: &[Scenario] = scenarios![
    model::a_bracket_becomes_six_files,
    model::a_second_version_leaves_the_first_alone,
    seed::the_seed_s_snippets_run_unchanged,
    hand::a_script_dropped_in_by_hand_becomes_a_model,
    hand::an_upload_never_overwrites_a_script_dropped_in_by_hand,
    failing::a_failing_script_is_told_why,
    failing::an_endless_script_is_stopped,
    jail::a_script_finds_no_secret,
    live::who_watches_sees_the_model_come,
    live::who_waits_is_answered_when_the_model_is_done,
    links::only_the_link_as_signed_opens_and_not_for_ever,
    links::a_link_never_opens_another_project_s_file,
    traces::a_request_s_id_goes_all_the_way,
    browser::a_person_signs_in_and_makes_a_model,
    browser::open_mode_is_said_loudly,
    numbers::a_full_queue_is_worked_off,
    takeover::another_runner_completes_what_they_left,
    operation::every_part_is_healthy,
];

/// The same with a Worker of its own that talks to language models; the store makes no difference to it.
const TALKING: &[Scenario] = scenarios![chat::a_sentence_becomes_a_model];

/// When all is done.
const AFTERWARDS: &[Scenario] = scenarios![
    operation::every_project_is_listed_once,
    operation::what_was_done_is_counted,
    operation::nothing_is_left_behind,
];

/// When every program has said all that it has to say.
const AT_THE_END: &[Scenario] = scenarios![traces::no_log_holds_a_secret];

/// The runners that work everything off.
const RUNNERS: [&str; 2] = ["runner-one", "runner-two"];

/// Fails the test if `PARTWRIGHT_SCENARIO` names no scenario.
pub fn check_choice() {
    let Some(chosen) = chosen() else { return };
    let groups = [BEFORE_ALL, WITHOUT_A_RUNNER, OTHER_WORKERS, QUEUE, WITH_A_RUNNER, TALKING, AFTERWARDS, AT_THE_END];
    let names: Vec<&str> = groups.concat().into_iter().map(|(name, _)| name).collect();
    let known = names.iter().any(|name| is_chosen(name, Some(&chosen)));
    assert!(known, "PARTWRIGHT_SCENARIO: no scenario has the name {chosen}. Use one of: {}", names.join(", "));
}

/// Runs all of it on one stack.
pub async fn run_all(stack: &Stack) {
    let other_workers = if stack.kind == Kind::WranglerR2 { OTHER_WORKERS } else { &[] };
    let mut failed = run(stack, BEFORE_ALL).await;
    failed.extend(run(stack, &[WITHOUT_A_RUNNER, other_workers].concat()).await);
    failed.extend(run(stack, QUEUE).await);
    // One that talks to the Worker, where that listens, and says all that it can say: see `traces`.
    let all = [
        ("RUNNER_SLOTS", "2"),
        ("RUST_LOG", "trace"),
        ("PARTWRIGHT_URL", stack.api().base),
        ("RUNNER_TOKEN", RUNNER_TOKEN),
    ];
    let second = if stack.has_hints() { &all[..] } else { &all[..2] };
    let settings = [&all[..1], second];
    let mut runners = [0, 1].map(|index| stack.start_runner(RUNNERS[index], settings[index]));
    for runner in &mut runners {
        runner.ready().await;
    }
    stack.runners.replace(runners.into());
    let talking = if stack.kind == Kind::WranglerR2 { TALKING } else { &[] };
    failed.extend(run(stack, &[WITH_A_RUNNER, talking].concat()).await);
    failed.extend(run(stack, AFTERWARDS).await);
    failed.extend(run(stack, AT_THE_END).await);
    assert!(failed.is_empty(), "on {:?}: {}", stack.kind, failed.join(", "));
}

/// Runs a group at once and gives the names of those that failed: every failure is seen before the test fails.
async fn run(stack: &Stack, scenarios: &[Scenario]) -> Vec<&'static str> {
    let chosen = chosen();
    let scenarios = scenarios.iter().filter(|(name, _)| is_chosen(name, chosen.as_deref()));
    let runs = scenarios.map(|(name, scenario)| async move {
        let began = stack.clock.monotonic();
        let outcome = AssertUnwindSafe(scenario(stack)).catch_unwind().await;
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        let took = (stack.clock.monotonic() - began).as_secs_f64();
        println!("{:?} {took:6.1} s  {word}  {name}", stack.kind);
        outcome.is_err().then_some(*name)
    });
    join_all(runs).await.into_iter().flatten().collect()
}

/// The name in `PARTWRIGHT_SCENARIO`, if it is set.
fn chosen() -> Option<String> {
    std::env::var("PARTWRIGHT_SCENARIO").ok()
}

/// Whether a scenario is to run. A name is `module::function`; the function alone is enough to choose it.
fn is_chosen(name: &str, chosen: Option<&str>) -> bool {
    chosen.is_none_or(|chosen| name == chosen || name.rsplit("::").next() == Some(chosen))
}
