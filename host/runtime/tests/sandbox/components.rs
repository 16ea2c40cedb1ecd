//! The table of components that are themselves the attack: outsize, cut off, nested, with counts that lie. None of them
//! may take long or much memory to refuse, and each is refused by name.

use crate::support::{component, forecaster, grant, leb, manifest, runtime, small, tight, with_manifest};
use crate::watch::Watch;
use forewarm_domain::plugin::PluginErrorKind as Kind;
use forewarm_runtime::{Grant, LoadError, Plugin, check_component};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::time::{Duration, Instant};

const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
const PATIENCE: Duration = Duration::from_secs(10);

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

fn with(sections: &[u8]) -> Vec<u8> {
    [HEADER, sections].concat()
}

/// Components inside each other.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(HEADER.to_vec(), |inner, _| with(&section(4, &inner)))
}

fn imports(count: usize) -> Vec<u8> {
    let lines: String = (0..count).map(|at| format!("(import \"a:b/c{at}\" (instance))")).collect();
    wat::parse_str(format!("(component {lines})")).expect("a component")
}

/// A forecaster whose core module has these memories and data.
fn forecaster_with(memory: &str, data: &str) -> Vec<u8> {
    let text = include_str!("../guests/forecaster.wat").replace("(memory (export \"memory\") 1)", memory);
    let text =
        ["DESCRIBE", "FIT", "OBSERVE", "FORECAST", "SAVE"].iter().fold(text, |text, place| text.replace(place, ""));
    let end = text.rfind(')').expect("a module");
    with_manifest(&component(&format!("{}{data})", &text[..end]), "forecaster-plugin"), &manifest("forecaster"))
}

fn schema(schema: serde_json::Value) -> Vec<u8> {
    let mut of = manifest("forecaster");
    of["parameters"] = schema;
    let mut plain = forecaster("", "");
    plain.truncate(plain.len() - with_manifest(&[], &manifest("forecaster")).len());
    with_manifest(&plain, &of)
}

