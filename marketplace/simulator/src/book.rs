//! The orders of one owner's market: what the owner asks for its surplus, which tenants wait, and what they may still spend.

use crate::owner::Owner;
use crate::setting::Setting;
use crate::tenant::{Tenant, Want};
use forewarm_auction::{
    Ask, Bid, DominantShare, FirmPremium, InvalidBook, LeaseClass, OrderId, Orders, Price, Quantity, ReasonCode,
    RoundNumber, SettlePlan, TwoClassBook, TwoClassClearing, TwoClassOrders,
};
use forewarm_domain::id::TenantName;
use forewarm_domain::lending::{Odds, firm_premium, reserve_price};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What became of an order, for the report. The market's own reasons, and the one that keeps an order out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// As the auction says.
    Told(ReasonCode),
    /// The tenant's budget did not cover it.
    BudgetHold,
}

/// What a tenant has of its budget left.
#[derive(Debug, Clone, Copy, Default)]
struct Purse {
    spent: i64,
    held: i64,
}

/// An order that waits for a round, and what it holds.
#[derive(Debug, Clone)]
struct Open {
    bid: Bid,
    tenant: usize,
    class: LeaseClass,
    hold: i64,
    /// The last window that it asks for.
    until: usize,
}

/// One owner's market from window to window.
pub(crate) struct Desk<'a> {
    owner: &'a Owner,
    setting: &'a Setting,
    tenants: Vec<&'a Tenant>,
    purses: Vec<Purse>,
    /// By rising id.
    open: Vec<Open>,
    seller: TenantName,
    random: StdRng,
    /// The high half of the ids of this owner's orders.
    number: u64,
    placed: u64,
    /// How many orders ended in which way.
    pub(crate) endings: BTreeMap<Ending, u64>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(number: usize, owner: &'a Owner, setting: &'a Setting, all: &'a [Tenant]) -> Self {
        let tenants: Vec<_> = all.iter().filter(|tenant| tenant.owner == number).collect();
        let number = number as u64 + 1;
        Self {
            owner,
            setting,
            purses: vec![Purse::default(); tenants.len()],
            tenants,
            open: Vec::new(),
            seller: seller(number),
            random: StdRng::seed_from_u64(setting.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            number,
            placed: 0,
            endings: BTreeMap::new(),
        }
    }

    /// The sealed book of a window: the owner's surplus, and all orders that wait or come in.
    pub(crate) fn seal(&mut self, window: usize) -> Result<TwoClassBook, InvalidBook> {
        let per_day = self.setting.windows_per_day();
        if window.is_multiple_of(per_day) {
            self.purses.iter_mut().for_each(|purse| purse.spent = 0);
        }
        let day = (window % per_day) as f64 / per_day as f64;
        for tenant in 0..self.tenants.len() {
            for want in self.tenants[tenant].wants(&mut self.random, self.setting, day) {
                self.place(window, tenant, &want);
            }
        }
        let mut orders = self.asks(window);
        for open in &self.open {
            let side = if open.class == LeaseClass::Firm { &mut orders.firm } else { &mut orders.reclaimable };
            side.bids.push(open.bid.clone());
        }
        orders.try_into()
    }

    fn place(&mut self, window: usize, tenant: usize, want: &Want) {
        let terms = self.setting.terms();
        let quantity = Quantity::try_from(i64::from(want.units)).ok();
        let order = quantity.and_then(|quantity| {
            let hold = want.limit.cost(quantity, terms.duration.seconds()).ok()?.0;
            let (purse, budget) = (self.purses[tenant], self.tenants[tenant].budget.0);
            (hold <= budget - purse.spent - purse.held).then_some((quantity, hold))
        });
        let Some((quantity, hold)) = order else { return self.end(Ending::BudgetHold) };
        self.purses[tenant].held += hold;
        self.placed += 1;
        let bid = Bid {
            id: self.id(self.placed),
            limit: want.limit,
            quantity,
            min_fill: want.min_fill.and_then(|least| Quantity::try_from(i64::from(least)).ok()),
            entry_round: RoundNumber(window as u64),
            organisation: self.tenants[tenant].name.clone(),
            dominant_share: DominantShare::NONE,
        };
        let class = self.tenants[tenant].class;
        self.open.push(Open { bid, tenant, class, hold, until: window + want.patience - 1 });
    }

    /// What the owner asks for: an ask a class, at the reserve that the forecast's odds make.
    fn asks(&self, window: usize) -> TwoClassOrders {
        let listing = self.owner.listings.get(window).copied().unwrap_or_default();
        let premium = firm_premium(listing.firm_odds, self.setting.shortage());
        let ask = |units: u32, odds: Odds, place: u64| {
            let reserve = reserve_price(self.setting.carrying(), odds, self.setting.compensation.get())?;
            Some(Ask {
                // Apart from the bids' ids.
                id: self.id(1 << 63 | (2 * window as u64 + place)),
                reserve: Price::try_from(i64::from(reserve)).ok()?,
                quantity: Quantity::try_from(i64::from(units)).ok()?,
                entry_round: RoundNumber(window as u64),
                organisation: self.seller.clone(),
            })
        };
        let side = |ask: Option<Ask>| Orders { asks: ask.into_iter().collect(), bids: Vec::new() };
        TwoClassOrders {
            firm: side(ask(listing.firm, listing.firm_odds, 0)),
            reclaimable: side(ask(listing.reclaimable, listing.reclaimable_odds, 1)),
            premium: FirmPremium::try_from(i64::from(premium)).unwrap_or_default(),
        }
    }

    fn id(&self, low: u64) -> OrderId {
        OrderId(Uuid::from_u128(u128::from(self.number) << 64 | u128::from(low)))
    }

    /// Takes what a round decided: money moves, and orders that got something or have waited long enough end.
    pub(crate) fn settle(&mut self, window: usize, clearing: &TwoClassClearing, plan: &SettlePlan) {
        let told: BTreeMap<_, _> = clearing.results.iter().map(|result| (result.order, result)).collect();
        let posted: BTreeMap<_, _> = plan.holds.iter().map(|change| (change.bid, change.posted.0)).collect();
        let mut going_on = Vec::with_capacity(self.open.len());
        for open in std::mem::take(&mut self.open) {
            let Some(result) = told.get(&open.bid.id) else { continue };
            if result.filled == 0 && open.until > window {
                going_on.push(open);
                continue;
            }
            let purse = &mut self.purses[open.tenant];
            purse.held -= open.hold;
            purse.spent += posted.get(&open.bid.id).copied().unwrap_or(0);
            self.end(Ending::Told(result.reason));
        }
        self.open = going_on;
    }

    /// What a tenant gets back can be spent again.
    pub(crate) fn pay_back(&mut self, tenant: &TenantName, amount: i64) {
        // Names are numbered as the tenants were drawn, so a search by name is a scan of one owner's tenants.
        if let Some(place) = self.tenants.iter().position(|one| one.name == *tenant) {
            self.purses[place].spent -= amount;
        }
    }

    fn end(&mut self, ending: Ending) {
        *self.endings.entry(ending).or_default() += 1;
    }
}

/// The owner's own organisation: no tenant is called like this.
fn seller(number: u64) -> TenantName {
    match format!("owner-{number}").parse() {
        Ok(name) => name,
        Err(_) => unreachable!("a word and a number are a name"),
    }
}
