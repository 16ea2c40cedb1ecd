//! The bus goes down while the market calls, while a lease changes, and while surplus is to be announced.

use super::{DRIVER, Played, ended, grant, lender, measured, news::news_of, release, web};
use crate::warmed;
use forewarm_bus::message::market::{HoldingsCall, ReleaseCause, UnitState};
use forewarm_domain::lending::LeaseClass;
use forewarm_tests::{NatsServer, Setup, Trial, clock, eventually};
use std::thread;

#[test]
fn a_bus_that_goes_down_loses_neither_a_grant_nor_news_nor_what_is_announced() {
    let (mut nats, trial) = (NatsServer::start(), Trial::new());
    let played = Played::start(&nats);
    let host = Setup::quick().tried(&trial).args(["--nats", &nats.url()]).start();
    let api = host.api();
    api.apply(&lender(8, DRIVER));
    measured(&api, 15.0);
    warmed(&api, "web", 8);
    let announced = || played.book().announced.get(&web()).filter(|call| !call.surplus.is_empty()).cloned();
    eventually("what can be spared to be announced", || {
        api.measure("web", 15.0);
        announced()
    });

    // The grant is durable, and its answer can't leave any more.
    let lease = grant(1, 2, LeaseClass::Firm, 600);
    trial.hold_at("Granted");
    thread::scope(|scope| {
        let asking = scope.spawn(|| played.ask(&lease).is_err());
        trial.is_held();
        nats.kill();
        assert!(asking.join().expect("no panic"), "no answer without a bus");
    });
    trial.go_on();
    eventually("the loss of the bus to be told", || {
        (api.get("/v1/status").json()["bus_connected"] == false).then_some(())
    });
    // Meanwhile its tenant gives one back, which nobody hears.
    let held = api.claims("web").into_iter().filter(|claim| claim["state"] == "served").collect::<Vec<_>>();
    assert_eq!(held.len(), 2, "{held:?}");
    api.delete(&format!("/v1/claims/{}", crate::text(&held[0]["id"]))).ok();
    played.book().announced.clear();
    let down = clock::now_ms();

    nats.restart();
    let handover = played.insist(&lease).expect("granted before");
    assert_eq!(handover.units.len(), 2);
    let holdings = played.insist(&HoldingsCall { persona: web() }).expect("told");
    assert_eq!(holdings.len(), 1, "one lease, however often it was asked for: {holdings:?}");
    let news = eventually("what happened meanwhile to be told", || {
        let news = news_of(&played, lease.lease);
        let states: Vec<_> = news.iter().map(|event| event.data["units"].to_string()).collect();
        states.last()?.contains("returned").then_some(states)
    });
    assert_eq!(news.len(), 3, "handed over, given back, wiped: {news:?}");
    let again = eventually("what can be spared to be announced again", || {
        api.measure("web", 15.0);
        announced()
    });
    assert!(again.made_at.0 >= down - 1_000 && again.valid_until.0 > clock::now_ms(), "{again:?}");
    played.insist(&release(&lease, ReleaseCause::Returned)).expect("taken back");
    let end = ended(&played, &lease);
    assert!(end.units.iter().all(|unit| matches!(unit.state, UnitState::Returned { .. })), "{end:?}");
    assert!(handover.units.iter().all(|unit| played.driver.wipes(unit.instance) == 1), "wiped once");
}
