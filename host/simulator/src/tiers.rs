//! Tiers between off and warm that a simulated cloud offers: what holding one costs, how long it takes until one serves,
//! and how long until one is there.

mod cloud;
mod usage;

use crate::boots::{BOOT_S_MAX, steps};
use forewarm_domain::instance::Tier;
use forewarm_domain::plan::Standby;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

pub use cloud::{Target, TieredCloud, TieredStep};
pub use usage::Usage;

/// The standard deviations of a 95th percentile: plans allow for it, as a host does for what it has measured.
const PLANNED_DEVIATIONS: f64 = 1.645;
/// The largest spread of a latency.
const SPREAD_MAX: f64 = 2.0;

/// The tiers on offer, at least one; a cloud without any has none of this.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tiers {
    /// Stopped or hibernated instances, which are started.
    pub parked: Option<Offer>,
    /// Booted ones with the base system only, which are specialised.
    pub shell: Option<Offer>,
}

/// One tier: `hold=0.1,latency=30s`, and where wanted `spread=0.4` and `enter=20s`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// What holding one costs, relative to a warm one: 0 to below 1.
    pub hold: f64,
    /// Seconds until one serves, at the median.
    pub latency_s: f64,
    /// The standard deviation of the latency's logarithm; 0 is always the same.
    pub spread: f64,
    /// Seconds until one is in the tier: of a warm one that is parked, as long as the latency unless given; of a shell that
    /// is built, a boot unless given.
    pub enter_s: Option<f64>,
}

/// What is wrong with an offer as it is written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// Not a list of settings.
    #[error("`{0}` is no setting of a tier: write hold=SHARE,latency=TIME and where wanted spread=SIGMA,enter=TIME")]
    Unknown(String),
    /// A setting is there twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// A setting is missing.
    #[error("{0} is missing: write hold=SHARE,latency=TIME, such as hold=0.1,latency=30s")]
    Missing(&'static str),
    /// A value that is none.
    #[error("{key} is `{value}`: use {right}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        right: &'static str,
    },
}

/// An offer that is of no use beside the boots.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TiersError {
    /// It serves no sooner than a boot.
    #[error(
        "{tier}: one serves within {planned_s:.0} s (95th percentile) and so {steps} steps of {step_s} s later, no sooner than \
         after a boot of {boot_s:.0} s: such a tier is never used, give a shorter latency"
    )]
    TooSlow {
        /// Which tier.
        tier: &'static str,
        /// Its planned latency.
        planned_s: f64,
        /// The same in steps.
        steps: usize,
        /// A step in seconds.
        step_s: i64,
        /// A boot.
        boot_s: f64,
    },
    /// A shell takes longer than what it stands for.
    #[error(
        "shell: one is built within {enter_s:.0} s, a boot takes {boot_s:.0} s: a shell is a part of a boot, give no more than that"
    )]
    TooLongToBuild {
        /// What was given.
        enter_s: f64,
        /// A boot.
        boot_s: f64,
    },
}

const SHARE: &str = "a share of a warm one's price, from 0 to below 1";
const TIME: &str = "a time above 0 up to a day, such as 30s, 1.5s or 2m";
const SIGMA: &str = "a standard deviation from 0 to 2";

impl FromStr for Offer {
    type Err = OfferError;

    fn from_str(text: &str) -> Result<Self, OfferError> {
        let (mut hold, mut latency_s, mut spread, mut enter_s) = (None, None, None, None);
        for setting in text.split(',') {
            let (key, value) = setting.split_once('=').ok_or_else(|| OfferError::Unknown(setting.trim().into()))?;
            let value = value.trim();
            match key.trim() {
                "hold" => put(&mut hold, "hold", value, SHARE, number(value, |share| (0.0..1.0).contains(&share)))?,
                "latency" => put(&mut latency_s, "latency", value, TIME, seconds(value))?,
                "enter" => put(&mut enter_s, "enter", value, TIME, seconds(value))?,
                "spread" => {
                    let sigma = number(value, |sigma| (0.0..=SPREAD_MAX).contains(&sigma));
                    put(&mut spread, "spread", value, SIGMA, sigma)?;
                }
                _ => return Err(OfferError::Unknown(setting.trim().into())),
            }
        }
        Ok(Self {
            hold: hold.ok_or(OfferError::Missing("hold"))?,
            latency_s: latency_s.ok_or(OfferError::Missing("latency"))?,
            spread: spread.unwrap_or(0.0),
            enter_s,
        })
    }
}

fn put(
    slot: &mut Option<f64>,
    key: &'static str,
    value: &str,
    right: &'static str,
    read: Option<f64>,
) -> Result<(), OfferError> {
    let read = read.ok_or_else(|| OfferError::Value { key, value: value.to_owned(), right })?;
    if slot.replace(read).is_some() { Err(OfferError::Twice(key)) } else { Ok(()) }
}

fn number(text: &str, fits: impl Fn(f64) -> bool) -> Option<f64> {
    text.parse().ok().filter(|number| fits(*number))
}

/// Seconds, bare or with a unit.
fn seconds(text: &str) -> Option<f64> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => match text.strip_suffix('m') {
            Some(number) => (number, 60.0),
            None => (text.strip_suffix('s').unwrap_or(text), 1.0),
        },
    };
    let seconds = number.parse::<f64>().ok()? * factor;
    (seconds > 0.0 && seconds <= BOOT_S_MAX).then_some(seconds)
}

impl Offer {
    /// The latency that plans allow for: its 95th percentile.
    #[must_use]
    pub fn planned_s(&self) -> f64 {
        self.latency_s * (PLANNED_DEVIATIONS * self.spread).exp()
    }
}

