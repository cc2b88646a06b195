//! The faults of a schedule and their rates: drawn for each schedule, and gone once the trouble is over.

use std::cell::Cell;
use std::time::Duration;

use crate::chance::{below, millis, permille, pick, seconds};

/// The kinds of faults in a schedule. Climates with fewer kinds allow stricter checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Climate {
    /// No faults.
    Calm,
    /// The store has outages and is otherwise perfect.
    Outages,
    /// Processes die or are suspended; the network is perfect.
    Deaths,
    /// Requests and responses are lost, late, doubled, or refused for a moment.
    Network,
    /// All of these.
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

/// The kind of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Connections are refused at once.
    Unreachable,
    /// No response comes.
    Silent,
    /// Every response says that the store is busy.
    Busy,
    /// Every response refuses the credentials.
    Refusing,
}

/// The fate of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Served,
    /// It does not arrive. The sender gets an error if `heard`, or else nothing.
    Lost {
        heard: bool,
    },
    /// It is served, but the response is lost. The sender gets an error if `heard`, or else nothing.
    AnswerLost {
        heard: bool,
    },
    /// The store does nothing and responds with this status.
    Refused(u16),
    /// The store serves it and responds with an error.
    ServedAndFailed,
    /// It is served, and the response's body breaks off.
    HalfBody,
}

/// The fate of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    None,
    /// It dies after sending the request.
    AtSending,
    /// It dies after the store has served the request, before the response.
    AtServing,
    /// It is suspended after the store has served the request.
    Suspended,
}

/// The fate of one request.
#[derive(Debug, Clone, Copy)]
pub struct Journey {
    pub there: Duration,
    pub back: Duration,
    pub fate: Fate,
    /// The delay after which the request arrives a second time.
    pub again: Option<Duration>,
    pub blow: Blow,
}

pub struct Weather {
    pub climate: Climate,
    /// Permille of requests.
    faulty_requests: u64,
    slow_requests: u64,
    blows: u64,
    pub outage: Cell<Option<Outage>>,
    /// The trouble is over.
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

    /// Processes die more often at requests that `writes` marks as writing.
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
            // Some arrive long after their sender has given up.
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
