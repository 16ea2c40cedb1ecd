//! `forewarm ingest`: measurements from a CSV file to the host, batch by batch, in constant memory.

use super::Global;
use super::client::Client;
use super::error::CliError;
use super::output::show;
use crate::ingest::Sample;
use crate::ingest::csv::{CsvDefaults, CsvSamples, decode};
use crate::ingest::json::{IngestBody, JsonSample};
use clap::Args;
use forewarm_domain::id::ResourceName;
use forewarm_domain::series::Metric;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Samples of one request.
const BATCH: usize = 5_000;
/// Refused samples that are shown.
const REFUSALS_SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct IngestArgs {
    /// A CSV file with the header `timestamp,value` or `resource,metric,timestamp,value`; `-` for standard input
    file: PathBuf,
    /// What was measured, where the file has no column `resource`
    #[arg(long)]
    resource: Option<ResourceName>,
    /// Which metric, where the file has no column `metric`
    #[arg(long)]
    metric: Option<Metric>,
}

/// What became of the file.
#[derive(Debug, Default, Serialize)]
struct Account {
    accepted: u64,
    duplicates: u64,
    refused_total: u64,
    /// The first refused samples; `index` counts the file's samples from 0.
    refused: Vec<Refused>,
}

/// The host's report on one batch, as far as it is told on.
#[derive(Debug, Deserialize)]
struct Report {
    accepted: u64,
    duplicates: u64,
    refused_total: u64,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    index: usize,
    at: String,
    detail: String,
}

pub(super) async fn run(global: &Global, args: IngestArgs) -> Result<(), CliError> {
    let client = global.client()?;
    let progress = progress(&args.file);
    let source = open(&args.file)?;
    let counted = progress.wrap_read(source);
    let defaults = CsvDefaults { resource: args.resource, metric: args.metric };
    let unread = |error: crate::ingest::csv::CsvError| CliError::file(&args.file, "cannot be understood", error);
    let mut samples = decode(counted, defaults).map_err(unread)?;
    let account = send(&client, &mut samples, &args.file).await?;
    progress.finish_and_clear();
    show(global.output, &account, describe);
    if account.accepted == 0 && account.duplicates == 0 && account.refused_total > 0 {
        return Err(CliError::Failed("every sample was refused".into()));
    }
    Ok(())
}

async fn send<R: Read>(client: &Client, samples: &mut CsvSamples<R>, file: &Path) -> Result<Account, CliError> {
    let mut account = Account::default();
    let mut offset = 0;
    loop {
        let batch = samples.next_batch(BATCH);
        let batch = batch.map_err(|error| {
            CliError::file(file, "cannot be understood", format!("{error} (the {offset} samples before are stored)"))
        })?;
        if batch.is_empty() {
            return Ok(account);
        }
        let count = batch.len();
        let body = IngestBody { samples: batch.into_iter().map(as_json).collect(), series: vec![] };
        account.add(client.post("/v1/ingest/json", &body).await?, offset);
        offset += count;
    }
}

impl Account {
    fn add(&mut self, report: Report, offset: usize) {
        self.accepted += report.accepted;
        self.duplicates += report.duplicates;
        self.refused_total += report.refused_total;
        let room = REFUSALS_SHOWN.saturating_sub(self.refused.len());
        let moved = report.refused.into_iter().map(|refused| Refused { index: refused.index + offset, ..refused });
        self.refused.extend(moved.take(room));
    }
}

fn as_json(sample: Sample) -> JsonSample {
    let Sample { key, at, value } = sample;
    JsonSample { resource: key.resource, metric: key.metric, at, value }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path).map_err(|error| CliError::file(path, "cannot be read", error))?;
    Ok(Box::new(file))
}

/// A bar over the file's bytes, on a terminal only.
fn progress(path: &Path) -> ProgressBar {
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if bytes == 0 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    match ProgressStyle::with_template("{bar:40} {percent}% {binary_bytes_per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn describe(account: &Account) -> String {
    let Account { accepted, duplicates, refused_total, refused } = account;
    let mut lines = vec![format!("{accepted} samples stored, {duplicates} were there before, {refused_total} refused")];
    lines.extend(
        refused.iter().map(|refused| format!("  sample {} at {}: {}", refused.index + 1, refused.at, refused.detail)),
    );
    let more = refused_total.saturating_sub(refused.len() as u64);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_over_all_batches_and_few_are_shown() {
        let mut account = Account::default();
        for batch in 0..4 {
            let refused = (0..4).map(|index| Refused { index, at: "t".into(), detail: "late".into() }).collect();
            account.add(Report { accepted: 10, duplicates: 1, refused_total: 4, refused }, batch * 100);
        }
        assert_eq!((account.accepted, account.duplicates, account.refused_total), (40, 4, 16));
        let shown = describe(&account);
        assert!(shown.contains("sample 301 at t: late") || shown.contains("sample 202 at t: late"), "{shown}");
        assert!(shown.ends_with("and 6 more"), "{shown}");
    }
}
