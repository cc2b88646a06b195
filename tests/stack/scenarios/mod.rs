//! The scenarios. Each has its own projects, so that all scenarios of a group run at once.
//!
//! `PARTWRIGHT_SCENARIO=name` runs only the scenario with that name, such as `open_mode_shows_a_warning`. A scenario
//! that relies on earlier ones fails alone, such as those that check the final state.

mod bad_input;
mod browser;
mod chat;
mod cross_origin;
mod dropped_in_scripts;
mod failing;
mod jail;
mod jwt;
mod links;
mod live;
mod operations;
mod outputs;
mod project_names;
mod settings;
mod snippets;
mod store_outage;
mod takeover;
mod tokens;
mod traces;
mod version_numbers;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};

use crate::stack::Stack;
use crate::store::Kind;
use crate::worker::RUNNER_TOKEN;

/// A scenario: its name and its function.
type Scenario = (&'static str, for<'a> fn(&'a Stack) -> LocalBoxFuture<'a, ()>);

/// Makes scenarios from the paths of their functions.
macro_rules! scenarios {
    ($($function:path),* $(,)?) => {
        &[$((stringify!($function), |stack| Box::pin($function(stack)))),*]
    };
}

/// Run while only the test itself acts.
const BEFORE_ALL: &[Scenario] = scenarios![live::hints_arrive_at_once];

/// Run without a runner: scenarios that need none, and runners that leave their work.
const WITHOUT_A_RUNNER: &[Scenario] = scenarios![
    takeover::a_killed_and_a_stopped_runner_leave_jobs,
    bad_input::bad_input_gets_a_precise_error,
    project_names::path_traversal_names_are_refused,
    operations::the_store_passes_the_suite,
    operations::admin_endpoints_accept_the_admin_token,
    live::runner_endpoints_require_their_token,
    settings::a_runner_names_its_invalid_setting,
];

/// Run other Workers with other settings, some of them invalid. They run on one store only.
const OTHER_WORKERS: &[Scenario] = scenarios![
    store_outage::uploads_arrive_after_an_outage,
    settings::a_worker_names_its_invalid_setting,
    cross_origin::other_sites_cannot_use_a_session,
    tokens::a_token_works_until_it_is_revoked,
    jwt::hs256_tokens_are_verified,
    jwt::key_set_tokens_are_verified,
];

/// Fills the queue, still without a runner.
const QUEUE: &[Scenario] = scenarios![version_numbers::concurrent_uploads_get_distinct_numbers];

/// Run with two runners on one machine, which share only the queue.
const WITH_A_RUNNER: &[Scenario] = scenarios![
    outputs::a_bracket_becomes_six_files,
    outputs::a_new_version_keeps_the_older_files,
    snippets::existing_front_end_code_still_works,
    dropped_in_scripts::a_dropped_in_script_becomes_a_model,
    dropped_in_scripts::an_upload_keeps_a_dropped_in_script,
    failing::a_failing_script_reports_its_error,
    failing::an_endless_script_times_out,
    jail::a_script_cannot_read_secrets,
    live::a_watcher_receives_each_change,
    live::a_waiting_request_returns_the_model,
    links::only_an_unaltered_fresh_link_opens,
    links::a_link_opens_no_other_project,
    traces::a_request_id_is_kept_everywhere,
    browser::a_user_signs_in_and_makes_a_model,
    browser::open_mode_shows_a_warning,
    version_numbers::two_runners_empty_a_full_queue,
    takeover::another_runner_completes_their_jobs,
    operations::every_part_is_healthy,
];

/// Runs a Worker with language models. It runs on one store only.
const CHAT: &[Scenario] = scenarios![chat::a_sentence_becomes_a_model];

/// Run when all jobs are done.
const AFTERWARDS: &[Scenario] = scenarios![
    operations::every_project_is_listed_once,
    operations::metrics_count_the_work,
    operations::nothing_is_left_behind,
];

/// Runs when every program has written all its logs.
const AT_THE_END: &[Scenario] = scenarios![traces::logs_contain_no_secrets];

/// The runners that process the queue.
const RUNNERS: [&str; 2] = ["runner-one", "runner-two"];

/// Fails the test if `PARTWRIGHT_SCENARIO` names no scenario.
pub fn check_choice() {
    let Some(chosen) = chosen() else { return };
    let groups = [BEFORE_ALL, WITHOUT_A_RUNNER, OTHER_WORKERS, QUEUE, WITH_A_RUNNER, CHAT, AFTERWARDS, AT_THE_END];
    let names: Vec<&str> = groups.concat().into_iter().map(|(name, _)| name).collect();
    let known = names.iter().any(|name| is_chosen(name, Some(&chosen)));
    assert!(known, "PARTWRIGHT_SCENARIO: no scenario has the name {chosen}. Use one of: {}", names.join(", "));
}

/// Runs all scenarios on one stack.
pub async fn run_all(stack: &Stack) {
    let other_workers = if stack.kind == Kind::WranglerR2 { OTHER_WORKERS } else { &[] };
    let mut failed = run(stack, BEFORE_ALL).await;
    failed.extend(run(stack, &[WITHOUT_A_RUNNER, other_workers].concat()).await);
    failed.extend(run(stack, QUEUE).await);
    // The second runner sends hints, if the stack has them, and logs everything: see `traces`.
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
    let chat = if stack.kind == Kind::WranglerR2 { CHAT } else { &[] };
    failed.extend(run(stack, &[WITH_A_RUNNER, chat].concat()).await);
    failed.extend(run(stack, AFTERWARDS).await);
    failed.extend(run(stack, AT_THE_END).await);
    assert!(failed.is_empty(), "on {:?}: {}", stack.kind, failed.join(", "));
}

/// Runs a group at once and returns the names of the failed scenarios, so that every failure is printed.
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

/// Whether a scenario runs. The function's name alone is enough to choose `module::function`.
fn is_chosen(name: &str, chosen: Option<&str>) -> bool {
    chosen.is_none_or(|chosen| name == chosen || name.rsplit("::").next() == Some(chosen))
}
