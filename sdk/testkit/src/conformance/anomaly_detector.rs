//! The suite of anomaly detectors.

use super::cases::{SeriesCase, close, odd, ordinary, random, series};
use super::forecaster::{damaged, within_limits};
use super::suite::{Judged, Suite, broken, is_answer, refused};
use super::{Finding, Options, Property};
use crate::{Plugin, Testkit, TestkitError};
use forewarm_domain::plugin::{PluginError, PluginErrorKind as Kind, Verdict};
use forewarm_runtime::AnomalyDetector;

const fn property(name: &'static str, says: &'static str, source: &'static str) -> Property {
    Property { name, says, source, advisory: false }
}

const SURVIVES: Property = property(
    "survives-odd-series",
    "a series that the contract allows is judged, or refused with an error of the contract, and never traps",
    "types.series: A missing value is NaN; infinities do not occur.",
);
const SAME_ANSWER: Property = property(
    "same-answer",
    "the same series gives the same verdicts in every instance",
    "worlds: a detector is given the same clock and randomness at every call.",
);
const ONE_EACH: Property = property(
    "one-verdict-per-value",
    "there are as many verdicts as values",
    "anomaly-detector.detect: one verdict per value.",
);
const SCORES: Property =
    property("score-range", "every score lies in 0 to 1", "anomaly-detector.verdict.score: 0 (as expected) to 1.");
const BOUNDS: Property = property(
    "usual-range",
    "the usual range is of finite numbers, and its low end is no higher than its high end",
    "anomaly-detector.verdict.expected-high: no lower than `expected-low`.",
);
const MISSING: Property = property(
    "missing-is-usual",
    "a missing value is never anomalous",
    "anomaly-detector.detect: A missing value is never anomalous.",
);
const MONOTONE: Property = property(
    "monotone-sensitivity",
    "what is found at a sensitivity is also found at a higher one",
    "anomaly-detector.detect: a higher one finds more.",
);
const SENSITIVITY: Property = property(
    "bad-sensitivity",
    "a sensitivity outside (0, 1) is invalid-input",
    "anomaly-detector.detect: `sensitivity` lies inside (0, 1).",
);
const CAUSAL: Property = property(
    "causal",
    "later values change no earlier verdict",
    "anomaly-detector.detect: Judges every value of a series by those before it.",
);
const STREAMING: Property = property(
    "stream-agrees",
    "a stream that is fed in parts gives the verdicts of detect",
    "anomaly-detector.stream.push: Judges the next values, oldest first, and learns from them.",
);
const RESTORED: Property = property(
    "save-restore",
    "a restored stream judges the next values the same",
    "anomaly-detector.stream.restore: Builds the detector again from what `save` gave.",
);
const DAMAGED: Property = property(
    "damaged-state",
    "a state that is empty, cut, damaged or another's is invalid-state",
    "types.error.invalid-state: The saved state is not one of this plugin's, or is damaged.",
);
const LIMITS: Property = property(
    "within-own-limits",
    "two weeks of minutes are judged within the limits that the manifest asks for",
    "worlds: the manifest's wanted limits; what goes over them is stopped.",
);

/// Whether a value and its verdict keep to a property.
type Holds = fn(f64, &Verdict) -> bool;

const SENSITIVITIES: [f64; 5] = [0.05, 0.3, 0.5, 0.8, 0.99];
const TOLERANCE: f64 = 1e-9;
const TWO_WEEKS: usize = 20_160;

pub(super) async fn run(
    kit: &Testkit,
    plugin: &Plugin,
    detector: &AnomalyDetector,
    options: &Options,
) -> Result<Vec<Finding>, TestkitError> {
    let Plugin::AnomalyDetector(second) = kit.plugin().await? else {
        return Err(TestkitError::Kind { wanted: plugin.kind(), found: plugin.kind() });
    };
    let mut suite = Suite::default();
    verdicts(&mut suite, detector, &second, options).await;
    sensitivities(&mut suite, detector, options).await;
    streams(&mut suite, detector, &second, options).await;
    Ok(suite.findings())
}

fn cases(options: &Options, property: Property) -> Vec<SeriesCase> {
    let mut random = random(options.seed, property.name);
    let mut cases = ordinary(&mut random, options.cases, (40, 600), 0);
    cases.extend(odd(&mut random, 120, 0));
    cases
}

async fn detect(of: &AnomalyDetector, values: &[f64]) -> Result<Vec<Verdict>, PluginError> {
    of.detect_unchecked(series(values.to_vec()), 0.5).await
}

async fn verdicts(suite: &mut Suite, of: &AnomalyDetector, second: &AnomalyDetector, options: &Options) {
    suite.property(SURVIVES, cases(options, SURVIVES), async |case| survives(of, case).await).await;
    suite
        .property(SAME_ANSWER, cases(options, SAME_ANSWER), async |case| {
            let first = detect(of, &case.values).await?;
            same(&first, &detect(of, &case.values).await?, 0.0)?;
            same(&first, &detect(second, &case.values).await?, 0.0)
        })
        .await;
    let each: [(Property, Holds); 3] = [
        (SCORES, |_, verdict| (0.0..=1.0).contains(&verdict.score)),
        (BOUNDS, |_, verdict| {
            verdict.expected_low.is_finite()
                && verdict.expected_high.is_finite()
                && verdict.expected_low <= verdict.expected_high
        }),
        (MISSING, |value, verdict| !value.is_nan() || !verdict.anomalous),
    ];
    suite
        .property(ONE_EACH, cases(options, ONE_EACH), async |case| {
            let (got, wanted) = (detect(of, &case.values).await?.len(), case.values.len());
            if got == wanted { Ok(()) } else { broken(format!("{got} verdicts for {wanted} values")) }
        })
        .await;
    for (property, holds) in each {
        suite
            .property(property, cases(options, property), async |case| {
                let verdicts = detect(of, &case.values).await?;
                match case
                    .values
                    .iter()
                    .zip(&verdicts)
                    .enumerate()
                    .find(|(_, (value, verdict))| !holds(**value, verdict))
                {
                    Some((at, (value, verdict))) => broken(format!("value {at} ({value}) has the verdict {verdict:?}")),
                    None => Ok(()),
                }
            })
            .await;
    }
    suite
        .property(CAUSAL, cases(options, CAUSAL), async |case| {
            let at = case.values.len() / 2;
            let first = detect(of, &case.values).await?;
            let mut changed = case.values.clone();
            changed[at..].iter_mut().for_each(|value| *value = if value.is_nan() { 1.0 } else { 1e6 - *value });
            let second = detect(of, &changed).await?;
            same(&first[..at.min(first.len())], &second[..at.min(second.len())], TOLERANCE)
        })
        .await;
}

