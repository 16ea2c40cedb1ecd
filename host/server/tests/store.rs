//! What every caller of the store relies on, the same for both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use forewarm_domain::calendar::{Allowed, Effect, Entry, EntryKind, Freeze, PlannedEvent, What};
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, idempotency_token};
use forewarm_domain::instance::{Claim, ClaimState, EndCause, Instance, InstanceState};
use forewarm_domain::outcome::Outcome;
use forewarm_domain::persona::{Mode, Persona, Policy};
use forewarm_domain::plan::{LevelView, Placed, Plan, Reason, ReasonCode, StandbyCounts, Stock};
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::series::{Metric, SeriesKey};
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use forewarm_runtime::{StateError, StateStore};
use forewarm_server::store::{
    ChunkRecord, Intent, JournalRecord, Lent, Prune, Scope, SeriesRecord, Store, StoreConfig, StoreError, TokenRecord,
    Write,
};
use forewarm_tests::Postgres;
use uuid::Uuid;

fn persona(name: &str, version: u32) -> Persona {
    let spec = serde_json::from_value(serde_json::json!({
        "name": name,
        "allocation": {"cpu_millis": 500, "memory_mib": 512},
        "demand": {"series": {"resource": name, "metric": "requests"}, "capacity_per_instance": 10.5}
    }));
    Persona { version, applied_at: TimestampMs(7), applied_by: "ops".into(), spec: spec.unwrap() }
}

fn instance(n: u128, state: InstanceState) -> Instance {
    Instance {
        id: InstanceId(Uuid::from_u128(n)),
        persona: "web".parse().unwrap(),
        shell: None,
        placement: n.is_multiple_of(3).then(|| "zone-b".parse().unwrap()),
        replaces: n.is_multiple_of(3).then(|| InstanceId(Uuid::from_u128(n + 1))),
        driver: "driver-simulated".parse().unwrap(),
        driver_ref: n.is_multiple_of(2).then(|| format!("vm-{n}")),
        created_at: TimestampMs(n as i64),
        operations: 3,
        state,
    }
}

fn claim(n: u128, key: Option<&str>, state: ClaimState) -> Claim {
    Claim {
        id: ClaimId(Uuid::from_u128(n)),
        persona: "web".parse().unwrap(),
        tenant: "shop".parse().unwrap(),
        requested_at: TimestampMs(n as i64),
        expires_at: None,
        idempotency_key: key.map(Into::into),
        lease: None,
        state,
    }
}

const WAITING: ClaimState = ClaimState::Waiting { expected_at: TimestampMs(9) };
const ENDED: ClaimState =
    ClaimState::Ended { ended_at: TimestampMs(8), cause: EndCause::Released, served_at: None, warm: false };

