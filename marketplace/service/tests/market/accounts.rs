//! An accounting model of its own: from the ledger's entries, the orders and the leases as anyone may read them, it finds
//! out what every account has to be, and compares.

use crate::world::{World, operator, tenant};
use forewarm_market::{
    LeaseQuery, LedgerQuery, Market, OrderQuery, Side,
    model::{AccountId, Currency, LedgerEntry},
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const TENANTS: [&str; 4] = ["farm", "shop", "lab", "acme"];

/// Everything in the ledger, by tenant.
pub(crate) async fn entries(market: &Market, name: &str) -> Vec<LedgerEntry> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let query = LedgerQuery { after, limit: 1_000, ..LedgerQuery::default() };
        let page = market.ledger(&operator(), &tenant(name), query).await.expect("a ledger");
        let Some(last) = page.last() else { return found };
        after = last.sequence;
        found.extend(page);
    }
}

/// Balances sum to zero, follow from the entries, nothing is overdrawn, and what is held is held for something.
pub(crate) async fn check(market: &Market) {
    let accounts = market.accounts(&operator()).await.expect("accounts");
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for account in &accounts {
        *sums.entry(account.currency.clone()).or_default() += i128::from(account.balance.0);
        if !account.id.is_market() {
            assert!(account.available().expect("fits").0 >= 0, "{account:?} is overdrawn");
        }
        assert!(account.held.0 >= 0, "{account:?}");
    }
    assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    let held = held_for(market).await;
    for name in TENANTS {
        let id = AccountId::Tenant(tenant(name));
        let account = accounts.iter().find(|account| account.id == id).expect("its account");
        let entries = entries(market, name).await;
        let booked: i128 = entries.iter().map(|entry| i128::from(entry.amount.0)).sum();
        assert_eq!(booked, i128::from(account.balance.0), "the balance of {name}");
        let ids: BTreeSet<_> = entries.iter().map(|entry| entry.transfer).collect();
        assert_eq!(ids.len(), entries.len(), "{name} has a transfer twice");
        let expected = held.get(name).copied().unwrap_or_default();
        assert_eq!(expected, i128::from(account.held.0), "held for {name}");
    }
}

/// What open orders and live leases hold.
async fn held_for(market: &Market) -> BTreeMap<String, i128> {
    let by = operator();
    let mut held: BTreeMap<String, i128> = BTreeMap::new();
    let all = || OrderQuery { limit: 1_000, ..OrderQuery::default() };
    for bid in market.bids(&by, all()).await.expect("bids") {
        assert_eq!(bid.held.0 > 0, bid.state.is_open(), "a hold ends with its order: {bid:?}");
        *held.entry(bid.tenant.to_string()).or_default() += i128::from(bid.held.0);
    }
    for offer in market.offers(&by, all()).await.expect("offers") {
        assert!(offer.guarantee.0 == 0 || offer.state.is_open(), "{offer:?}");
        *held.entry(offer.tenant.to_string()).or_default() += i128::from(offer.guarantee.0);
    }
    let query = LeaseQuery { side: Side::Seller, tenant: None, live_only: false, limit: 1_000 };
    for lease in market.leases(&by, query).await.expect("leases") {
        assert!(lease.security.0 == 0 || !lease.state.is_over(), "{lease:?}");
        *held.entry(lease.seller.to_string()).or_default() += i128::from(lease.security.0);
    }
    held
}

impl World {
    /// See [`check`].
    pub(crate) async fn check_accounts(&self) {
        check(&self.market).await;
    }
}