impl Tiers {
    /// The tiers that are offered; `None` where there are none.
    #[must_use]
    pub fn new(parked: Option<Offer>, shell: Option<Offer>) -> Option<Self> {
        (parked.is_some() || shell.is_some()).then_some(Self { parked, shell })
    }

    /// Whether each tier is of use where boots take `boot_s`.
    ///
    /// # Errors
    /// [`TiersError`] for one that serves no sooner than a boot, or takes longer to build than that.
    pub fn check(&self, boot_s: f64, step_ms: i64) -> Result<(), TiersError> {
        for (tier, offer) in [("parked", self.parked), ("shell", self.shell)] {
            let Some(planned_s) = offer.map(|offer| offer.planned_s()) else { continue };
            let steps_to_warm = steps(planned_s, step_ms);
            if steps_to_warm >= steps(boot_s, step_ms) {
                let step_s = step_ms / 1_000;
                return Err(TiersError::TooSlow { tier, planned_s, steps: steps_to_warm, step_s, boot_s });
            }
        }
        match self.shell.and_then(|shell| shell.enter_s).filter(|enter_s| *enter_s > boot_s) {
            Some(enter_s) => Err(TiersError::TooLongToBuild { enter_s, boot_s }),
            None => Ok(()),
        }
    }

    /// What a planner is told of them.
    #[must_use]
    pub fn standby(&self, boot_steps: usize, step_ms: i64) -> Vec<Standby> {
        let standby = |(tier, offer): (Tier, Option<Offer>)| {
            let offer = offer?;
            let latency_steps = offer.planned_s() * 1_000.0 / step_ms as f64;
            let built = offer.enter_s.filter(|_| tier == Tier::Shell).map(|enter_s| steps(enter_s, step_ms));
            Some(Standby { tier, hold: offer.hold, latency_steps, build_steps: built.unwrap_or(boot_steps) })
        };
        [(Tier::Parked, self.parked), (Tier::Shell, self.shell)].into_iter().filter_map(standby).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_MS: i64 = 60_000;

    fn offer(text: &str) -> Offer {
        text.parse().expect("an offer")
    }

    #[test]
    fn an_offer_is_read() {
        let bare = Offer { hold: 0.1, latency_s: 30.0, spread: 0.0, enter_s: None };
        assert_eq!(offer("hold=0.1,latency=30s"), bare);
        let full = Offer { hold: 0.0, latency_s: 90.0, spread: 0.4, enter_s: Some(0.25) };
        assert_eq!(offer("latency=1.5m, hold=0, enter=250ms, spread=0.4"), full);
        assert!((full.planned_s() - 90.0 * 1.931).abs() < 0.1, "{}", full.planned_s());
    }

    #[test]
    fn what_is_no_offer_is_told_with_what_would_be_right() {
        for (text, told) in [
            ("", "`` is no setting of a tier: write hold=SHARE,latency=TIME"),
            ("hold=0.1", "latency is missing"),
            ("latency=30s", "hold is missing"),
            ("hold=1,latency=30s", "hold is `1`: use a share of a warm one's price, from 0 to below 1"),
            ("hold=-0.1,latency=30s", "hold is `-0.1`"),
            ("hold=NaN,latency=30s", "hold is `NaN`"),
            ("hold=0.1,latency=0s", "latency is `0s`: use a time above 0 up to a day"),
            ("hold=0.1,latency=-5s", "latency is `-5s`"),
            ("hold=0.1,latency=2d", "latency is `2d`"),
            ("hold=0.1,latency=infs", "latency is `infs`"),
            ("hold=0.1,latency=99999s", "latency is `99999s`"),
            ("hold=0.1,latency=30s,spread=3", "spread is `3`: use a standard deviation from 0 to 2"),
            ("hold=0.1,latency=30s,enter=soon", "enter is `soon`"),
            ("hold=0.1,latency=30s,hold=0.2", "hold is given twice"),
            ("hold=0.1,latency=30s,price=3", "`price=3` is no setting of a tier"),
        ] {
            let error = text.parse::<Offer>().expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_tier_has_to_be_quicker_than_a_boot() {
        let check = |parked: &str, boot_s: f64| {
            let tiers = Tiers::new(Some(offer(parked)), None).expect("one");
            tiers.check(boot_s, STEP_MS).err().map_or_else(String::new, |error| error.to_string())
        };
        assert_eq!(check("hold=0.1,latency=30s", 300.0), "");
        assert!(check("hold=0.1,latency=300s", 300.0).starts_with("parked: one serves within 300 s"));
        assert!(check("hold=0.1,latency=241s", 300.0).contains("5 steps of 60 s"), "as late on the grid");
        assert!(check("hold=0.1,latency=120s,spread=1", 300.0).contains("within 622 s"), "at the 95th percentile");
        assert!(check("hold=0.1,latency=5s", 60.0).contains("no sooner than after a boot of 60 s"));
        let shell = Tiers::new(None, Some(offer("hold=0.5,latency=10s,enter=400s"))).expect("one");
        let told = shell.check(300.0, STEP_MS).expect_err("too long").to_string();
        assert!(told.starts_with("shell: one is built within 400 s, a boot takes 300 s"), "{told}");
    }

    #[test]
    fn planners_are_told_what_hosts_are_told() {
        let both = Tiers::new(Some(offer("hold=0.1,latency=30s")), Some(offer("hold=0.5,latency=6s,enter=200s")));
        let told = both.expect("two").standby(5, STEP_MS);
        let parked = Standby { tier: Tier::Parked, hold: 0.1, latency_steps: 0.5, build_steps: 5 };
        assert_eq!(told, [parked, Standby { tier: Tier::Shell, hold: 0.5, latency_steps: 0.1, build_steps: 4 }]);
        assert_eq!(Tiers::new(None, None), None);
    }
}
