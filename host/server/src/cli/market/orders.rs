//! Offers and bids: list, place, take back.

use super::query::Query;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::output::{or_dash, show, table, text};
use crate::cli::{Format, Global};
use clap::{Args, ValueEnum};
use forewarm_market::exports::millionths;
use forewarm_market::http::{OfferView, OrderList};
use forewarm_market::model::{BidOrder, Offer, OrderReason, OrderState, Ticket};
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only those of this cost centre and all below it
    #[arg(long)]
    tenant: Option<String>,
    /// Only those for this persona
    #[arg(long)]
    persona: Option<String>,
    /// Only those that still stand
    #[arg(long)]
    open: bool,
    /// At most so many, 1 to 1000
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

/// What a lease promises.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Class {
    /// Kept for the whole window
    Firm,
    /// May be called back, with notice and compensation
    Reclaimable,
}

/// What bids and offers have in common.
#[derive(Debug, Args)]
struct Terms {
    /// The persona
    persona: String,
    /// How many instances
    quantity: i64,
    /// When the window begins, such as 2026-12-01T08:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// When the window ends
    #[arg(long, value_name = "TIME")]
    until: String,
    /// What the lease promises
    #[arg(long, value_enum, default_value_t = Class::Reclaimable)]
    class: Class,
    /// For which cost centre; the token's own unless given
    #[arg(long)]
    tenant: Option<String>,
    /// For the next round of its book alone; until the window begins unless given
    #[arg(long)]
    next_round: bool,
    /// A repeated request with the same key has no second effect
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfferArgs {
    #[command(flatten)]
    terms: Terms,
    /// The least taken, in micro-credits per instance and second
    #[arg(long, value_name = "PRICE")]
    reserve: i64,
    /// What a firm lease costs on top; the market's own premium unless given
    #[arg(long, value_name = "PRICE")]
    firm_premium: Option<i64>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BidArgs {
    #[command(flatten)]
    terms: Terms,
    /// The most paid, in micro-credits per instance and second
    #[arg(long, value_name = "PRICE")]
    limit: i64,
    /// Fewer instances are of no use
    #[arg(long, value_name = "QUANTITY")]
    min_fill: Option<i64>,
    /// At most one bid of a group trades
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only say what the bid would mean
    #[arg(long)]
    preview: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CancelArgs {
    /// The bid or offer
    id: Uuid,
}

fn query(path: &str, args: &ListArgs) -> Query {
    Query::new(path)
        .with("tenant", args.tenant.as_ref())
        .with("persona", args.persona.as_ref())
        .with("open_only", args.open.then_some(true))
        .with("limit", Some(args.limit))
}

pub(super) async fn offers(global: &Global, args: ListArgs) -> Result<(), CliError> {
    let offers: Vec<OfferView> = global.client()?.get(query("/v1/market/offers", &args).path()).await?;
    show(global.output, &offers, |offers| {
        let mut rows = table(&["OFFER", "PERSONA", "CLASS", "INSTANCES", "FROM", "UNTIL", "OWNER", "RESERVE"]);
        for offer in offers {
            rows.add_row([
                offer.id.to_string(),
                offer.persona.to_string(),
                offer.class.as_str().to_owned(),
                offer.open_quantity.to_string(),
                offer.window.from().to_string(),
                offer.window.until().to_string(),
                offer.tenant.to_string(),
                or_dash(offer.own.as_ref().map(|own| own.reserve)),
            ]);
        }
        text(&rows, "nothing is on offer")
    });
    Ok(())
}

pub(super) async fn list(global: &Global, args: ListArgs) -> Result<(), CliError> {
    let orders: OrderList = global.client()?.get(query("/v1/market/orders", &args).path()).await?;
    show(global.output, &orders, rows);
    Ok(())
}

fn rows(orders: &OrderList) -> String {
    let mut rows = table(&["ORDER", "SIDE", "PERSONA", "CLASS", "PRICE", "TRADED", "FROM", "STATE", "LAST ROUND"]);
    for bid in &orders.bids {
        rows.add_row([
            bid.id.to_string(),
            "bid".to_owned(),
            bid.persona.to_string(),
            bid.class.as_str().to_owned(),
            bid.limit.to_string(),
            format!("{}/{}", bid.filled, bid.quantity.get()),
            bid.window.from().to_string(),
            state(bid.state),
            reason(bid.last_reason),
        ]);
    }
    for offer in &orders.offers {
        rows.add_row([
            offer.id.to_string(),
            "offer".to_owned(),
            offer.persona.to_string(),
            offer.class.as_str().to_owned(),
            offer.reserve.to_string(),
            format!("{}/{}", offer.sold, offer.quantity.get()),
            offer.window.from().to_string(),
            state(offer.state),
            reason(offer.last_reason),
        ]);
    }
    text(&rows, "there are no orders")
}

/// A value's name, as in JSON.
fn name(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name.replace('_', " "),
        _ => "-".to_owned(),
    }
}

fn state(state: OrderState) -> String {
    match state {
        OrderState::Open => "open".to_owned(),
        OrderState::Ended { cause, .. } => name(cause),
    }
}

fn reason(reason: Option<OrderReason>) -> String {
    reason.map_or_else(|| "-".to_owned(), name)
}

fn body(terms: &Terms) -> Map<String, Value> {
    let class = match terms.class {
        Class::Firm => "firm",
        Class::Reclaimable => "reclaimable",
    };
    let mut body = Map::new();
    body.insert("persona".into(), terms.persona.clone().into());
    body.insert("quantity".into(), terms.quantity.into());
    body.insert("window".into(), json!({ "from": terms.from, "until": terms.until }));
    body.insert("class".into(), class.into());
    body.extend(terms.tenant.clone().map(|tenant| ("tenant".to_owned(), tenant.into())));
    if terms.next_round {
        body.insert("time_in_force".into(), json!({ "kind": "next_round" }));
    }
    body
}

fn headers(terms: &Terms) -> Vec<(&'static str, String)> {
    terms.idempotency_key.iter().map(|key| ("idempotency-key", key.clone())).collect()
}

pub(super) async fn offer(global: &Global, args: OfferArgs) -> Result<(), CliError> {
    let mut body = body(&args.terms);
    body.insert("reserve".into(), args.reserve.into());
    body.extend(args.firm_premium.map(|premium| ("firm_premium".to_owned(), premium.into())));
    let client = global.client()?;
    let offer: Offer = client.send(Method::POST, "/v1/market/offers", &headers(&args.terms), &body).await?;
    show(global.output, &offer, |offer| {
        format!("offer {} stands: {} of {}", offer.id, offer.quantity.get(), offer.persona)
    });
    Ok(())
}

pub(super) async fn bid(global: &Global, args: BidArgs) -> Result<(), CliError> {
    let mut body = body(&args.terms);
    body.insert("limit".into(), args.limit.into());
    body.extend(args.min_fill.map(|least| ("min_fill".to_owned(), least.into())));
    body.extend(args.group.map(|group| ("exclusive_group".to_owned(), group.into())));
    let client = global.client()?;
    if args.preview {
        let ticket: Ticket = client.post("/v1/market/bids/preview", &body).await?;
        show(global.output, &ticket, ticket_text);
        return Ok(());
    }
    let bid: BidOrder = client.send(Method::POST, "/v1/market/bids", &headers(&args.terms), &body).await?;
    show(global.output, &bid, |bid| {
        let (held, currency) = (millionths(bid.held.0), &bid.currency);
        format!("bid {} stands: {} of {}, {held} {currency} set aside", bid.id, bid.quantity.get(), bid.persona)
    });
    Ok(())
}

fn ticket_text(ticket: &Ticket) -> String {
    let currency = &ticket.currency;
    let chance = ticket.chance_ppm.map(|ppm| format!("{}.{} %", ppm / 10_000, ppm / 1_000 % 10));
    format!(
        "set aside       {} {currency}\navailable       {} {currency}, then {}\nwould have paid {} of the last prices\nsealed at       \
         {}\nnotice          {} s, after {} s at least; compensation {}.{} % of what is not used\n",
        millionths(ticket.hold.0),
        millionths(ticket.available.0),
        millionths(ticket.available_after.0),
        or_dash(chance),
        ticket.seals_at,
        ticket.notice_s,
        ticket.min_run_s,
        ticket.compensation_ppm / 10_000,
        ticket.compensation_ppm / 1_000 % 10,
    )
}

pub(super) async fn cancel(global: &Global, args: CancelArgs) -> Result<(), CliError> {
    let client = global.client()?;
    let bid = client.delete::<BidOrder>(&format!("/v1/market/bids/{}", args.id)).await;
    match bid {
        Ok(bid) => {
            show(global.output, &bid, |bid| format!("bid {} is taken back", bid.id));
            Ok(())
        }
        Err(CliError::Refused(problem)) if problem.status == 404 => cancel_offer(&client, global.output, args.id).await,
        Err(error) => Err(error),
    }
}

async fn cancel_offer(client: &Client, format: Format, id: Uuid) -> Result<(), CliError> {
    let offer: Offer = client.delete(&format!("/v1/market/offers/{id}")).await?;
    show(format, &offer, |offer| format!("offer {} is taken back", offer.id));
    Ok(())
}
