//! `forewarm market ...`: the capacity market.

mod audit;
mod leases;
mod money;
mod orders;
mod query;
mod rounds;
mod simulate;
mod webhooks;

use super::Global;
use super::error::CliError;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum MarketCommand {
    /// List what is on offer
    Offers(orders::ListArgs),
    /// Offer capacity of your own
    Offer(orders::OfferArgs),
    /// Bid for capacity, or look what a bid would mean
    Bid(orders::BidArgs),
    /// Take a bid or an offer back
    Cancel(orders::CancelArgs),
    /// List your own bids and offers, with what the last round made of each
    Orders(orders::ListArgs),
    /// List rounds, the newest first
    Rounds(rounds::RoundsArgs),
    /// List prices, volumes and unfilled demand, the newest first
    Prices(rounds::PricesArgs),
    /// List leases, the newest first
    Leases(leases::LeasesArgs),
    /// Give a lease back early
    Release(leases::ReleaseArgs),
    /// Call capacity of your own back, or look what that would cost
    Reclaim(leases::ReclaimArgs),
    /// Show an account: balance, what is set aside, what a day costs
    Account(money::OfArgs),
    /// List an account's entries, the oldest first
    Ledger(money::LedgerArgs),
    /// Print a statement as CSV
    Statement(money::PeriodArgs),
    /// Print cost rows of a period as CSV in the columns of FOCUS 1.2
    ExportFocus(money::PeriodArgs),
    /// Look after your webhooks
    #[command(subcommand)]
    Webhook(webhooks::WebhookCommand),
    /// Check the chained log of all rounds, on this machine
    Audit,
    /// Hold the market in virtual time: synthetic tenants bid for what your own demand leaves idle
    Simulate(simulate::SimulateArgs),
}

pub(super) async fn run(global: &Global, command: MarketCommand) -> Result<(), CliError> {
    match command {
        MarketCommand::Offers(args) => orders::offers(global, args).await,
        MarketCommand::Offer(args) => orders::offer(global, args).await,
        MarketCommand::Bid(args) => orders::bid(global, args).await,
        MarketCommand::Cancel(args) => orders::cancel(global, args).await,
        MarketCommand::Orders(args) => orders::list(global, args).await,
        MarketCommand::Rounds(args) => rounds::rounds(global, args).await,
        MarketCommand::Prices(args) => rounds::prices(global, args).await,
        MarketCommand::Leases(args) => leases::list(global, args).await,
        MarketCommand::Release(args) => leases::release(global, args).await,
        MarketCommand::Reclaim(args) => leases::reclaim(global, args).await,
        MarketCommand::Account(args) => money::account(global, args).await,
        MarketCommand::Ledger(args) => money::ledger(global, args).await,
        MarketCommand::Statement(args) => money::statement(global, args).await,
        MarketCommand::ExportFocus(args) => money::focus(global, args).await,
        MarketCommand::Webhook(command) => webhooks::run(global, command).await,
        MarketCommand::Audit => audit::run(global).await,
        MarketCommand::Simulate(args) => simulate::run(global, args).await,
    }
}