async fn load(component: Vec<u8>) -> Result<Plugin, LoadError> {
    runtime(small()).load(component, Grant { parameters: json!({}), ..grant(tight()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outsize_and_lying_components_are_refused_soon() {
    let host = runtime(small());
    let watch = Watch::begin(&host).await;
    let lies = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let malformed = |error: &LoadError| matches!(error, LoadError::Malformed(_));
    let schemas = |error: &LoadError| matches!(error, LoadError::Schema(_));
    type Expected<'a> = &'a dyn Fn(&LoadError) -> bool;
    let threats: Vec<(&str, Vec<u8>, Expected<'_>)> = vec![
        ("100 MiB", with(&section(0, &vec![1; 100 << 20])), &|error| matches!(error, LoadError::TooLarge { .. })),
        ("2,000 imports", imports(2_000), &malformed),
        ("nested 100 deep", nested(100), &malformed),
        ("nested 5,000 deep", nested(5_000), &malformed),
        ("4 billion imports, none there", with(&section(10, &lies)), &malformed),
        ("4 billion exports, none there", with(&section(11, &lies)), &malformed),
        ("a section longer than the file", with(&[[10].as_slice(), &lies].concat()), &malformed),
        ("4 billion types", with(&[section(7, &lies), forecaster("", "")[8..].to_vec()].concat()), &|error| {
            matches!(error, LoadError::Malformed(_) | LoadError::Compile(_))
        }),
        (
            "4 billion functions",
            with(&section(1, &[b"\0asm\x01\0\0\0".as_slice(), &section(3, &lies)].concat())),
            &|error| matches!(error, LoadError::Malformed(_) | LoadError::NoManifest),
        ),
        ("zeros", vec![0; 1 << 20], &|error| *error == LoadError::NotWasm),
        ("a schema that refers to itself", schema(json!({ "$ref": "#" })), &schemas),
        ("a pattern that grows", schema(json!({ "properties": { "a": { "pattern": "(a{1000}){1000}" } } })), &schemas),
    ];
    for (name, component, expected) in threats {
        let began = Instant::now();
        let error = load(component).await.expect_err(name);
        assert!(expected(&error), "{name}: {error:?}");
        assert!(error.to_string().len() < 4_000, "{name}: an error of {} bytes", error.to_string().len());
        assert!(began.elapsed() < PATIENCE, "{name}: {:?}", began.elapsed());
    }
    watch.end().await;
}

#[tokio::test]
async fn a_component_that_was_cut_off_is_refused() {
    let whole = forecaster("", "");
    for length in (0..whole.len()).step_by(97) {
        let error = load(whole[..length].to_vec()).await.expect_err("cut off");
        let named = matches!(
            error,
            LoadError::NotWasm | LoadError::Malformed(_) | LoadError::NoManifest | LoadError::WrongKind { .. }
        );
        assert!(named, "{length} bytes: {error:?}");
    }
}

#[test]
fn a_garbled_component_is_refused_or_read_but_never_fatal() {
    let whole = forecaster("", "");
    let mut chance = SmallRng::seed_from_u64(1);
    let mut refused = 0;
    for _ in 0..5_000 {
        let mut garbled = whole.clone();
        for _ in 0..chance.random_range(1..8) {
            let at = chance.random_range(0..garbled.len());
            garbled[at] = chance.random();
        }
        let grant = Grant { parameters: json!({}), ..grant(tight()) };
        refused += u32::from(check_component(&garbled, 1 << 20, grant).is_err());
    }
    assert!(refused > 500, "{refused} of 5,000 were refused");
}

#[tokio::test]
async fn outsize_memories_meet_the_limit_before_anything_runs() {
    for (name, memory, data) in [
        ("4 GiB", "(memory (export \"memory\") 65536)", ""),
        ("data at the end of 4 GiB", "(memory (export \"memory\") 65536)", "(data (i32.const -16) \"end\")"),
    ] {
        let loaded = load(forecaster_with(memory, data)).await;
        let Err(LoadError::Probe(error)) = loaded else { panic!("{name}: {loaded:?}") };
        assert_eq!(error.kind, Kind::Memory, "{name}: {error}");
    }
    let error = load(forecaster_with("(memory (export \"memory\") 1) (memory 1)", "")).await;
    assert!(error.as_ref().is_err_and(|error| error.to_string().contains("memories")), "{error:?}");
}

/// A forecaster with further modules beside its own, each of 100 pages.
fn forecaster_beside(modules: u32) -> Vec<u8> {
    let plain = forecaster("", "");
    let own = wasmparser::Parser::new(0).parse_all(&plain);
    let own = own.filter(|part| matches!(part, Ok(wasmparser::Payload::ModuleSection { .. }))).count();
    let instance = format!("(core module (memory 100)) (core instance (instantiate {own}))");
    let again = format!("(core instance (instantiate {own}))").repeat(modules as usize - 1);
    let beside = wat::parse_str(format!("(component {instance} {again})")).expect("sections");
    let manifest = with_manifest(&[], &manifest("forecaster"));
    let (code, manifest) = plain.split_at(plain.len() - manifest.len());
    [code, &beside[HEADER.len()..], manifest].concat()
}

#[tokio::test]
async fn the_memories_of_all_modules_are_summed() {
    load(forecaster_beside(1)).await.expect("101 of 128 pages");
    let Err(LoadError::Probe(error)) = load(forecaster_beside(2)).await else { panic!("201 of 128 pages") };
    assert_eq!((error.kind, error.message.contains("8388608 granted")), (Kind::Memory, true), "{error}");
}

#[tokio::test]
async fn a_million_handles_meet_the_limit() {
    let body = "(loop $more (drop (call $model_new (i32.const 1))) (br $more))";
    let (_, forecaster) = crate::support::load_forecaster("FIT", body).await;
    let error = forecaster.fit(crate::support::history(&[1.0]), serde_json::Value::Null).await.expect_err("handles");
    assert_eq!(error.kind, Kind::Memory, "{error}");
}

#[tokio::test]
async fn a_text_that_is_no_text_loses_the_call_alone() {
    // The summary of `describe` begins at 0: its address and its length. At 2048 there are bytes that are no UTF-8.
    let body = "(i32.store (i32.const 2048) (i32.const -1)) (i32.store (i32.const 0) (i32.const 2048))
        (i32.store (i32.const 4) (i32.const 4))";
    let loaded = load(forecaster("DESCRIBE", body)).await;
    let Err(LoadError::Probe(error)) = loaded else { panic!("{loaded:?}") };
    assert!(error.kind == Kind::Trap && error.message.contains("utf-8"), "{error}");
}
