//! What a Qdrant server alone must do: be missed without harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod corpus;
mod relay;

use std::net::TcpListener;

use search::{Backend, CollectionSpec, Error, Fault, Filter, Rebuild, Search, SearchConfig};
use uuid::Uuid;

use corpus::{DIMENSIONS, points, query, rebuild};
use relay::Relay;

const TICKETS: &str = "tickets";

/// A search on a port of this machine that nobody listens on.
async fn nowhere() -> Search {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = SearchConfig::server(format!("http://{free}"));
    if let Backend::Server(server) = &mut config.backend {
        server.timeout_ms = 2_000;
    }
    Search::open(config).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_down_is_a_failed_dependency_in_every_call() {
    let search = nowhere().await;
    let mut errors = vec![
        search
            .ensure(&CollectionSpec::new(TICKETS, DIMENSIONS))
            .await
            .unwrap_err(),
        search.healthy().await.unwrap_err(),
        search.upsert(TICKETS, &points(1)).await.unwrap_err(),
        search.nearest(TICKETS, &query("x", "en")).await.unwrap_err(),
        search.count(TICKETS, &Filter::default()).await.unwrap_err(),
        rebuild(&search, TICKETS, []).await.unwrap_err(),
    ];
    errors.push(search.delete(TICKETS, &[points(1)[0].id]).await.unwrap_err());
    for error in errors {
        assert!(matches!(error, Error::Server { .. }), "{error:?}");
        assert_eq!(error.fault(), Fault::Dependency, "{error:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let error = Search::open(SearchConfig::server("not an address")).await.unwrap_err();
    assert!(matches!(error, Error::Server { .. }), "{error:?}");
}

/// A search whose way to the real server leads over a relay that can be cut.
async fn over(relay: &Relay) -> Search {
    Search::open(way_over(relay)).await.unwrap()
}

/// Names of its own on the server.
fn way_over(relay: &Relay) -> SearchConfig {
    let mut config = SearchConfig::server(relay.url());
    if let Backend::Server(server) = &mut config.backend {
        server.prefix = format!("test_{}_", Uuid::new_v4().simple());
        server.timeout_ms = 30_000;
    }
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gone_in_the_middle_is_used_again_when_it_is_back() {
    let Ok(url) = std::env::var("DESK_TEST_QDRANT_URL") else {
        println!("skipped, DESK_TEST_QDRANT_URL is not set: a_server_gone_in_the_middle");
        return;
    };
    let mut relay = Relay::to(&url).await;
    let search = over(&relay).await;
    search.ensure(&CollectionSpec::new(TICKETS, DIMENSIONS)).await.unwrap();
    search.upsert(TICKETS, &points(20)).await.unwrap();

    relay.cut().await;
    for error in [
        search.upsert(TICKETS, &points(30)).await.unwrap_err(),
        search.nearest(TICKETS, &query("invoice", "en")).await.unwrap_err(),
        search.healthy().await.unwrap_err(),
    ] {
        assert_eq!(error.fault(), Fault::Dependency, "{error:?}");
    }

    relay.join().await;
    search.healthy().await.unwrap();
    search.upsert(TICKETS, &points(30)).await.unwrap();
    assert_eq!(search.count(TICKETS, &Filter::default()).await.unwrap(), 30);
    search.drop_collection(TICKETS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_down_at_the_start_is_used_when_it_comes() {
    let Ok(url) = std::env::var("DESK_TEST_QDRANT_URL") else {
        println!("skipped, DESK_TEST_QDRANT_URL is not set: a_server_that_was_down_at_the_start");
        return;
    };
    let mut relay = Relay::to(&url).await;
    relay.cut().await;
    let search = over(&relay).await;
    let error = search
        .ensure(&CollectionSpec::new(TICKETS, DIMENSIONS))
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Dependency, "{error:?}");

    relay.join().await;
    search.upsert(TICKETS, &points(5)).await.unwrap();
    assert_eq!(search.count(TICKETS, &Filter::default()).await.unwrap(), 5);
    search.drop_collection(TICKETS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_cannot_be_finished_is_over() {
    let Ok(url) = std::env::var("DESK_TEST_QDRANT_URL") else {
        println!("skipped, DESK_TEST_QDRANT_URL is not set: a_rebuild_that_cannot_be_finished");
        return;
    };
    let mut relay = Relay::to(&url).await;
    let search = over(&relay).await;
    search.ensure(&CollectionSpec::new(TICKETS, DIMENSIONS)).await.unwrap();
    search.upsert(TICKETS, &points(20)).await.unwrap();

    let fill = async |building: &Rebuild| {
        building.add(&points(10)).await?;
        relay.cut().await;
        Ok::<_, Error>(())
    };
    let error = search.rebuild_with(TICKETS, fill).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Dependency, "{error:?}");

    relay.join().await;
    search.upsert(TICKETS, &points(21)).await.unwrap();
    assert_eq!(search.count(TICKETS, &Filter::default()).await.unwrap(), 21);
    rebuild(&search, TICKETS, [points(10)]).await.unwrap();
    assert_eq!(search.count(TICKETS, &Filter::default()).await.unwrap(), 10);
    search.drop_collection(TICKETS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_collections_gets_them_again() {
    let Ok(url) = std::env::var("DESK_TEST_QDRANT_URL") else {
        println!("skipped, DESK_TEST_QDRANT_URL is not set: a_server_that_lost_its_collections");
        return;
    };
    let relay = Relay::to(&url).await;
    let spec = CollectionSpec::new(TICKETS, DIMENSIONS);
    let way = way_over(&relay);
    let search = Search::open(way.clone()).await.unwrap();
    search.ensure(&spec).await.unwrap();
    search.upsert(TICKETS, &points(20)).await.unwrap();

    let other = Search::open(way).await.unwrap();
    other.drop_collection(TICKETS).await.unwrap();
    let error = search.count(TICKETS, &Filter::default()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Dependency, "{error:?}");

    search.ensure(&spec).await.unwrap();
    assert_eq!(search.count(TICKETS, &Filter::default()).await.unwrap(), 0);
    search.upsert(TICKETS, &points(20)).await.unwrap();
    assert_eq!(search.count(TICKETS, &Filter::default()).await.unwrap(), 20);
    search.drop_collection(TICKETS).await.unwrap();
}
