//! What a backtest found: the forecasts as a file for other programs, and the measures per model and for the combination.

use super::BacktestArgs;
use super::evaluate::{Effort, Evaluated};
use super::input::{Input, Told};
use super::members::Members;
use crate::cli::error::CliError;
use forewarm_domain::forecast::Fan;
use forewarm_forecasting::measures::{Board, Summary, Task};
use forewarm_forecasting::reference::Banded;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// The most series that are named with what went wrong.
const NAMED_MAX: usize = 20;

/// The figures.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) horizon: usize,
    pub(super) season: Vec<usize>,
    /// Origins per series.
    pub(super) origins: usize,
    pub(super) series: usize,
    pub(super) models: Vec<Line>,
    /// Absent where one model was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) combination: Option<Line>,
    /// Series and origins without a forecast.
    pub(super) lost: usize,
    /// The first of them, and why.
    pub(super) lost_first: Vec<Lost>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(flatten)]
    pub(super) measures: Summary,
    /// Processor seconds per series, backtest windows included.
    pub(super) cpu_s_per_series: f64,
    /// Fits per series that these seconds were for.
    pub(super) fits_per_series: f64,
    /// The mean share in the combination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<f64>,
    /// Fits or forecasts that failed.
    pub(super) failures: u32,
    /// Why the first one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}

/// One series, or one origin of it, without a forecast.
#[derive(Debug, Serialize)]
pub(super) struct Lost {
    pub(super) series_id: String,
    pub(super) why: String,
}

impl Evaluated {
    /// Every answer with its series and origin, origin by origin.
    fn tasks(&self, input: &Input) -> impl Iterator<Item = (Arc<Told>, usize, &Result<Fan, String>)> {
        let told: Vec<Arc<Told>> = input.series.clone();
        self.answers.iter().enumerate().flat_map(move |(origin, answers)| {
            let told = told.clone();
            answers.iter().zip(told).map(move |(answer, told)| {
                let at = told.origins[origin];
                (told, at, answer)
            })
        })
    }

    pub(super) fn report(&self, input: &Input, members: &Members, args: &BacktestArgs) -> Report {
        let tasks = scored(input, args.horizon);
        let models: Vec<Line> = (0..members.all.len()).map(|index| self.line(index, &tasks, members)).collect();
        let combination = (models.len() > 1).then(|| self.combination(&models, &tasks));
        let (lost, lost_first) = self.lost(input);
        let series = input.series.len();
        let origins = self.answers.len();
        Report {
            horizon: args.horizon,
            season: input.seasons.clone(),
            origins,
            series,
            models,
            combination,
            lost,
            lost_first,
        }
    }

    fn line(&self, index: usize, tasks: &[Vec<Scored>], members: &Members) -> Line {
        let mut board = Board::default();
        let mut effort = Effort::default();
        let (mut weight, mut weighed) = (0.0, 0.0);
        for (tasks, done) in tasks.iter().zip(&self.series) {
            for (task, judged) in tasks.iter().zip(&done.judged) {
                if let Some(Some(fan)) = judged.members.get(index) {
                    task.add(&mut board, fan);
                }
                if let Some(weights) = &judged.standing.weights {
                    weight += weights.shares().get(index).copied().unwrap_or_default();
                    weighed += 1.0;
                }
            }
            effort.add(&done.effort[index]);
        }
        let count = self.series.len().max(1) as f64;
        let member = &members.all[index];
        Line {
            name: member.name.clone(),
            version: Some(member.version.clone()),
            measures: board.summary(),
            cpu_s_per_series: effort.cpu.as_secs_f64() / count,
            fits_per_series: f64::from(effort.calls) / count,
            weight: (weighed > 0.0).then(|| weight / weighed),
            failures: effort.failures,
            failure: effort.why,
        }
    }

    fn combination(&self, models: &[Line], tasks: &[Vec<Scored>]) -> Line {
        let mut board = Board::default();
        for (origin, answers) in self.answers.iter().enumerate() {
            for (tasks, answer) in tasks.iter().zip(answers) {
                if let (Some(task), Ok(fan)) = (tasks.get(origin), answer) {
                    task.add(&mut board, fan);
                }
            }
        }
        Line {
            name: "combination".into(),
            version: None,
            measures: board.summary(),
            cpu_s_per_series: models.iter().map(|line| line.cpu_s_per_series).sum(),
            fits_per_series: models.iter().map(|line| line.fits_per_series).sum(),
            weight: None,
            failures: 0,
            failure: None,
        }
    }

    fn lost(&self, input: &Input) -> (usize, Vec<Lost>) {
        let skipped = input.skipped.iter().map(|(id, why)| Lost { series_id: id.clone(), why: why.clone() });
        let failed = self.tasks(input).filter_map(|(told, origin, answer)| {
            let why = answer.as_ref().err()?;
            let why = format!("at the origin of {} rows: {why}", told.rows_before(origin));
            Some(Lost { series_id: told.id.clone(), why })
        });
        let mut all: Vec<Lost> = skipped.chain(failed).collect();
        let count = all.len();
        all.truncate(NAMED_MAX);
        (count, all)
    }
}

impl Effort {
    fn add(&mut self, other: &Self) {
        self.cpu += other.cpu;
        self.calls += other.calls;
        self.failures += other.failures;
        if self.why.is_none() {
            self.why.clone_from(&other.why);
        }
    }
}

/// A task, and the steps that there is a row for.
struct Scored {
    task: Task,
    steps: Vec<usize>,
}

impl Scored {
    fn add(&self, board: &mut Board, fan: &Fan) {
        board.add(&self.task, &Banded::at(fan, &self.steps));
    }
}

/// By series, then by origin.
fn scored(input: &Input, horizon: usize) -> Vec<Vec<Scored>> {
    let one = |told: &Told, origin: usize| {
        let (steps, truth) = told.truth(origin, horizon);
        Scored { task: Task::new(&told.id, &told.history(origin), input.seasons[0], truth), steps }
    };
    input.series.iter().map(|told| told.origins.iter().map(|origin| one(told, *origin)).collect()).collect()
}

/// Writes the answers in the long form that other scorers read: `series_id,origin,step,level,value`.
pub(super) fn write(file: &Path, input: &Input, evaluated: &Evaluated, levels: &[f64]) -> Result<(), CliError> {
    let failed = |error: csv::Error| CliError::file(file, "can't be written", error);
    let mut writer = csv::Writer::from_path(file).map_err(failed)?;
    writer.write_record(["series_id", "origin", "step", "level", "value"]).map_err(failed)?;
    for (told, origin, answer) in evaluated.tasks(input) {
        let Ok(fan) = answer else { continue };
        let rows = told.rows_before(origin).to_string();
        for step in told.truth(origin, fan.horizon()).0 {
            let number = (step + 1).to_string();
            for (level, value) in levels.iter().zip(fan.at(step)) {
                let record = [told.id.as_str(), &rows, &number, &level.to_string(), &value.to_string()];
                writer.write_record(record).map_err(failed)?;
            }
        }
    }
    writer.flush().map_err(|error| CliError::file(file, "can't be written", error))
}
