//! Runners: the real daemon, started again and again, and what befalls it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use freecad_runner::config::Config;
use freecad_runner::daemon;
use freecad_runner::hints::Hints;
use freecad_runner::transport::SystemClock;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::bucket;
use crate::chance::{below, pick, seconds};
use crate::life::Life;
use crate::line::Line;
use crate::world::{Defect, World};

/// One runner.
pub struct Runner {
    world: Rc<World>,
    config: Config,
    now: RefCell<Present>,
}

/// A runner's present life, how it is told to stop, and how it is told that there is work.
struct Present {
    life: Rc<Life>,
    stop: watch::Sender<bool>,
    hints: Rc<Hints>,
}

impl Present {
    fn new(name: String) -> Self {
        Self { life: Life::new(name), stop: watch::channel(false).0, hints: Rc::new(Hints::new(false)) }
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
        let mut config = Config { poll, lease, ..config.expect("they are complete") };
        config.drain = pick(&[Duration::ZERO, Duration::from_secs(8)]);
        config.engine.slots = pick(&[1, 2]);
        if world.defect == Defect::ImpatientRunner && number == 1 {
            config.lease = Duration::from_secs(2);
        }
        Rc::new(Self { world: world.clone(), config, now: RefCell::new(Present::new(name)) })
    }

    /// Lives again and again, for ever.
    pub async fn run(self: Rc<Self>) {
        for number in 1.. {
            let present = Present::new(format!("{}#{number}", self.config.name));
            let (life, hints, stopping) = (present.life.clone(), present.hints.clone(), present.stop.subscribe());
            *self.now.borrow_mut() = present;
            let line = Line { world: self.world.clone(), life: life.clone() };
            let bench = Bench::new(self.world.clone(), life.clone());
            let clock = SystemClock::new();
            self.world.note(&life.name, "starts");
            let ended = life.live(daemon::run(&self.config, &bench, &line, &clock, &hints, stopping)).await;
            self.world.note(&life.name, &format!("ended: {ended:?}"));
            // What it sent is still on its way, but nobody waits for an answer.
            life.kill();
            sleep(if self.world.weather.is_over.get() { Duration::from_secs(1) } else { seconds(0, 40) }).await;
        }
    }

    /// Strikes now and then, for as long as there is trouble.
    pub async fn trouble(self: Rc<Self>) {
        loop {
            sleep(seconds(1, 60)).await;
            if self.world.weather.is_over.get() {
                return;
            }
            let (life, lease) = (self.now.borrow().life.clone(), self.config.lease);
            if life.is_dead() {
                continue;
            }
            let counts = &self.world.counts;
            let a_while = lease.mul_f64(below(300) as f64 / 100.0);
            match below(4) {
                0 => {
                    self.world.note(&life.name, "is killed");
                    counts.crashes.set(counts.crashes.get() + 1);
                    life.kill();
                }
                1 => {
                    self.world.note(&life.name, &format!("is suspended for {} s", a_while.as_secs()));
                    counts.suspensions.set(counts.suspensions.get() + 1);
                    life.suspend();
                }
                2 => {
                    self.world.note(&life.name, &format!("is cut off for {} s", a_while.as_secs()));
                    life.cut_off();
                }
                _ => {
                    self.world.note(&life.name, "gets SIGTERM");
                    counts.drains.set(counts.drains.get() + 1);
                    self.now.borrow().stop.send_replace(true);
                }
            }
            sleep(a_while).await;
            // Also one that a request of its own has suspended.
            self.now.borrow().life.resume();
        }
    }

    /// Somebody says that there is work, whether there is or not.
    pub fn wake(&self) {
        self.now.borrow().hints.request_poll();
    }

    /// Whatever it suffers ends.
    pub fn heal(&self) {
        self.now.borrow().life.resume();
    }
}
