//! `forewarm up`: run a host, by the machine's clock or against a replayed trace.

mod host;
mod log;
mod market;
mod replay;

use super::Global;
use super::duration::duration;
use super::error::CliError;
use crate::app::Surroundings;
use crate::config::load;
use crate::replay::{ReplayOptions, Source};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What `forewarm up` takes.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The address and port that the API listens on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The NATS server that connects several hosts
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// The database: sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Replay a demand trace in virtual time: `sample`, or a CSV file with the header `timestamp,value`
    #[arg(long, value_name = "sample|FILE", help_heading = "Replay")]
    replay: Option<String>,
    /// Virtual seconds per second, or `max` for as fast as it goes
    #[arg(long, value_name = "FACTOR", default_value = "7200", value_parser = speed, requires = "replay", help_heading = "Replay")]
    speed: Speed,
    /// End the replay after so much real time, such as 60s, 5m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "replay", help_heading = "Replay")]
    exit_after: Option<Duration>,
    /// Begin anew even where an interrupted replay could be continued
    #[arg(long, requires = "replay", help_heading = "Replay")]
    fresh: bool,
    /// The share of the trace that is given as history before the replay begins, 0 to 0.95
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, requires = "replay", help_heading = "Replay")]
    history: f64,
}

/// Virtual seconds per second; `None` for as fast as it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Speed(Option<f64>);

pub(super) async fn run(global: &Global, args: UpArgs, around: Surroundings) -> Result<ExitCode, CliError> {
    let sources = global
        .sources()?
        .with_flag("--listen", "http.listen", args.listen)
        .with_flag("--nats", "bus.nats_url", args.nats)
        .with_flag("--database", "store.url", args.database);
    let config = load(&sources)?;
    log::start(&config.log)?;
    match args.replay {
        None => host::run(config, around).await?,
        Some(source) => {
            let source = if source == "sample" { Source::Sample } else { Source::File(PathBuf::from(source)) };
            let options = ReplayOptions {
                source,
                speed: args.speed.0,
                exit_after: args.exit_after,
                fresh: args.fresh,
                history: args.history,
            };
            replay::run(config, options, global.output).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && (0.001..=1e6).contains(factor));
    factor.map(|factor| Speed(Some(factor))).ok_or_else(|| "use a number from 0.001 to 1000000, or `max`".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| (0.0..=0.95).contains(share));
    share.ok_or_else(|| "use a number from 0 to 0.95".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_shares_are_checked() {
        assert_eq!((speed("max"), speed("1.5")), (Ok(Speed(None)), Ok(Speed(Some(1.5)))));
        for bad in ["0", "-1", "nan", "inf", "fast"] {
            assert!(speed(bad).is_err(), "{bad}");
        }
        assert!(share("0.5").is_ok() && share("1").is_err() && share("nan").is_err());
    }
}