async fn personas_are_versions(store: &Store) {
    let writes = [persona("web", 1), persona("api", 1), persona("web", 2)].map(Write::Persona).to_vec();
    store.commit(writes).await.unwrap();
    assert_eq!(store.personas().await.unwrap(), [persona("api", 1), persona("web", 2)]);
    let versions = store.persona_versions(&"web".parse().unwrap()).await.unwrap();
    assert_eq!(versions, [persona("web", 1), persona("web", 2)]);

    // The whole batch is refused with the version that exists.
    let again = vec![Write::Persona(persona("new", 1)), Write::Persona(persona("web", 2))];
    assert!(matches!(store.commit(again).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.personas().await.unwrap().len(), 2);
}

async fn instances_come_and_go(store: &Store) {
    let booting = InstanceState::Booting { ready_at: None };
    let warm = InstanceState::Warm { since: TimestampMs(5) };
    let many: Vec<Write> = (0..1_000).map(|n| Write::Instance(instance(n, booting))).collect();
    store.commit(many).await.unwrap();
    // The last word per row counts, whatever came before it in the batch.
    let one = instance(1, warm);
    let gone = |n| Write::InstanceGone(InstanceId(Uuid::from_u128(n)));
    store.commit(vec![gone(1), Write::Instance(one.clone()), gone(2), gone(2_000)]).await.unwrap();
    let instances = store.instances().await.unwrap();
    assert_eq!((instances.len(), &instances[0], &instances[1]), (999, &instance(0, booting), &one));
}

async fn claims_are_found_again(store: &Store) {
    let writes = [claim(1, Some("k"), WAITING), claim(2, None, WAITING), claim(3, None, ENDED)];
    store.commit(writes.clone().map(Write::Claim).to_vec()).await.unwrap();
    let [first, second, third] = writes;
    assert_eq!(store.open_claims().await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.claim(third.id).await.unwrap(), Some(third.clone()));
    let shop = "shop".parse().unwrap();
    assert_eq!(store.claim_by_key(&shop, "k").await.unwrap(), Some(first.clone()));
    assert_eq!(store.claim_by_key(&shop, "other").await.unwrap(), None);
    assert_eq!(store.claims_of(&"web".parse().unwrap(), 2).await.unwrap(), [third, second]);

    let served = ClaimState::Served { instance: InstanceId(Uuid::from_u128(4)), served_at: TimestampMs(3), warm: true };
    let first = Claim { state: served, ..first };
    store.commit(vec![Write::Claim(first.clone())]).await.unwrap();
    assert_eq!(store.claim(first.id).await.unwrap(), Some(first));
    let same_key = store.commit(vec![Write::Claim(claim(9, Some("k"), WAITING))]).await;
    assert!(matches!(same_key, Err(StoreError::Conflict(_))), "{same_key:?}");

    store.commit(vec![Write::Prune(Prune { claims_before: Some(TimestampMs(9)), ..Prune::default() })]).await.unwrap();
    assert_eq!(store.claims_of(&"web".parse().unwrap(), 9).await.unwrap().len(), 2, "open ones stay");
}

async fn leases_are_open_until_they_have_ended(store: &Store) {
    let lease = |n: u128, ended_at| Lent {
        ended_at,
        ..Lent::void(LeaseId(Uuid::from_u128(n)), "web".parse().unwrap(), TimestampMs(0))
    };
    let (open, ended) = (lease(1, None), lease(2, Some(TimestampMs(8))));
    store.commit(vec![Write::Lent(open.clone()), Write::Lent(ended.clone())]).await.unwrap();
    assert_eq!(store.open_leases().await.unwrap(), std::slice::from_ref(&open));
    assert_eq!(store.lease(ended.lease).await.unwrap(), Some(ended.clone()));
    let mut closed = lease(1, Some(TimestampMs(9)));
    let news = closed.add_news(TimestampMs(9), "over".into());
    store.commit(vec![Write::Lent(closed.clone())]).await.unwrap();
    assert!(closed.has_untold(news));
    assert_eq!(store.open_leases().await.unwrap(), std::slice::from_ref(&closed), "it is not told yet");
    closed.untold.clear();
    store.commit(vec![Write::Lent(closed.clone())]).await.unwrap();
    assert!(store.open_leases().await.unwrap().is_empty());
    store.commit(vec![Write::Prune(Prune { leases_before: Some(TimestampMs(9)), ..Prune::default() })]).await.unwrap();
    assert_eq!(store.lease(ended.lease).await.unwrap(), None);
    assert_eq!(store.lease(open.lease).await.unwrap(), Some(closed));
}

async fn intents_stay_until_done(store: &Store) {
    let intent = |n: u32, next| Intent {
        token: idempotency_token(InstanceId(Uuid::from_u128(1)), n),
        instance: InstanceId(Uuid::from_u128(1)),
        persona: "web".parse().unwrap(),
        driver: "driver-simulated".parse().unwrap(),
        operation: DriverOperation::Create,
        created_at: TimestampMs(1),
        attempts: 0,
        next_attempt_at: TimestampMs(next),
        last_error: None,
    };
    store.commit(vec![Write::Intent(intent(1, 20)), Write::Intent(intent(2, 10))]).await.unwrap();
    assert_eq!(store.open_intents().await.unwrap(), [intent(2, 10), intent(1, 20)]);
    let retried = Intent { attempts: 1, last_error: Some("busy".into()), ..intent(2, 30) };
    store.commit(vec![Write::Intent(retried.clone()), Write::IntentDone(intent(1, 20).token)]).await.unwrap();
    assert_eq!(store.open_intents().await.unwrap(), [retried]);
}

async fn the_calendar_has_one_entry_per_kind_and_name(store: &Store) {
    let (from, until) = (TimestampMs(1_000), TimestampMs(9_000));
    let entry = |name: &str, what: What| Entry {
        name: name.parse().unwrap(),
        applied_at: TimestampMs(7),
        applied_by: "ops".into(),
        what,
    };
    let event = |factor: f64| {
        let (persona, effect) = ("web".parse().unwrap(), Effect::Factor(factor));
        What::Event(PlannedEvent { persona, from, until, effect, note: "sale".into() })
    };
    let personas = vec!["web".parse().unwrap()];
    let freeze =
        Freeze { from, until: until + 1, personas, driver: None, allows: Allowed::ScaleOut, note: String::new() };
    let freeze = entry("launch", What::Freeze(freeze));
    let writes = [entry("launch", event(2.0)), freeze.clone(), entry("other", event(2.0)), entry("launch", event(3.0))];
    store.commit(writes.map(Write::Calendar).to_vec()).await.unwrap();
    let [launch, other] = [entry("launch", event(3.0)), entry("other", event(2.0))];
    assert_eq!(store.calendar().await.unwrap(), [launch.clone(), other, freeze.clone()]);
    let gone = Write::CalendarGone { kind: EntryKind::Event, name: "other".parse().unwrap() };
    store.commit(vec![gone]).await.unwrap();
    assert_eq!(store.calendar().await.unwrap(), [launch, freeze.clone()]);
    let prune = Prune { calendar_before: Some(until + 1), ..Prune::default() };
    store.commit(vec![Write::Prune(prune)]).await.unwrap();
    assert_eq!(store.calendar().await.unwrap(), [freeze]);
}

async fn plans_and_outcomes_are_history(store: &Store) {
    let plan = |at: i64| Plan {
        persona: "web".parse().unwrap(),
        persona_version: 1,
        at: TimestampMs(at),
        policy: Policy::Reactive,
        mode: Mode::Apply,
        wanted: 4,
        standby: StandbyCounts { parked: 2, shell: 1 },
        saved_per_hour: Some(0.5),
        placements: vec![Placed { placement: None, per_hour: Some(0.25), instances: 4 }],
        placement_saved_per_hour: Some(0.1),
        stock: Stock::default(),
        reasons: vec![Reason { code: ReasonCode::Minimum, detail: "at least 4".into() }],
        levels: Vec::<LevelView>::new(),
    };
    store.commit((1..=5).map(|at| Write::Plan(plan(at))).collect()).await.unwrap();
    let web = "web".parse().unwrap();
    assert_eq!(store.plans(&web, 2).await.unwrap(), [plan(5), plan(4)]);

    let hour = |n: i64| Outcome::empty(web.clone(), TimestampMs(n * HOUR_MS));
    store.commit((0..4).map(|n| Write::Outcome(hour(n))).collect()).await.unwrap();
    let counted = Outcome { steps: 60, ..hour(1) };
    store.commit(vec![Write::Outcome(counted.clone())]).await.unwrap();
    let found = store.outcomes(&web, TimestampMs(HOUR_MS), TimestampMs(3 * HOUR_MS)).await.unwrap();
    assert_eq!(found, [counted, hour(2)]);
}

async fn tokens_and_values_are_kept(store: &Store) {
    let token = TokenRecord {
        name: "ci".into(),
        sha256: [7; 32],
        scope: Scope::Tenant,
        tenant: Some("shop".parse().unwrap()),
        created_at: TimestampMs(1),
        expires_at: Some(TimestampMs(2)),
        revoked_at: None,
    };
    store.commit(vec![Write::Token(token.clone())]).await.unwrap();
    assert!(matches!(store.commit(vec![Write::Token(token.clone())]).await, Err(StoreError::Conflict(_))));
    for at in [3, 4] {
        store.commit(vec![Write::TokenRevoked { name: "ci".into(), at: TimestampMs(at) }]).await.unwrap();
    }
    assert_eq!(store.tokens().await.unwrap(), [TokenRecord { revoked_at: Some(TimestampMs(3)), ..token }]);

    let plugin = "driver-x".parse().unwrap();
    let set = |key: &str, value: Option<&[u8]>| Write::PluginState {
        plugin: "driver-x".parse().unwrap(),
        key: key.into(),
        value: value.map(Into::into),
    };
    store.commit(vec![set("b/1", Some(b"x")), set("B/2", Some(b"")), set("b/0", Some(b"y"))]).await.unwrap();
    store.commit(vec![set("b/0", None), set("b/1", Some(b"z"))]).await.unwrap();
    assert_eq!(store.plugin_state(&plugin, "b/1").await.unwrap(), Some(b"z".to_vec()));
    assert_eq!(store.plugin_state_keys(&plugin, "b/").await.unwrap(), ["b/1"]);
    assert_eq!(store.plugin_state_keys(&plugin, "").await.unwrap(), ["B/2", "b/1"]);

    let setting = |value: Option<&str>| Write::Setting { key: "replay".into(), value: value.map(Into::into) };
    for value in [Some("1"), Some("2"), None] {
        store.commit(vec![setting(value)]).await.unwrap();
        assert_eq!(store.setting("replay").await.unwrap().as_deref(), value);
    }
}

async fn plugins_see_their_own_values_only(store: &Store) {
    let (one, other) = ("driver-one".parse().unwrap(), "driver-other".parse().unwrap());
    StateStore::set(store, &one, "k/1", vec![1]).await.unwrap();
    StateStore::set(store, &one, "k/1", vec![2]).await.unwrap();
    assert_eq!(StateStore::get(store, &one, "k/1").await, Ok(Some(vec![2])));
    assert_eq!(StateStore::get(store, &other, "k/1").await, Ok(None));
    assert_eq!(StateStore::keys(store, &one, "k").await, Ok(vec!["k/1".into()]));
    for _ in 0..2 {
        StateStore::delete(store, &one, "k/1").await.unwrap();
    }
    let value = |n: u32| Write::PluginState { plugin: one.clone(), key: n.to_string(), value: Some(vec![]) };
    store.commit((0..10_000).map(value).collect()).await.unwrap();
    assert!(matches!(StateStore::set(store, &one, "more", vec![]).await, Err(StateError::Limit(_))));
    assert_eq!(StateStore::set(store, &one, "7", vec![7]).await, Ok(()));
}

async fn series_and_journal_are_kept(store: &Store) {
    let key = SeriesKey { resource: "web".parse().unwrap(), metric: Metric::Requests };
    let record = SeriesRecord { id: 0, key };
    let chunk = |start: i64| ChunkRecord {
        series: 0,
        start: TimestampMs(start),
        end: TimestampMs(start + 10),
        measured: 2,
        data: vec![1, 2, 3],
    };
    let journal = |seq: i64| JournalRecord { seq, data: vec![0xff; 3] };
    let mut writes = vec![Write::Series(record.clone())];
    writes.extend((0..5).map(|n| Write::Chunk(chunk(n * 10))));
    writes.extend((1..=3).map(|seq| Write::Journal(journal(seq))));
    store.commit(writes).await.unwrap();
    assert_eq!(store.series().await.unwrap(), [record]);
    assert_eq!(store.chunks(0, TimestampMs(15), TimestampMs(30)).await.unwrap(), [chunk(10), chunk(20)]);
    let span = store.sealed_spans().await.unwrap()[0];
    assert_eq!((span.series, span.start.0, span.end.0, span.measured), (0, 0, 50, 10));
    // A rewrite of the journal is one transaction: the old goes, the new comes.
    store.commit(vec![Write::Journal(journal(4)), Write::JournalDone { through: 3 }]).await.unwrap();
    assert_eq!(store.journal(0, 9).await.unwrap(), [journal(4)]);
    assert!(matches!(store.commit(vec![Write::Chunk(chunk(0))]).await, Err(StoreError::Conflict(_))));
}

async fn one_bad_batch_fails_alone(store: &Store) {
    let bad = || store.commit(vec![Write::Persona(persona("web", 1)), Write::Persona(persona("loser", 1))]);
    let good = |n: u128| store.commit(vec![Write::Claim(claim(n, None, WAITING))]);
    let before = store.open_claims().await.unwrap().len();
    let (one, two, three, four, five) = tokio::join!(good(100), bad(), good(101), bad(), good(102));
    assert_eq!((one, three, five), (Ok(()), Ok(()), Ok(())));
    assert!(matches!((two, four), (Err(StoreError::Conflict(_)), Err(StoreError::Conflict(_)))));
    assert_eq!(store.open_claims().await.unwrap().len(), before + 3);
    assert!(store.persona_versions(&"loser".parse().unwrap()).await.unwrap().is_empty());
}

/// Everything above, one after the other on one database.
async fn conforms(url: &str) {
    let store = Store::open(&StoreConfig::new(url)).await.unwrap();
    personas_are_versions(&store).await;
    instances_come_and_go(&store).await;
    claims_are_found_again(&store).await;
    leases_are_open_until_they_have_ended(&store).await;
    intents_stay_until_done(&store).await;
    the_calendar_has_one_entry_per_kind_and_name(&store).await;
    plans_and_outcomes_are_history(&store).await;
    tokens_and_values_are_kept(&store).await;
    plugins_see_their_own_values_only(&store).await;
    series_and_journal_are_kept(&store).await;
    one_bad_batch_fails_alone(&store).await;
    store.close().await;
    assert_eq!(store.commit(vec![Write::Persona(persona("late", 1))]).await, Err(StoreError::Closed));
}

fn file_url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("forewarm.db").display())
}

