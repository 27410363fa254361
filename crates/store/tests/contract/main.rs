//! What every store promises: on SQLite always, on PostgreSQL when
//! `DESK_TEST_POSTGRES_URL` is set, each test with a database of its own.

mod access;
mod articles;
mod changes;
mod desk_under_test;
mod failures;
mod lists;
mod people;
mod submissions;
mod triage;

/// Runs every promise on both databases.
macro_rules! promises {
    ($($module:ident :: $promise:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let desk = crate::desk_under_test::Desk::sqlite().await;
                crate::$module::$promise(&desk).await;
                desk.finish().await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let Some(desk) = crate::desk_under_test::Desk::postgres().await else { return };
                crate::$module::$promise(&desk).await;
                desk.finish().await;
            })+
        }
    };
}

promises![
    submissions::a_ticket_is_kept_as_it_came,
    submissions::what_was_acknowledged_is_there_after_a_restart,
    submissions::many_at_once_get_different_rising_numbers,
    submissions::a_key_gives_the_same_ticket,
    submissions::a_key_sent_many_times_at_once_makes_one_ticket,
    submissions::a_key_can_be_forgotten,
    submissions::an_external_id_is_stored_once_per_source,
    submissions::a_bad_reference_spoils_only_its_own_ticket,
    triage::a_decision_flips_the_state_once,
    triage::of_many_decisions_at_once_one_is_kept,
    triage::what_a_person_set_meanwhile_stays,
    triage::a_decision_needs_a_waiting_ticket,
    triage::claims_are_disjoint_and_expire,
    triage::claims_can_be_released,
    triage::failures_are_tried_again_and_end_with_a_person,
    triage::counts_follow_the_tickets,
    changes::a_patch_keeps_corrections_and_events,
    changes::a_stale_patch_is_refused,
    changes::of_many_patches_from_one_version_one_wins,
    changes::a_patch_names_only_what_exists,
    changes::a_person_finishes_what_triage_could_not,
    changes::messages_are_kept_and_reopen,
    changes::events_cannot_be_changed,
    people::accounts_and_contacts_are_kept,
    people::names_and_addresses_are_unique,
    people::stale_and_bad_changes_are_refused,
    people::load_and_experience_follow_the_tickets,
    lists::every_filter_restricts,
    lists::pages_are_stable_while_tickets_arrive,
    lists::a_foreign_cursor_is_refused,
    lists::all_tickets_are_walked_in_order,
    triage::what_was_decided_since_a_time_is_walked_in_order,
    articles::every_edit_of_an_article_is_kept,
    articles::an_external_id_of_an_article_is_taken_once,
    articles::articles_are_listed_by_their_filters,
    articles::an_article_waits_until_its_latest_version_is_indexed,
    access::a_token_is_checked_until_revoked,
    access::a_secret_is_never_stored,
    access::settings_are_remembered,
    access::a_closed_store_has_finished_and_says_so,
];
