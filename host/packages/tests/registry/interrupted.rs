//! An interrupted download goes on where it stopped, or begins again; what counts is the digest in the end.

use crate::liar::{Content, Liar, begin};
use crate::pull;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use forewarm_packages::RegistryError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CUT: usize = 100_000;

/// A registry whose first answers for the component are cut off; later ones are `then`.
async fn cut_first(times: usize, then: impl Fn(&Content, &Parts) -> Response + Clone + Send + Sync + 'static) -> Liar {
    let (content, count) = (Content::new(), Arc::new(AtomicUsize::new(0)));
    Liar::start(move |parts| {
        if parts.uri.path().contains("/manifests/") {
            return content.manifest();
        }
        let from = begin(parts).unwrap_or(0);
        if count.fetch_add(1, Ordering::Relaxed) < times { content.cut(from, CUT) } else { then(&content, parts) }
    })
    .await
}

async fn pulled(liar: &Liar, partial: &[u8]) -> Result<(), RegistryError> {
    let folder = tempfile::tempdir().expect("a folder");
    if !partial.is_empty() {
        std::fs::write(folder.path().join("partial"), partial).expect("writes");
    }
    let candidate = pull(&liar.reference(":1"), folder.path()).await?;
    assert!(candidate.component == Content::new().component, "the component is whole");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0, "nothing is left");
    Ok(())
}

fn ranges(liar: &Liar) -> Vec<Option<String>> {
    let range = |headers: &axum::http::HeaderMap| Some(headers.get(header::RANGE)?.to_str().ok()?.to_owned());
    liar.requests("/blobs/").iter().map(range).collect()
}

#[tokio::test]
async fn it_goes_on_where_it_stopped() {
    let liar = cut_first(2, Content::blob).await;
    pulled(&liar, &[]).await.expect("pulls");
    let (first, second) = (format!("bytes={CUT}-"), format!("bytes={}-", 2 * CUT));
    assert_eq!(ranges(&liar), [None, Some(first), Some(second)]);
}

#[tokio::test]
async fn it_begins_again_where_the_registry_knows_no_parts() {
    let liar = cut_first(1, |content, _| content.component.clone().into_response()).await;
    pulled(&liar, &[]).await.expect("pulls");
    let liar = cut_first(1, |content, _| {
        let wrong = [(header::CONTENT_RANGE, "bytes 5-9/10")];
        (StatusCode::PARTIAL_CONTENT, wrong, content.component.clone()).into_response()
    });
    pulled(&liar.await, &[]).await.expect("pulls");
    let liar = cut_first(1, |content, parts| match begin(parts) {
        Some(_) => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
        None => content.component.clone().into_response(),
    });
    pulled(&liar.await, &[]).await.expect("pulls");
}

#[tokio::test]
async fn what_was_collected_and_is_damaged_is_fetched_anew() {
    let liar = cut_first(0, Content::blob).await;
    pulled(&liar, &[7; 1_000]).await.expect("pulls");
    assert_eq!(ranges(&liar), [Some("bytes=1000-".to_owned()), None]);
    let longer = vec![7; Content::new().component.len() + 1];
    pulled(&cut_first(0, Content::blob).await, &longer).await.expect("pulls");
    let as_long = vec![7; Content::new().component.len()];
    pulled(&cut_first(0, Content::blob).await, &as_long).await.expect("pulls");
}

#[tokio::test]
async fn a_connection_that_keeps_breaking_leaves_what_came_for_the_next_time() {
    let content = Content::new();
    let broken = Liar::start({
        let content = content.clone();
        move |parts| match (parts.uri.path().contains("/manifests/"), begin(parts)) {
            (true, _) => content.manifest(),
            (false, None) => content.cut(0, CUT),
            (false, Some(from)) => content.cut(from, 0),
        }
    });
    let (broken, folder) = (broken.await, tempfile::tempdir().expect("a folder"));
    let error = pull(&broken.reference(":1"), folder.path()).await.expect_err("gives up");
    let came = u64::try_from(CUT).expect("fits");
    assert!(matches!(error, RegistryError::Interrupted { received, .. } if received == came), "{error}");

    let whole = Liar::start(move |parts| content.answer(parts)).await;
    let candidate = pull(&whole.reference(":1"), folder.path()).await.expect("pulls");
    assert!(candidate.component == Content::new().component);
    assert_eq!(ranges(&whole), [Some(format!("bytes={CUT}-"))], "only the rest was asked for");
}

#[tokio::test]
async fn two_that_fetch_the_same_wait_for_each_other() {
    let liar = cut_first(1, Content::blob).await;
    let (folder, reference) = (tempfile::tempdir().expect("a folder"), liar.reference(":1"));
    // Each on a thread of its own, as processes are: waiting for the file blocks.
    let pulls: Vec<_> = (0..2)
        .map(|_| {
            let (folder, reference) = (folder.path().to_owned(), reference.clone());
            tokio::task::spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(pull(&reference, &folder))
            })
        })
        .collect();
    for pull in pulls {
        let candidate = pull.await.expect("ends").expect("pulls");
        assert!(candidate.component == Content::new().component);
    }
}