async fn survives(of: &AnomalyDetector, case: &SeriesCase) -> Judged {
    let alive = |what: &str, error: &PluginError| {
        if is_answer(error) || error.kind == Kind::InvalidAnswer {
            return Ok(());
        }
        broken(format!("{what}: {error}"))
    };
    if let Err(error) = of.detect_unchecked(case.series(), 0.5).await {
        alive("detect", &error)?;
    }
    let mut stream = match of.start(case.series(), 0.5).await {
        Ok(stream) => stream,
        Err(error) => return alive("start", &error),
    };
    if let Err(error) = stream.push(case.values.clone()).await {
        alive("push", &error)?;
    }
    stream.save().await.map(drop).or_else(|error| alive("save", &error))
}

async fn sensitivities(suite: &mut Suite, of: &AnomalyDetector, options: &Options) {
    suite
        .property(MONOTONE, cases(options, MONOTONE), async |case| {
            let mut before: Option<(f64, Vec<Verdict>)> = None;
            for sensitivity in SENSITIVITIES {
                let now = of.detect_unchecked(case.series(), sensitivity).await?;
                if let Some((lower, found)) = &before
                    && let Some(at) =
                        (0..now.len().min(found.len())).find(|at| found[*at].anomalous && !now[*at].anomalous)
                {
                    return broken(format!("value {at} is anomalous at {lower} and not at {sensitivity}"));
                }
                before = Some((sensitivity, now));
            }
            Ok(())
        })
        .await;
    let ordinary: Vec<_> = cases(options, SENSITIVITY).into_iter().take(1).collect();
    suite
        .property(SENSITIVITY, ordinary, async |case| {
            for wrong in [0.0, 1.0, -0.5, 2.0, f64::NAN] {
                let answer = of.detect_unchecked(case.series(), wrong).await;
                refused(&format!("a sensitivity of {wrong}"), answer, Kind::InvalidInput)?;
            }
            Ok(())
        })
        .await;
}

async fn streams(suite: &mut Suite, of: &AnomalyDetector, second: &AnomalyDetector, options: &Options) {
    suite
        .property(STREAMING, cases(options, STREAMING), async |case| {
            let whole = detect(of, &case.values).await?;
            let mut stream = of.start(series(vec![]), 0.5).await?;
            let mut parts = Vec::new();
            for part in case.values.chunks((case.values.len() / 5).max(1)) {
                parts.extend(stream.push(part.to_vec()).await?);
            }
            same(&whole, &parts, TOLERANCE)
        })
        .await;
    suite
        .property(RESTORED, cases(options, RESTORED), async |case| {
            let (history, next) = case.values.split_at(case.values.len() / 2);
            let mut stream = of.start(series(history.to_vec()), 0.5).await?;
            let mut restored = match second.restore(stream.save().await?).await {
                Err(error) if is_answer(&error) => return broken(format!("its own state was refused: {error}")),
                restored => restored?,
            };
            same(&stream.push(next.to_vec()).await?, &restored.push(next.to_vec()).await?, 0.0)
        })
        .await;
    let ordinary: Vec<_> = cases(options, DAMAGED).into_iter().take(2).collect();
    suite
        .property(DAMAGED, ordinary, async |case| {
            let saved = of.start(case.series(), 0.5).await?.save().await?;
            for (what, state) in damaged(&saved) {
                refused(what, of.restore(state).await, Kind::InvalidState)?;
            }
            Ok(())
        })
        .await;
    let weeks = super::cases::load(&mut random(options.seed, LIMITS.name), TWO_WEEKS);
    let long = vec![SeriesCase::new("two weeks of minutes", weeks, 0)];
    suite
        .property(LIMITS, long, async |case| {
            within_limits(detect(of, &case.values).await)?;
            let save = async { of.start(case.series(), 0.5).await?.save().await };
            within_limits(save.await)
        })
        .await;
}

/// Whether verdicts agree; a tolerance of 0 means to the bit.
fn same(one: &[Verdict], other: &[Verdict], tolerance: f64) -> Judged {
    if one.len() != other.len() {
        return broken(format!("{} verdicts, and then {}", one.len(), other.len()));
    }
    let agree = |x: f64, y: f64| x.to_bits() == y.to_bits() || tolerance > 0.0 && close(x, y, tolerance);
    let differs = one.iter().zip(other).position(|(a, b)| {
        a.anomalous != b.anomalous
            || !agree(a.score, b.score)
            || !agree(a.expected_low, b.expected_low)
            || !agree(a.expected_high, b.expected_high)
    });
    match differs {
        Some(at) => broken(format!("value {at} has the verdict {:?}, and then {:?}", one[at], other[at])),
        None => Ok(()),
    }
}
