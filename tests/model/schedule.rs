//! One schedule: everybody works in bad weather, then in fair weather until all is quiet, then the final checks follow.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use contract::{Format, Key, Outcome, Phase, ProjectId, Sha256, Version, prefix};
use partwright::project::VersionView;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::bucket::Bucket;
use crate::chance::{self, below, pick, seconds};
use crate::objects::Project;
use crate::people::{Accepted, People};
use crate::runners::Runner;
use crate::weather::{Climate, Outage};
use crate::world::{Defect, World};

/// The time limit for becoming quiet after the trouble. Five attempts at a script that kills runners need most of it.
const UNTIL_QUIET: Duration = Duration::from_secs(3_600);

/// The result of one schedule.
#[derive(Default)]
pub struct Outcomes {
    pub climate: String,
    pub violations: Vec<String>,
    pub trace: String,
    pub states: HashSet<u64>,
    /// Names and numbers, in printing order.
    pub counted: Vec<(&'static str, u64)>,
}

/// Runs the schedule of `seed` on its own thread.
pub fn run(seed: u64, defect: Defect) -> Outcomes {
    let thread = std::thread::spawn(move || {
        chance::begin(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let world: std::cell::RefCell<Option<Rc<World>>> = std::cell::RefCell::default();
        let whole = catch_unwind(AssertUnwindSafe(|| {
            LocalSet::new().block_on(&runtime.expect("a runtime needs only memory"), schedule(defect, &world))
        }));
        let Some(world) = world.into_inner() else { return Outcomes::default() };
        if whole.is_err() {
            world.ledger.borrow_mut().violation("a panic; see its message above".to_owned());
        }
        let counted = counted(&world, &world.ledger.borrow());
        let mut ledger = world.ledger.borrow_mut();
        Outcomes {
            climate: format!("{:?}", world.weather.climate),
            violations: std::mem::take(&mut ledger.violations),
            trace: world.trace(),
            states: std::mem::take(&mut ledger.states),
            counted,
        }
    });
    thread.join().unwrap_or_else(|_| Outcomes {
        violations: vec!["the schedule's thread panicked".to_owned()],
        ..Outcomes::default()
    })
}

fn counted(world: &World, ledger: &crate::ledger::Ledger) -> Vec<(&'static str, u64)> {
    let counts = &world.counts;
    vec![
        ("requests", counts.requests.get()),
        ("versions done", ledger.reports.len() as u64),
        ("scripts begun", ledger.runs.values().map(|runs| u64::from(*runs)).sum()),
        ("attempts", ledger.attempts.len() as u64),
        ("taken over", ledger.takeovers),
        ("commits won", ledger.reports.values().filter(|report| report.run.is_some()).count() as u64),
        ("commits lost", ledger.commits_lost),
        ("crashes", counts.crashes.get()),
        ("suspensions", counts.suspensions.get()),
        ("evictions", counts.evictions.get()),
        ("drains", counts.drains.get()),
        ("outages", counts.outages.get()),
        ("requests lost", counts.lost.get()),
        ("answers lost", counts.answers_lost.get()),
        ("requests doubled", counts.doubled.get()),
        ("orphaned files", orphans(world).len() as u64),
        ("died of the store", ledger.reports.keys().map(|job| ledger.died_of_the_store(job) as u64).sum()),
    ]
}

async fn schedule(defect: Defect, shared: &std::cell::RefCell<Option<Rc<World>>>) {
    let (poll, lease) = (pick(&[1, 2, 5]), pick(&[15, 30]));
    let (poll, lease) = (Duration::from_secs(poll), Duration::from_secs(lease));
    let world = World::new(Climate::draw(), defect, poll, lease);
    *shared.borrow_mut() = Some(world.clone());
    let climate = world.weather.climate;

    let runners: Vec<_> = (1..=1 + below(3) as usize).map(|number| Runner::new(&world, number, poll, lease)).collect();
    let names = &["a", "b", "c"][..1 + below(3) as usize];
    let ids: Vec<ProjectId> = names.iter().map(|name| name.parse().expect("the name is valid")).collect();
    let projects: Vec<_> = ids.iter().map(|id| Project::new(&world, id.clone())).collect();
    let people = People::new(&world);
    for runner in &runners {
        spawn_local(runner.clone().run());
        if climate.has_deaths() {
            spawn_local(runner.clone().disturb());
        }
    }
    // Outages alone need long to do harm, because five attempts have to fail.
    let length = if climate == Climate::Outages { seconds(60, 600) } else { seconds(10, 120) };
    let mut busy = Vec::new();
    for project in &projects {
        spawn_local(project.clone().run_alarm());
        if climate.has_deaths() {
            spawn_local(project.clone().disturb());
        }
        spawn_local(people.clone().read(project.clone()));
        spawn_local(people.clone().send_false_hints(project.clone(), runners.clone()));
        let pace = 1 + below(20);
        for _ in 0..1 + below(3) {
            busy.push(spawn_local(people.clone().upload(project.clone(), below(5), pace)));
        }
        busy.push(spawn_local(people.clone().cancel(project.clone(), People::up_to(4), pace * 2)));
        busy.push(spawn_local(people.clone().retry(project.clone(), People::up_to(3), pace * 2)));
        busy.push(spawn_local(people.clone().drop_in(project.id.clone(), People::up_to(3), pace * 2)));
    }
    if climate.has_outages() {
        spawn_local(outages(world.clone()));
    }
    sleep(length).await;

    world.note("", "fair weather begins");
    world.weather.is_over.set(true);
    world.weather.outage.set(None);
    projects.iter().for_each(|project| project.heal());
    let mut quiet = 0;
    while quiet < 12 && world.ledger.borrow().violations.is_empty() {
        if world.clock.monotonic() > length + UNTIL_QUIET {
            let open = unsettled(&world, &projects).join(", ");
            return world.ledger.borrow_mut().violation(format!("not settled in time: {open}"));
        }
        runners.iter().for_each(|runner| runner.heal());
        sleep(Duration::from_secs(1)).await;
        let is_quiet = busy.iter().all(|task| task.is_finished()) && unsettled(&world, &projects).is_empty();
        quiet = if is_quiet { quiet + 1 } else { 0 };
    }
    verify(&world, &projects, &people).await;
}

/// Makes the store unavailable sometimes, until the trouble is over.
async fn outages(world: Rc<World>) {
    let flickers = pick(&[true, false]);
    loop {
        sleep(if flickers { seconds(1, 12) } else { seconds(1, 60) }).await;
        if world.weather.is_over.get() {
            return;
        }
        let how = pick(&[Outage::Unreachable, Outage::Silent, Outage::Busy, Outage::Refusing]);
        world.note("the store", &format!("is unavailable: {how:?}"));
        world.counts.outages.set(world.counts.outages.get() + 1);
        world.weather.outage.set(Some(how));
        let long = pick(&[seconds(0, 5), seconds(5, 60), seconds(60, 200)]);
        sleep(if flickers { seconds(1, 15) } else { long }).await;
        world.weather.outage.set(None);
        world.note("the store", "is back");
    }
}

/// Lists everything that is not settled yet.
fn unsettled(world: &World, projects: &[Rc<Project>]) -> Vec<String> {
    let bucket = world.bucket.borrow();
    let mut open: Vec<String> = bucket.objects.keys().filter(|key| key.starts_with(prefix::PENDING)).cloned().collect();
    open.extend(bucket.objects.keys().filter_map(|key| match key.parse() {
        Ok(Key::Script(project, version)) => {
            let done = Key::Done(project, version).to_string();
            (!bucket.objects.contains_key(&done)).then_some(done)
        }
        _ => None,
    }));
    open.extend(
        projects.iter().filter(|project| !project.is_quiet()).map(|project| format!("the object {}", project.id)),
    );
    open.extend((world.in_flight.get() > 0).then(|| "requests in flight".to_owned()));
    open.extend(orphans(world));
    open
}

/// Files and logs that no report names.
fn orphans(world: &World) -> Vec<String> {
    let (bucket, reports) = (world.bucket.borrow(), world.reports());
    let is_orphan = |text: &&String| {
        let Some(key) = text.parse::<Key>().ok() else { return false };
        let Some((project, version, _)) = key.run() else { return false };
        !reports.get(&(project.clone(), version)).is_some_and(|report| {
            report.log.as_ref() == Some(*text) || report.files.iter().any(|file| file.key == **text)
        })
    };
    bucket.objects.keys().filter(is_orphan).cloned().collect()
}

/// Checks the flat path of a project: it must hold exactly the files of the newest completed version.
fn flat_path(bucket: &Bucket, project: &Project, versions: &[VersionView]) -> Vec<String> {
    let newest = versions.iter().filter(|view| view.phase == Phase::Completed).max_by_key(|view| view.version);
    let report = newest.and_then(|view| view.report.as_ref());
    let bytes = |key: &str| bucket.objects.get(key).map(|stored| stored.bytes.clone());
    let is_wrong = |format: &Format| {
        let made = report.and_then(|report| report.file(*format)).and_then(|file| bytes(&file.key));
        made != bytes(&Key::Flat(project.id.clone(), *format).to_string())
    };
    let wrong = Format::ALL.into_iter().filter(is_wrong);
    wrong.map(|format| format!("the flat path of {} has the wrong {format}", project.id)).collect()
}

/// Finds uploads that became two versions, and refused uploads that became one.
fn sent_twice(world: &World, people: &People) -> Vec<String> {
    let bucket = world.bucket.borrow();
    let mut uploads: HashMap<Bytes, u64> = HashMap::new();
    for (_, stored) in bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix::INPUT)) {
        if stored.meta("origin") == Some("upload") {
            *uploads.entry(stored.bytes.clone()).or_default() += 1;
        }
    }
    let text = |script: &Bytes| String::from_utf8_lossy(script).into_owned();
    let twice = uploads.iter().filter(|(_, number)| **number > 1);
    let mut wrong: Vec<_> =
        twice.map(|(script, number)| format!("{} became {number} versions", text(script))).collect();
    let refused = people.refused.borrow();
    let there = refused.iter().filter(|code| uploads.contains_key(code.as_bytes()));
    wrong.extend(there.map(|code| format!("{code} was refused and became a version")));
    wrong
}

