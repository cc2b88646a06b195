//! A project with many versions beside one with few.

use std::time::Duration;

use bytes::Bytes;
use contract::{Format, Key, Outcome, OutputFile, Report, RunId, Sha256};
use futures::stream::{self, StreamExt};
use platform::Clock;
use s3::PutOptions;
use tokio::time::Instant;

use crate::http::ApiResponse;
use crate::many;
use crate::project::{Project, number};
use crate::stack::Stack;
use crate::table::{Row, Table, median, ms};
use crate::wait::until_within;

/// How many versions the small project has.
const FEW: u64 = 10;

/// How much slower the large one may be.
const RATIO: f64 = 1.2;

const SCRIPT: &str = "import FreeCAD\n";

/// Alternates between the projects, so that both meet the same load of the machine.
pub async fn measure(stack: &Stack, table: &mut Table) {
    let (few, lots) = (stack.project("few"), stack.project("lots"));
    let count = many(10_000, 200);
    for (project, count) in [(&few, FEW), (&lots, count)] {
        drop_in(stack, project, count).await;
        // The first contact imports all versions. Their reports are then read one by one.
        let began = Instant::now();
        project.get("status").await;
        until_within(Duration::from_secs(1_800), "every report to be read", async || {
            let first = project.get("outputs?version=1").await;
            let newest = project.get("status").await["status_info"]["version"].as_u64();
            if first["phase"] == "completed" && newest == Some(count) { Ok(()) } else { Err(first.to_string()) }
        })
        .await;
        println!("{count} versions imported in {:.1} s", began.elapsed().as_secs_f64());
    }

    let mut times: [[Vec<Duration>; 2]; 3] = Default::default();
    for round in 0..many(100, 5) {
        let mut projects = [&few, &lots].into_iter().enumerate().collect::<Vec<_>>();
        if round % 2 == 1 {
            projects.reverse();
        }
        for (which, project) in projects {
            times[0][which].push(timed(project.send_script(SCRIPT), 201).await);
            times[1][which].push(timed(stack.api().get(&project.path("status")), 200).await);
            times[2][which].push(timed(stack.api().get(&project.path("download/step?version=3")), 200).await);
        }
    }
    for (what, [few, lots]) in ["upload", "status", "download link"].into_iter().zip(times) {
        let (few, lots) = (median(few), median(lots));
        let ratio = lots.as_secs_f64() / few.as_secs_f64();
        table.row(Row {
            what: format!("{what}, at version {count}: p50"),
            target: format!("≤ {RATIO} times"),
            baseline: format!("at version {FEW}: {}", ms(few)),
            measured: ms(lots),
            ratio: format!("{ratio:.2} times"),
            met: Some(ratio <= RATIO),
        });
    }
}

async fn timed(asking: impl Future<Output = ApiResponse>, status: u16) -> Duration {
    let began = Instant::now();
    let answer = asking.await;
    let took = began.elapsed();
    answer.expect(status);
    took
}

/// Stores scripts and reports as if they were old.
async fn drop_in(stack: &Stack, project: &Project<'_>, count: u64) {
    let put = async |key: Key, body: Bytes| {
        stack.client().put(&key.to_string(), body, &PutOptions::if_absent()).await.unwrap();
    };
    let versions = stream::iter((1..=count).map(number));
    versions
        .for_each_concurrent(16, |version| async move {
            let mut report = Report::new(project.id.clone(), version, Outcome::Completed, stack.clock.now());
            let run = RunId::random();
            report.files = [Format::FcStd, Format::Step, Format::Stl, Format::Obj]
                .map(|format| OutputFile {
                    format,
                    key: Key::Output(project.id.clone(), version, run.clone(), format).to_string(),
                    size: 20_000,
                    sha256: Some(Sha256::of(b"")),
                    made_by: Some("runner".to_owned()),
                })
                .into();
            (report.run, report.attempt) = (Some(run), Some(1));
            put(Key::Script(project.id.clone(), version), Bytes::from_static(SCRIPT.as_bytes())).await;
            put(Key::Done(project.id.clone(), version), serde_json::to_vec(&report).unwrap().into()).await;
        })
        .await;
}
