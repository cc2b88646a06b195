//! Runners: the real daemon, restarted again and again, and its troubles.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use freecad_runner::config::Config;
use freecad_runner::daemon;
use freecad_runner::hints::Hints;
use freecad_runner::transport::SystemClock;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bucket;
use crate::chance::{below, pick, seconds};
use crate::fake_engine::FakeEngine;
use crate::network::Network;
use crate::process::Process;
use crate::world::{Defect, World};

pub struct Runner {
    world: Rc<World>,
    config: Config,
    now: RefCell<Present>,
}

/// A runner's present process, its stop signal and its hints.
struct Present {
    process: Rc<Process>,
    stop: watch::Sender<bool>,
    hints: Rc<Hints>,
}

impl Present {
    fn new(name: String) -> Self {
        Self { process: Process::new(name), stop: watch::channel(false).0, hints: Rc::new(Hints::new(false)) }
    }
}

impl Runner {
    pub fn new(world: &Rc<World>, number: usize, poll: Duration, lease: Duration) -> Rc<Self> {
        let name = format!("runner-{number}");
        let config = Config::from_settings(&|setting| match setting {
            "RUNNER_NAME" => Some(name.clone()),
            "RUNNER_SLOTS" => Some("2".to_owned()),
            setting => bucket::setting(setting),
        });
        let mut config = Config { poll, lease, ..config.expect("the settings are complete") };
        config.drain = pick(&[Duration::ZERO, Duration::from_secs(8)]);
        config.engine.slots = pick(&[1, 2]);
        if world.defect == Defect::ImpatientRunner && number == 1 {
            config.lease = Duration::from_secs(2);
        }
        Rc::new(Self { world: world.clone(), config, now: RefCell::new(Present::new(name)) })
    }

    /// Starts a new process whenever the last one ended, for ever.
    pub async fn run(self: Rc<Self>) {
        for number in 1.. {
            let present = Present::new(format!("{}#{number}", self.config.name));
            let (process, hints, stopping) = (present.process.clone(), present.hints.clone(), present.stop.subscribe());
            *self.now.borrow_mut() = present;
            let network = Network { world: self.world.clone(), process: process.clone() };
            let engine = FakeEngine::new(self.world.clone(), process.clone());
            let clock = SystemClock::new();
            self.world.note(&process.name, "starts");
            let ended = process.run(daemon::run(&self.config, &engine, &network, &clock, &hints, stopping)).await;
            self.world.note(&process.name, &format!("ended: {ended:?}"));
            // Its requests may still arrive, but nobody waits for the responses.
            process.kill();
            sleep(if self.world.weather.is_over.get() { Duration::from_secs(1) } else { seconds(0, 40) }).await;
        }
    }

    /// Kills, suspends, disconnects or stops it sometimes, until the trouble is over.
    pub async fn disturb(self: Rc<Self>) {
        loop {
            sleep(seconds(1, 60)).await;
            if self.world.weather.is_over.get() {
                return;
            }
            let (process, lease) = (self.now.borrow().process.clone(), self.config.lease);
            if process.is_dead() {
                continue;
            }
            let counts = &self.world.counts;
            let a_while = lease.mul_f64(below(300) as f64 / 100.0);
            match below(4) {
                0 => {
                    self.world.note(&process.name, "is killed");
                    counts.crashes.set(counts.crashes.get() + 1);
                    process.kill();
                }
                1 => {
                    self.world.note(&process.name, &format!("is suspended for {} s", a_while.as_secs()));
                    counts.suspensions.set(counts.suspensions.get() + 1);
                    process.suspend();
                }
                2 => {
                    self.world.note(&process.name, &format!("is cut off for {} s", a_while.as_secs()));
                    process.cut_off();
                }
                _ => {
                    self.world.note(&process.name, "gets SIGTERM");
                    counts.drains.set(counts.drains.get() + 1);
                    self.now.borrow().stop.send_replace(true);
                }
            }
            sleep(a_while).await;
            // This also resumes a process that one of its own requests has suspended.
            self.now.borrow().process.resume();
        }
    }

    /// Hints that there is work, whether there is or not.
    pub fn wake(&self) {
        self.now.borrow().hints.request_poll();
    }

    /// Ends the present trouble.
    pub fn heal(&self) {
        self.now.borrow().process.resume();
    }
}