/// Checks at the end that every promise was kept once and is reported correctly.
async fn verify(world: &Rc<World>, projects: &[Rc<Project>], people: &People) {
    let mut wrong = Vec::new();
    let jobs: Vec<_> = world.reports().keys().cloned().collect();
    for job in &jobs {
        world.ledger.borrow_mut().check_report(job, &world.bucket.borrow());
    }
    for project in projects {
        let versions = project.versions().await;
        let bucket = world.bucket.borrow();
        for view in &versions {
            let name = format!("{} v{}", project.id, view.version);
            let Some(report) = world.reports().get(&(project.id.clone(), view.version)).cloned() else {
                wrong.push(format!("{name} is {} and has no report in the bucket", view.phase));
                continue;
            };
            if view.phase != Phase::from(report.outcome) {
                wrong.push(format!("{name} is reported as {}, but the bucket has {:?}", view.phase, report.outcome));
            }
            if view.report.as_ref() != Some(&report) {
                wrong.push(format!("{name} is returned with another report"));
            }
        }
        if !world.weather.climate.has_bad_network() {
            // With a bad network, a late copy may stay there until the next version.
            wrong.extend(flat_path(&bucket, project, &versions));
        }
        let is_shown = |version| versions.iter().any(|view| view.version == version);
        for key in bucket.objects.keys() {
            if let Ok(Key::Script(id, version)) = key.parse::<Key>()
                && id == project.id
                && !is_shown(version)
            {
                wrong.push(format!("{key} is not listed"));
            }
        }
        let script_of = |version: Version| {
            bucket.objects.get(&Key::Script(project.id.clone(), version).to_string()).map(|stored| stored.bytes.clone())
        };
        for ((_, version), what) in people.accepted.borrow().iter().filter(|(job, _)| job.0 == project.id) {
            let name = format!("{} v{version}, which was accepted,", project.id);
            // A number promised during an outage may belong to another script. Its record names the number that the
            // script has now.
            let view = versions.iter().find(|view| view.version == *version);
            let version = view.and_then(|view| view.moved_to).unwrap_or(*version);
            let (code, parent) = match what {
                Accepted::Script(code) => (Some(Bytes::from(code.clone())), None),
                Accepted::Again(parent) => (script_of(*parent), Some(*parent)),
            };
            let sum = code.as_ref().map(|code| Sha256::of(code));
            let view = versions.iter().find(|view| view.version == version);
            if view.is_none_or(|view| view.sha256 != sum || view.parent != parent) {
                wrong.push(format!("{name} is missing or different"));
            }
            if script_of(version) != code {
                wrong.push(format!("{name} is missing or different in the bucket"));
            }
        }
    }
    wrong.extend(sent_twice(world, people));
    let ledger = world.ledger.borrow();
    for job in people.cancelled.borrow().iter() {
        if ledger.reports.get(job).is_none_or(|report| report.outcome != Outcome::Cancelled) {
            wrong.push(format!("{} v{} was cancelled but has another outcome", job.0, job.1));
        }
    }
    for (job, report) in &ledger.reports {
        let name = format!("{} v{}", job.0, job.1);
        let is_innocent = !world.weather.climate.has_deaths();
        if is_innocent && report.outcome == Outcome::Abandoned {
            wrong.push(format!("{name} is abandoned, although no process was disturbed"));
        }
        if world.weather.climate == Climate::Calm {
            let runs = ledger.runs.get(job).copied().unwrap_or(0);
            if runs != 1 && report.outcome != Outcome::Cancelled || runs > 1 {
                wrong.push(format!("{name} was run {runs} times in fair weather"));
            }
        }
    }
    if world.weather.climate == Climate::Calm && !people.refused.borrow().is_empty() {
        wrong.push("an upload was refused in fair weather".to_owned());
    }
    drop(ledger);
    world.ledger.borrow_mut().violations.extend(wrong);
}