#[tokio::test]
async fn sqlite_in_memory_conforms() {
    conforms("sqlite::memory:").await;
}

#[tokio::test]
async fn sqlite_in_a_file_conforms() {
    conforms(&file_url(&tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn postgres_conforms() {
    let database = Postgres::start();
    conforms(&database.url()).await;
}

#[tokio::test]
async fn what_was_committed_survives_a_store_that_was_not_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreConfig::new(file_url(&folder))).await.unwrap();
    store.commit(vec![Write::Persona(persona("web", 1))]).await.unwrap();
    drop(store);
    let store = Store::open(&StoreConfig::new(file_url(&folder))).await.unwrap();
    assert_eq!(store.personas().await.unwrap(), [persona("web", 1)]);
}

#[tokio::test]
async fn a_second_host_is_kept_out_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(file_url(&folder));
    let first = Store::open(&config).await.unwrap();
    assert!(matches!(Store::open(&config).await, Err(StoreError::Locked { .. })));
    drop(first);
    Store::open(&config).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_says_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.db"), "this is no database, but it is long enough for a header".repeat(99))
        .unwrap();
    let file = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    for url in [file("text.db"), file("no/such/folder.db"), "mysql://db/x".into()] {
        let error = Store::open(&StoreConfig::new(url.clone())).await.unwrap_err();
        let shown = url.trim_start_matches("sqlite://");
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    use sea_orm::{ConnectionTrait, Database as Connection};
    let folder = tempfile::tempdir().unwrap();
    let url = file_url(&folder);
    Store::open(&StoreConfig::new(url.clone())).await.unwrap().close().await;
    let raw = Connection::connect(&url).await.unwrap();
    raw.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)")
        .await
        .unwrap();
    raw.close().await.unwrap();
    let error = Store::open(&StoreConfig::new(url)).await.unwrap_err();
    assert_eq!(error, StoreError::NewerSchema { found: "m9999_future".into() });
}
