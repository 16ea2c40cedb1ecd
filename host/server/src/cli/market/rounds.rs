//! Rounds and what they came to.

use super::query::Query;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{or_dash, show, table, text};
use clap::Args;
use forewarm_market::exports::millionths;
use forewarm_market::model::{PricePoint, Round};

#[derive(Debug, Args)]
pub(in crate::cli) struct RoundsArgs {
    /// Only rounds of this kind: near_term or day_ahead
    #[arg(long)]
    kind: Option<String>,
    /// At most so many, 1 to 1000
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PricesArgs {
    /// Only of this persona
    persona: Option<String>,
    /// Only of this class: firm or reclaimable
    #[arg(long)]
    class: Option<String>,
    /// At most so many, 1 to 1000
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

pub(super) async fn rounds(global: &Global, args: RoundsArgs) -> Result<(), CliError> {
    let query = Query::new("/v1/market/rounds").with("kind", args.kind).with("limit", Some(args.limit));
    let rounds: Vec<Round> = global.client()?.get(query.path()).await?;
    show(global.output, &rounds, |rounds| {
        let mut rows = table(&["ROUND", "KIND", "STATE", "SEAL", "ORDERS", "TRADES", "INSTANCES", "TURNOVER"]);
        for round in rounds {
            let (seal, settlement) = (round.state.seal(), round.state.settlement());
            rows.add_row([
                round.number.0.to_string(),
                round.kind.to_string(),
                round.state.name().to_owned(),
                round.seals_at.to_string(),
                or_dash(seal.map(|seal| seal.orders)),
                or_dash(settlement.map(|settlement| settlement.trades)),
                or_dash(settlement.map(|settlement| settlement.units)),
                or_dash(settlement.map(|settlement| millionths(settlement.turnover.0))),
            ]);
        }
        text(&rows, "there are no rounds")
    });
    Ok(())
}

pub(super) async fn prices(global: &Global, args: PricesArgs) -> Result<(), CliError> {
    let query = Query::new("/v1/market/prices")
        .with("persona", args.persona)
        .with("class", args.class)
        .with("limit", Some(args.limit));
    let prices: Vec<PricePoint> = global.client()?.get(query.path()).await?;
    show(global.output, &prices, |prices| {
        let mut rows = table(&["ROUND", "PERSONA", "CLASS", "FROM", "UNTIL", "PRICE", "VOLUME", "UNFILLED"]);
        for point in prices {
            rows.add_row([
                point.round.0.to_string(),
                point.persona.to_string(),
                point.class.as_str().to_owned(),
                point.window.from().to_string(),
                point.window.until().to_string(),
                or_dash(point.price),
                point.volume.to_string(),
                point.unfilled_demand.to_string(),
            ]);
        }
        text(&rows, "nothing was traded")
    });
    Ok(())
}
