//! What every store promises: on SQLite always, on PostgreSQL when
//! `DESK_TEST_POSTGRES_URL` is set, each test with a database of its own.

mod access;
mod articles;
mod changes;
mod desk_under_test;
mod failures;
mod incident_reports;
mod incidents;
mod lists;
mod merges;
mod models;
mod people;
mod search_log;
mod shadows;
mod submissions;
mod suggestions;
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
    submissions::old_keys_are_forgotten_and_young_ones_stay,
    submissions::an_external_id_is_stored_once_per_source,
    submissions::a_bad_reference_spoils_only_its_own_ticket,
    triage::a_decision_flips_the_state_once,
    triage::of_many_decisions_at_once_one_is_kept,
    triage::what_a_person_set_meanwhile_stays,
    triage::an_agent_of_another_team_than_a_persons_is_not_taken,
    triage::what_people_have_said_is_asked_of_nobody_else,
    triage::a_decision_needs_a_waiting_ticket,
    triage::claims_are_disjoint_and_expire,
    triage::claims_can_be_released,
    triage::failures_are_tried_again_and_end_with_a_person,
    triage::an_attempt_that_is_put_off_is_not_counted,
    triage::counts_follow_the_tickets,
    changes::a_patch_keeps_corrections_and_events,
    changes::a_stale_patch_is_refused,
    changes::another_category_is_counted_as_a_change,
    changes::of_many_patches_from_one_version_one_wins,
    changes::a_patch_names_only_what_exists,
    changes::a_person_finishes_what_triage_could_not,
    changes::messages_are_kept_and_reopen,
    changes::a_message_opens_no_ticket_that_is_closed_meanwhile,
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
    articles::what_changed_lately_is_known_without_its_text,
    merges::a_merged_ticket_is_read_with_its_survivor,
    merges::unmerging_gives_back_what_was,
    merges::what_a_customer_says_on_a_merged_ticket_opens_its_survivor,
    merges::merges_that_cannot_be_are_refused,
    merges::of_two_merges_at_once_one_wins,
    merges::a_merged_ticket_is_neither_load_nor_knowledge,
    models::versions_are_numbered_once_in_each_head,
    models::every_process_sees_the_same_active_version,
    models::a_version_in_force_is_not_activated_again,
    models::a_version_whose_files_cannot_be_placed_is_not_known,
    models::versions_that_never_decided_are_forgotten,
    models::the_files_of_a_version_are_there_for_every_process,
    shadows::what_a_challenger_said_is_counted_and_settled_by_people,
    shadows::a_merge_settles_nothing,
    shadows::a_head_has_one_challenger_until_it_is_in_force_or_called_off,
    incidents::an_incident_is_read_with_its_tickets,
    incidents::incidents_are_listed_by_state,
    incidents::a_ticket_is_in_one_open_incident,
    incidents::one_reply_goes_to_all_once,
    incidents::tickets_are_solved_and_opened_together,
    incidents::what_overtakes_a_change_of_an_incident_stays,
    incidents::of_two_incidents_at_once_one_has_the_ticket,
    incident_reports::open_tickets_are_read_with_their_duplicates,
    suggestions::the_last_verdict_on_a_ticket_counts,
    suggestions::the_last_public_reply_of_an_agent_is_the_reply,
    search_log::unanswered_searches_are_counted_by_query,
    search_log::insights_come_in_pages,
    search_log::the_last_verdict_on_an_answer_counts,
    search_log::one_verdict_given_many_times_at_once_counts_once,
    search_log::old_searches_are_forgotten,
    access::a_token_is_checked_until_revoked,
    access::a_secret_is_never_stored,
    access::settings_are_remembered,
    access::a_turn_is_one_processs_until_it_ends,
    access::a_turn_lasts_as_long_as_the_work,
    access::a_turn_is_kept_until_the_work_is_due_again,
    access::work_ends_with_a_turn_that_was_lost,
    access::a_closed_store_has_finished_and_says_so,
];
