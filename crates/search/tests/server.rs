//! What a Qdrant server alone must do: be missed without harm.

mod corpus;

use std::net::TcpListener;

use search::{Backend, CollectionSpec, Error, Fault, Filter, Search, SearchConfig};

use corpus::{DIMENSIONS, points, query};

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
        search.begin_rebuild(TICKETS).await.unwrap_err(),
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
