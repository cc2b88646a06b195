//! What goes wrong, and how often: drawn anew for each schedule, and nothing once it is over.

use std::cell::Cell;
use std::time::Duration;

use crate::chance::{below, millis, permille, pick, seconds};

/// Which kinds of trouble a schedule has. Those with few kinds allow stronger statements about what may not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Climate {
    /// None at all.
    Calm,
    /// The store is away for a while, for everybody, and perfect otherwise.
    Outages,
    /// Processes die and stand still; the network is perfect.
    Deaths,
    /// Requests and answers are lost, late, doubled, refused for a moment.
    Network,
    /// All of it.
    Storm,
}

impl Climate {
    pub fn draw() -> Self {
        pick(&[
            Self::Calm,
            Self::Outages,
            Self::Deaths,
            Self::Network,
            Self::Storm,
            Self::Storm,
            Self::Storm,
            Self::Storm,
        ])
    }

    pub fn has_deaths(self) -> bool {
        matches!(self, Self::Deaths | Self::Storm)
    }

    pub fn has_outages(self) -> bool {
        matches!(self, Self::Outages | Self::Storm)
    }

    pub fn has_bad_network(self) -> bool {
        matches!(self, Self::Network | Self::Storm)
    }
}

/// How the store is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// No connection, at once.
    Unreachable,
    /// Nothing comes back.
    Silent,
    /// It answers that it is busy.
    Busy,
    /// It refuses the credentials.
    Refusing,
}

/// What becomes of a request once it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Served,
    /// It never arrives; the sender hears of it, or hears nothing.
    Lost {
        heard: bool,
    },
    /// It is served, and the answer is lost; the sender hears of it, or hears nothing.
    AnswerLost {
        heard: bool,
    },
    /// The store does nothing and says so with this status.
    Refused(u16),
    /// The store does it and says that it failed.
    ServedAndFailed,
    /// It is served, and the answer's body breaks off.
    HalfBody,
}

/// What happens to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    None,
    /// It dies when the request is out.
    AtSending,
    /// It dies when the store has served it, before the answer.
    AtServing,
    /// It stands still when the store has served it.
    Suspended,
}

/// One request's way.
#[derive(Debug, Clone, Copy)]
pub struct Journey {
    pub there: Duration,
    pub back: Duration,
    pub fate: Fate,
    /// It arrives once more, so long after the first time.
    pub again: Option<Duration>,
    pub blow: Blow,
}

pub struct Weather {
    pub climate: Climate,
    /// In a thousand requests.
    faulty_requests: u64,
    slow_requests: u64,
    blows: u64,
    pub outage: Cell<Option<Outage>>,
    /// All trouble has ended.
    pub is_over: Cell<bool>,
}

impl Weather {
    pub fn draw(climate: Climate) -> Self {
        let how_bad = |is: bool, among: &[u64]| if is { pick(among) } else { 0 };
        Self {
            climate,
            faulty_requests: how_bad(climate.has_bad_network(), &[10, 50, 150, 350]),
            slow_requests: how_bad(climate.has_bad_network(), &[0, 20, 100]),
            blows: how_bad(climate.has_deaths(), &[0, 1, 5, 20]),
            outage: Cell::new(None),
            is_over: Cell::new(false),
        }
    }

    /// `writes`: it may change something; there processes die with preference.
    pub fn journey(&self, writes: bool) -> Journey {
        let mut journey =
            Journey { there: millis(1, 30), back: millis(1, 20), fate: Fate::Served, again: None, blow: Blow::None };
        if self.is_over.get() || self.climate == Climate::Calm {
            return journey;
        }
        if permille(self.blows * if writes { 4 } else { 1 }) {
            journey.blow = pick(&[Blow::AtSending, Blow::AtServing, Blow::AtServing, Blow::Suspended]);
        }
        if permille(self.slow_requests) {
            // Some arrive long after their sender gave up.
            journey.there = pick(&[millis(100, 3_000), seconds(1, 12), seconds(5, 45)]);
        }
        if permille(self.slow_requests) {
            journey.back = pick(&[millis(100, 3_000), seconds(1, 12)]);
        }
        if permille(self.faulty_requests) {
            let heard = below(3) > 0;
            match below(7) {
                0 => journey.fate = Fate::Lost { heard },
                1 | 2 => journey.fate = Fate::AnswerLost { heard },
                3 => journey.fate = Fate::Refused(pick(&[500, 503, 409])),
                4 => journey.fate = Fate::ServedAndFailed,
                5 => journey.fate = Fate::HalfBody,
                _ => journey.again = Some(pick(&[millis(0, 50), seconds(0, 5), seconds(1, 60)])),
            }
        }
        journey
    }
}
